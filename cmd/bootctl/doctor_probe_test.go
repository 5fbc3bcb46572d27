package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// writeTemp writes a file for a flag to name.
func writeTemp(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The probe trusts what the flags say, else the CA of the kubeconfig, and never
// nothing.
func TestDoctorProbeOptions(t *testing.T) {
	ca, other := testca.New(t, time.Now()), testca.New(t, time.Now())
	config := &rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(ca.Certificate)}}
	pin := clusterinfo.PinOf(other.Certificate)
	caFile := writeTemp(t, certpem.Encode(other.Certificate))
	tests := []struct {
		name    string
		config  *rest.Config
		args    []string
		cas     []testca.CA
		pins    int
		wantErr error
	}{
		{"kubeconfig", config, nil, []testca.CA{ca}, 0, nil},
		{"pin", config, []string{"--ca-cert-hash", pin.String()}, nil, 1, nil},
		{"CA file", config, []string{"--ca-file", caFile}, []testca.CA{other}, 0, nil},
		{"neither", &rest.Config{}, nil, nil, 0, errKubeconfig},
		{"no verification", config, []string{"--unsafe-skip-ca-verification"}, nil, 0, errInput},
		{"a pin that is none", config, []string{"--ca-cert-hash", "x"}, nil, 0, clusterinfo.ErrInvalidPin},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var o doctorProbeOptions
			fs := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
			o.addFlags(fs)
			o.rbac.addFlags(fs)
			o.trust.addFlags(fs)
			if err := fs.Parse(append(test.args, "--probe", "--group", "system:bootstrappers:nodes", "--auto-approve", "none")); err != nil {
				t.Fatal(err)
			}
			probe, err := o.prober(&env{}, test.config, &apiclient.Client{})
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			if test.wantErr != nil {
				return
			}
			if !o.probe || probe.Group != "system:bootstrappers:nodes" || probe.Approval != setup.AutoApproveNone {
				t.Errorf("%+v", probe)
			}
			if len(probe.Trust.CAs) != len(test.cas) || len(probe.Trust.Pins) != test.pins || len(test.cas) > 0 && !probe.Trust.CAs[0].Equal(test.cas[0].Certificate) {
				t.Errorf("it trusts %v and the pins %v", probe.Trust.CAs, probe.Trust.Pins)
			}
		})
	}
}

func TestDoctorNodeOptions(t *testing.T) {
	tokenFile := writeTemp(t, []byte("abcdef."+planted+"\n"))
	tests := []struct {
		name    string
		args    []string
		id      string
		wantErr error
	}{
		{"without a token", []string{"--endpoint", "192.0.2.1"}, "", nil},
		{"with one", []string{"--endpoint", "192.0.2.1", "--token-file", tokenFile}, "abcdef", nil},
		{"a token that is none", []string{"--endpoint", "192.0.2.1", "--token-file", writeTemp(t, []byte("x"))}, "", token.ErrInvalid},
		{"an endpoint that is none", []string{"--endpoint", "http://192.0.2.1"}, "", clusterinfo.ErrInvalidEndpoint},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var o doctorNodeOptions
			fs := pflag.NewFlagSet("doctor", pflag.ContinueOnError)
			o.addFlags(fs)
			if err := fs.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			node, err := o.node(&env{In: strings.NewReader(""), getenv: func(string) string { return "" }})
			if !errors.Is(err, test.wantErr) || node.Discovery.Token.ID() != test.id {
				t.Errorf("token %q, error %v, want %q and %v", node.Discovery.Token, err, test.id, test.wantErr)
			}
			if err == nil && (len(node.Discovery.Endpoints) != 1 || node.Discovery.Endpoints[0] != "192.0.2.1:6443") {
				t.Errorf("endpoints %q", node.Discovery.Endpoints)
			}
		})
	}
}
