package qemu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// The layout of an empty qcow2 disk, one thing per cluster (QEMU,
// docs/interop/qcow2.rst). All numbers in it are big-endian.
const (
	qcow2Magic       = 0x514649fb
	qcow2Version     = 3
	clusterBits      = 16
	clusterBytes     = 1 << clusterBits
	refcountOrder    = 4 // 16 bits
	headerBytes      = 104
	refcountTableAt  = 1 * clusterBytes
	refcountBlockAt  = 2 * clusterBytes
	l1TableAt        = 3 * clusterBytes
	bytesPerL1Entry  = clusterBytes * clusterBytes / 8
	maxQcow2Bytes    = clusterBytes / 8 * bytesPerL1Entry // one cluster of L1 table
	usedClusters     = 4
	refcountsAtStart = 1
)

// CreateQcow2 makes an empty qcow2 disk of size bytes: a file that takes a
// guest's writes while what is below it stays as it is. qemu-img would do the
// same, but is in a package of its own, and QEMU itself may start no programs.
func CreateQcow2(path string, size int64) (err error) {
	if size <= 0 || size > maxQcow2Bytes {
		return fmt.Errorf("create qcow2 %s: size %d is not within 1 and %d", path, size, int64(maxQcow2Bytes))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create qcow2: %w", err)
	}
	_, err = f.Write(emptyQcow2(size))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("create qcow2: %w", err)
	}
	return nil
}

func emptyQcow2(size int64) []byte {
	disk := make([]byte, usedClusters*clusterBytes)
	be := binary.BigEndian
	be.PutUint32(disk[0:], qcow2Magic)
	be.PutUint32(disk[4:], qcow2Version)
	be.PutUint32(disk[20:], clusterBits)
	be.PutUint64(disk[24:], uint64(size))
	be.PutUint32(disk[36:], uint32((size+bytesPerL1Entry-1)/bytesPerL1Entry))
	be.PutUint64(disk[40:], l1TableAt)
	be.PutUint64(disk[48:], refcountTableAt)
	be.PutUint32(disk[56:], 1) // clusters of refcount table
	be.PutUint32(disk[96:], refcountOrder)
	be.PutUint32(disk[100:], headerBytes)
	be.PutUint64(disk[refcountTableAt:], refcountBlockAt)
	for i := range usedClusters {
		be.PutUint16(disk[refcountBlockAt+2*i:], refcountsAtStart)
	}
	return disk
}
