package doctorcmd

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// writeTemp writes a temporary file and returns its path.
func writeTemp(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// doctorFlags parses and checks a command line.
func doctorFlags(t *testing.T, args ...string) (options, error) {
	t.Helper()
	var o options
	fs := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
	o.addFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o, o.check(fs)
}

// The probe trusts the CA or pin of the flags, or otherwise the CA of the kubeconfig.
func TestOptions_Probe(t *testing.T) {
	ca, other := testca.New(t, time.Now()), testca.New(t, time.Now())
	pin := clusterinfo.PinOf(other.Certificate)
	caFile := writeTemp(t, certpem.Encode(other.Certificate))
	tests := []struct {
		name    string
		args    []string
		cas     []testca.CA
		pins    int
		wantErr error
	}{
		{"kubeconfig", nil, []testca.CA{ca}, 0, nil},
		{"pin", []string{"--ca-cert-hash", pin.String()}, nil, 1, nil},
		{"CA file", []string{"--ca-file", caFile}, []testca.CA{other}, 0, nil},
		{"no verification", []string{"--unsafe-skip-ca-verification"}, nil, 0, failure.ErrUsage},
		{"view of a node", []string{"--endpoint", "192.0.2.1"}, nil, 0, failure.ErrUsage},
		{"invalid pin", []string{"--ca-cert-hash", "x"}, nil, 0, clusterinfo.ErrInvalidPin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := doctorFlags(t, append(test.args, "--probe", "--group", "system:bootstrappers:nodes", "--auto-approve", "none")...)
			var probe doctor.Probe
			if err == nil {
				probe, err = o.prober(&cli.Env{}, doctor.Cluster{Client: &kubeclient.Client{}, CAs: []*x509.Certificate{ca.Certificate}})
			}
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			if test.wantErr != nil {
				return
			}
			if probe.Setup.Group != "system:bootstrappers:nodes" || probe.Setup.Approval != setup.AutoApproveNone {
				t.Errorf("%+v", probe)
			}
			if len(probe.CAs) != len(test.cas) || len(probe.Pins) != test.pins || len(test.cas) > 0 && !probe.CAs[0].Equal(test.cas[0].Certificate) {
				t.Errorf("trusted CAs %v and pins %v", probe.CAs, probe.Pins)
			}
		})
	}
}

func TestOptions_Node(t *testing.T) {
	tokenFile := writeTemp(t, []byte("abcdef."+"0123456789abcdef"+"\n"))
	tests := []struct {
		name    string
		args    []string
		id      string
		wantErr error
	}{
		{"without a token", []string{"--endpoint", "192.0.2.1"}, "", nil},
		{"with a token", []string{"--endpoint", "192.0.2.1", "--token-file", tokenFile}, "abcdef", nil},
		{"invalid token", []string{"--endpoint", "192.0.2.1", "--token-file", writeTemp(t, []byte("x"))}, "", token.ErrInvalid},
		{"invalid endpoint", []string{"--endpoint", "http://192.0.2.1"}, "", clusterinfo.ErrInvalidEndpoint},
		{"flag for administrators", []string{"--endpoint", "192.0.2.1", "--group", "system:bootstrappers:nodes"}, "", failure.ErrUsage},
		{"CA without an endpoint", []string{"--ca-file", tokenFile}, "", failure.ErrUsage},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := doctorFlags(t, test.args...)
			var node doctor.Node
			if err == nil {
				node, err = o.node(&cli.Env{IOStreams: genericiooptions.IOStreams{In: strings.NewReader("")}, Getenv: func(string) string { return "" }})
			}
			if !errors.Is(err, test.wantErr) || node.Discovery.Token.ID() != test.id {
				t.Errorf("token %q, error %v, want %q and %v", node.Discovery.Token, err, test.id, test.wantErr)
			}
			if err == nil && (len(node.Discovery.Endpoints) != 1 || node.Discovery.Endpoints[0] != "192.0.2.1:6443") {
				t.Errorf("endpoints %q", node.Discovery.Endpoints)
			}
		})
	}
}
