package cli

import (
	"testing"
	"time"
)

func TestParseRequestTimeout_Values(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "5": 5 * time.Second, "0": 0, "1m30s": 90 * time.Second} {
		if got, err := parseRequestTimeout(text); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}
