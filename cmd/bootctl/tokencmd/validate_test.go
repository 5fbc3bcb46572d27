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
		{"join command without signing", createOptions{usages: both[1:], joinCommand: programKubeadm}, "", nil, "--print-join-command requires the usages signing and authentication"},
		{"kubeconfig without authentication", createOptions{usages: both[:1]}, formatBootstrapKubeconfig, nil, "-o bootstrap-kubeconfig requires the usage authentication"},
		{"wait without signing", createOptions{usages: both[1:], wait: true, timeout: 1}, "", nil, "--wait requires the usage signing"},
		{"wait in a dry run", createOptions{usages: both, wait: true, timeout: 1, dryRun: dryRunServer}, "", nil, "--wait and --dry-run cannot be used together"},
		{"no time", createOptions{usages: both, wait: true}, "", nil, "--timeout must be positive, not 0s"},
		{"none", createOptions{usages: both, many: true}, "", nil, "--count 0 is not between 1 and 10000"},
		{"too many", createOptions{usages: both, many: true, count: maxCount + 1}, "", nil, "--count 10001 is not between 1 and 10000"},
		{"several with a token", createOptions{usages: both, many: true, count: 1}, "", []string{"x"}, "--count creates random tokens: it cannot be used with TOKEN or --token-file"},
		{"several with a file", createOptions{usages: both, many: true, count: 1, tokenFile: "x"}, "", nil, "--count creates random tokens: it cannot be used with TOKEN or --token-file"},
		{"several kubeconfigs", createOptions{usages: both, many: true, count: 1}, formatBootstrapKubeconfig, nil, "-o bootstrap-kubeconfig and --count cannot be used together"},
		{"token and file", createOptions{usages: both, tokenFile: "x"}, "", []string{"x"}, "TOKEN and --token-file cannot be used together"},
		{"value of a flag", createOptions{usages: both}, "", []string{"server"}, "server is not a token; pass a value as --print-join-command=VALUE or --dry-run=VALUE"},
		{"TTL and time", createOptions{usages: both, expiry: expiryOptions{"1h", "x"}}, "", nil, "--ttl and --expires-at cannot be used together"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { testusage.Check(t, test.options.validate(test.format, test.args), test.want) })
	}
}

func TestDeleteOptions_Validate(t *testing.T) {
	testusage.Check(t, deleteOptions{}.validate([]string{"abcdef"}), "")
	testusage.Check(t, deleteOptions{expired: true}.validate(nil), "")
	testusage.Check(t, deleteOptions{}.validate(nil), "name tokens by their IDs, or use --expired")
	testusage.Check(t, deleteOptions{expired: true}.validate([]string{"abcdef"}), "ID and --expired cannot be used together")
}

func TestExtendOptions_Validate(t *testing.T) {
	testusage.Check(t, extendOptions{expiryOptions{ttl: "1h"}}.validate(), "")
	testusage.Check(t, extendOptions{expiryOptions{expiresAt: "x"}}.validate(), "")
	testusage.Check(t, extendOptions{}.validate(), "use --ttl or --expires-at")
	testusage.Check(t, extendOptions{expiryOptions{"1h", "x"}}.validate(), "--ttl and --expires-at cannot be used together")
}

func TestListOptions_Validate(t *testing.T) {
	testusage.Check(t, listOptions{}.validate(), "")
	testusage.Check(t, listOptions{usage: token.Signing}.validate(), "")
	testusage.Check(t, listOptions{usage: "sign"}.validate(), `--usage "sign" is neither signing nor authentication`)
}

func TestCheckOptions_Validate(t *testing.T) {
	const full = "k3x9q2.w8f0s7d6h5j4n3m2"
	pinned := cmdutil.TrustFlags{CaCertHashes: []string{"sha256:0"}}
	tests := []struct {
		name    string
		options checkOptions
		args    []string
		want    string
	}{
		{"an ID", checkOptions{}, []string{"k3x9q2"}, ""},
		{"a file", checkOptions{tokenFile: "x"}, nil, ""},
		{"as a node", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{full}, ""},
		{"token and file", checkOptions{tokenFile: "x"}, []string{full}, "ID and --token-file cannot be used together"},
		{"pins without an endpoint", checkOptions{trust: pinned}, []string{full}, "--ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint"},
		{"an ID as a node", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{"k3x9q2"}, "--endpoint requires the full token: use --token-file"},
		{"another type", checkOptions{endpoint: "192.0.2.1", trust: pinned}, []string{"csr/x"}, `"csr/x" has the type "csr", but the command accepts secret/NAME`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { testusage.Check(t, test.options.validate(test.args), test.want) })
	}
}
