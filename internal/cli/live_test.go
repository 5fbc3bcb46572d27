package cli

import (
	"bytes"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// The status line needs a terminal that interprets control characters.
func TestStartStatusLine(t *testing.T) {
	tests := []struct {
		name  string
		width int
		vars  map[string]string
		want  bool
	}{
		{"terminal", 80, nil, true},
		{"pipe", 0, nil, false},
		{"NO_COLOR", 80, map[string]string{"NO_COLOR": "1"}, false},
		{"empty NO_COLOR", 80, map[string]string{"NO_COLOR": ""}, true},
		{"dumb terminal", 80, map[string]string{"TERM": "dumb"}, false},
	}
	for _, test := range tests {
		var out bytes.Buffer
		e := Env{Redact: func(s string) string { return s }, IOStreams: genericiooptions.IOStreams{ErrOut: &out}, Width: func() int { return test.width }, Getenv: func(name string) string { return test.vars[name] }}
		stop := e.StartStatusLine(func() string { return "now" })
		if drawn := e.Line != nil; drawn != test.want {
			t.Errorf("%s: drawn: %v, want %v", test.name, drawn, test.want)
		}
		stop()
	}
}
