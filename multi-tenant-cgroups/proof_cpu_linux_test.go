package multitenantcgroups

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettled(t *testing.T) {
	tests := []struct {
		name    string
		verdict Verdict
		used    float64
		want    bool
	}{
		{"pass", Pass, 1, true},
		{"inconclusive", Inconclusive, 1.2, false},
		{"miss below", Fail, 0.75, false},
		{"far beyond", Fail, 2.4, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, settled(&Proof{Verdict: tt.verdict, Measured: Run{LimitUsed: tt.used}}))
		})
	}
}
