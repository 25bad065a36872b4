// Package report holds what a run of the VM harness found, as vmtest-report/v1,
// and renders it: JSON for machines, JUnit for CI systems, Markdown for people.
//
// The JSON is the report; the renderings hold nothing that is not in it. A
// report starts with every planned test as lost, so that one that was written
// by a harness that died is never green.
package report
