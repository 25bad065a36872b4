//go:build !unix

package guest

const openNonblock = 0
