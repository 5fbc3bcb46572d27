package setupcmd

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/testusage"
)

func TestOptions_Validate(t *testing.T) {
	const conflict = " cannot be used with --remove"
	tests := []struct {
		name, format string
		args         []string
		want         string
	}{
		{"apply", "yaml", []string{"--endpoint=x", "--force"}, ""},
		{"remove", "json", []string{"--remove", "--group=system:bootstrappers:a"}, ""},
		{"endpoint", "", []string{"--remove", "--endpoint=x"}, "--endpoint" + conflict},
		{"CA", "", []string{"--remove", "--ca-file=x"}, "--ca-file" + conflict},
		{"policy", "", []string{"--remove", "--auto-approve=keep"}, "--auto-approve" + conflict},
		{"force", "", []string{"--remove", "--force"}, "--force" + conflict},
		{"manifests", "kyaml", []string{"--remove"}, "-o kyaml prints manifests and cannot be used with --remove"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var o options
			fs := pflag.NewFlagSet("", pflag.ContinueOnError)
			o.addFlags(fs)
			if err := fs.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			testusage.Check(t, o.validate(test.format, fs), test.want)
		})
	}
}
