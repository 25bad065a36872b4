// Package manifests checks the Kubernetes manifests of vmtest/docs/kubernetes
// against the types of Kubernetes. It is a module of its own, since those types
// are many and nothing else here needs them.
package manifests
