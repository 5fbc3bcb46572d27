package setupcmd

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/testusage"
)

func TestOptions_Validate(t *testing.T) {
	const nothing = " means nothing with --remove"
	tests := []struct {
		name, format string
		args         []string
		want         string
	}{
		{"apply", "yaml", []string{"--endpoint=x", "--force"}, ""},
		{"remove", "json", []string{"--remove", "--group=system:bootstrappers:a"}, ""},
		{"endpoint", "", []string{"--remove", "--endpoint=x"}, "--endpoint" + nothing},
		{"CA", "", []string{"--remove", "--ca-file=x"}, "--ca-file" + nothing},
		{"policy", "", []string{"--remove", "--auto-approve=keep"}, "--auto-approve" + nothing},
		{"force", "", []string{"--remove", "--force"}, "--force" + nothing},
		{"manifests", "kyaml", []string{"--remove"}, "-o kyaml prints what setup creates, and --remove creates nothing"},
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
