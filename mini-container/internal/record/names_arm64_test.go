package record

// legacyNames are calls that newer architectures do without.
var legacyNames = map[uint64]string{}
