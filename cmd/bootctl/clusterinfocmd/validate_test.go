package clusterinfocmd

import (
	"errors"
	"testing"

	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/testusage"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func TestShowOptions_Validate(t *testing.T) {
	testusage.Check(t, showOptions{}.validate(), "")
	testusage.Check(t, showOptions{endpoint: "192.0.2.1"}.validate(), "")
	wantInvalidEndpoint(t, showOptions{endpoint: "http://192.0.2.1"}.validate())
}

func TestPublishOptions_Validate(t *testing.T) {
	testusage.Check(t, publishOptions{}.validate(), "specify --endpoint, the address where nodes reach the API server")
	testusage.Check(t, publishOptions{document: cmdutil.DocumentFlags{Endpoint: "192.0.2.1"}}.validate(), "")
	wantInvalidEndpoint(t, publishOptions{document: cmdutil.DocumentFlags{Endpoint: "http://192.0.2.1"}}.validate())
}

func wantInvalidEndpoint(t *testing.T, err error) {
	t.Helper()
	const want = `"http://192.0.2.1": not an API server address: it is not https`
	if !errors.Is(err, clusterinfo.ErrInvalidEndpoint) || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestPinOptions_Validate(t *testing.T) {
	testusage.Check(t, pinOptions{}.validate(), "")
	testusage.Check(t, pinOptions{[]string{"ca.crt"}}.validate(), "")
	testusage.Check(t, pinOptions{[]string{""}}.validate(), "CA-FILE must not be empty")
}

func TestSignOptions_Validate(t *testing.T) {
	testusage.Check(t, signOptions{}.validate(), "")
	testusage.Check(t, signOptions{file: "x", tokenFile: "y"}.validate(), "")
	testusage.Check(t, signOptions{tokenFile: "y"}.validate(), "--token-file requires --file; without --file, every valid token signs")
}

func TestVerifyOptions_Validate(t *testing.T) {
	const needs = "--token-file, --ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint or --file"
	node := []string{"192.0.2.1"}
	tests := []struct {
		name    string
		options verifyOptions
		want    string
	}{
		{"as an administrator", verifyOptions{}, ""},
		{"as a node", verifyOptions{endpoints: node, tokenFile: "x"}, ""},
		{"a file", verifyOptions{file: "x", tokenFile: "y"}, ""},
		{"file and endpoint", verifyOptions{file: "x", endpoints: node}, "--file and --endpoint cannot be used together"},
		{"token only", verifyOptions{tokenFile: "x"}, needs},
		{"CA only", verifyOptions{trust: cmdutil.TrustFlags{CaFile: "x"}}, needs},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { testusage.Check(t, test.options.validate(), test.want) })
	}
}
