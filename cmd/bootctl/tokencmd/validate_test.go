package tokencmd

import (
	"testing"

	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/testusage"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestCreateOptions_Validate(t *testing.T) {
	both := []string{token.Signing, token.Authentication}
	tests := []struct {
		name    string
		options createOptions
		format  string
		args    []string
		want    string
	}{
		{"random", createOptions{usages: both}, "", nil, ""},
		{"many", createOptions{usages: both, many: true, count: maxCount}, "json", nil, ""},
		{"both usages for a join", createOptions{usages: both, joinCommand: programKubeadm}, "", nil, ""},
		{"join command without signing", createOptions{usages: both[1:], joinCommand: programKubeadm}, "", nil, "a node joins with a token of both usages only, so --print-join-command needs both"},
		{"kubeconfig without authentication", createOptions{usages: both[:1]}, formatBootstrapKubeconfig, nil, "-o bootstrap-kubeconfig needs the usage authentication"},
		{"wait without signing", createOptions{usages: both[1:], wait: true, timeout: 1}, "", nil, "nothing is signed with a token without the usage signing, so --wait would wait for ever"},
		{"wait in a dry run", createOptions{usages: both, wait: true, timeout: 1, dryRun: dryRunServer}, "", nil, "nothing is created in a dry run, so there is nothing to --wait for"},
		{"no time", createOptions{usages: both, wait: true}, "", nil, "--timeout 0s leaves no time"},
		{"none", createOptions{usages: both, many: true}, "", nil, "--count 0 is not between 1 and 10000"},
		{"too many", createOptions{usages: both, many: true, count: maxCount + 1}, "", nil, "--count 10001 is not between 1 and 10000"},
		{"many of one token", createOptions{usages: both, many: true, count: 1}, "", []string{"x"}, "--count is of random tokens, and one was given"},
		{"many of one file", createOptions{usages: both, many: true, count: 1, tokenFile: "x"}, "", nil, "--count is of random tokens, and one was given"},
		{"many kubeconfigs", createOptions{usages: both, many: true, count: 1}, formatBootstrapKubeconfig, nil, "-o bootstrap-kubeconfig is of one token, without --count"},
		{"token and file", createOptions{usages: both, tokenFile: "x"}, "", []string{"x"}, "a token was given and --token-file, too"},
		{"value of a flag", createOptions{usages: both}, "", []string{"server"}, "server is no token; a value of --print-join-command or --dry-run is joined to it with ="},
		{"two ends", createOptions{usages: both, end: expiryOptions{"1h", "x"}}, "", nil, "--ttl and --expires-at were both given"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { testusage.Check(t, test.options.validate(test.format, test.args), test.want) })
	}
}

func TestDeleteOptions_Validate(t *testing.T) {
	testusage.Check(t, deleteOptions{}.validate([]string{"abcdef"}), "")
	testusage.Check(t, deleteOptions{expired: true}.validate(nil), "")
	testusage.Check(t, deleteOptions{}.validate(nil), "name tokens by their IDs, or give --expired")
	testusage.Check(t, deleteOptions{expired: true}.validate([]string{"abcdef"}), "tokens were named, and --expired given too")
}

func TestExtendOptions_Validate(t *testing.T) {
	testusage.Check(t, extendOptions{expiryOptions{ttl: "1h"}}.validate(), "")
	testusage.Check(t, extendOptions{expiryOptions{expiresAt: "x"}}.validate(), "")
	testusage.Check(t, extendOptions{}.validate(), "give --ttl or --expires-at")
	testusage.Check(t, extendOptions{expiryOptions{"1h", "x"}}.validate(), "--ttl and --expires-at were both given")
}

func TestListOptions_Validate(t *testing.T) {
	testusage.Check(t, listOptions{}.validate(), "")
	testusage.Check(t, listOptions{usage: token.Signing}.validate(), "")
	testusage.Check(t, listOptions{usage: "sign"}.validate(), `--usage "sign" is neither signing nor authentication`)
}

func TestCheckOptions_Validate(t *testing.T) {
	const whole = "k3x9q2.w8f0s7d6h5j4n3m2"
	pinned := cmdutil.TrustFlags{CaCertHashes: []string{"sha256:0"}}
	tests := []struct {
		name    string
		options checkOptions
		args    []string
		want    string
	}{
		{"an ID", checkOptions{}, []string{"k3x9q2"}, ""},
		{"a file", checkOptions{tokenFile: "x"}, nil, ""},
		{"as a node", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{whole}, ""},
		{"token and file", checkOptions{tokenFile: "x"}, []string{whole}, "a token was named and --token-file given, too"},
		{"pins without an endpoint", checkOptions{trust: pinned}, []string{whole}, "--ca-cert-hash, --ca-file and --unsafe-skip-ca-verification go with --endpoint"},
		{"an ID as a node", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{"k3x9q2"}, "with --endpoint it takes the whole token: give --token-file"},
		{"another type", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{"csr/x"}, `"csr/x" has the type "csr", and the command takes secret/NAME`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { testusage.Check(t, test.options.validate(test.args), test.want) })
	}
}
