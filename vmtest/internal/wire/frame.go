package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

const (
	headerBytes   = 24
	crcOffset     = 20
	magic         = uint16('V') | uint16('M')<<8
	headerVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Frame is one message.
type Frame struct {
	// Type says what it means.
	Type Type
	// ID is the command or transfer it belongs to, 0 for the session.
	ID uint32
	// Seq counts the frames of one direction from 1.
	Seq uint64
	// Payload is raw bytes or JSON, as Type demands; the receiver owns it.
	Payload []byte
}

// JSON reads the payload into v. Unknown fields are ignored, so that an older
// reader survives an added field. The error matches [ErrPayload].
func (f Frame) JSON(v any) error {
	if err := json.Unmarshal(f.Payload, v); err != nil {
		return fmt.Errorf("read %s frame: %w: %w", f.Type, ErrPayload, err)
	}
	return nil
}

// appendFrame lays out f as it crosses the wire.
func appendFrame(buf []byte, f Frame) []byte {
	start := len(buf)
	buf = binary.LittleEndian.AppendUint16(buf, magic)
	buf = append(buf, headerVersion, uint8(f.Type))
	buf = binary.LittleEndian.AppendUint32(buf, f.ID)
	buf = binary.LittleEndian.AppendUint64(buf, f.Seq)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(f.Payload)))
	sum := checksum(buf[start:], f.Payload)
	buf = binary.LittleEndian.AppendUint32(buf, sum)
	return append(buf, f.Payload...)
}

func checksum(header, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, payload)
}
