package cmdutil

import (
	"errors"
	"testing"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestResourceArgument_Forms(t *testing.T) {
	tests := []struct {
		resource cli.Resource
		text     string
		want     string
		wantErr  error
	}{
		{CSRResource, "node-csr-x", "node-csr-x", nil},
		{CSRResource, "csr/node-csr-x", "node-csr-x", nil},
		{CSRResource, "certificatesigningrequest/x", "x", nil},
		{CSRResource, "certificatesigningrequests/x", "x", nil},
		{CSRResource, "certificatesigningrequest.certificates.k8s.io/x", "x", nil},
		{CSRResource, "certificatesigningrequests.certificates.k8s.io/x", "x", nil},
		{CSRResource, "certificatesigningrequests.v1.certificates.k8s.io/x", "x", nil},
		{CSRResource, "secret/x", "", failure.ErrUsage},
		{CSRResource, "certificatesigningrequests.example.com/x", "", failure.ErrUsage},
		{CSRResource, "/x", "", failure.ErrUsage},
		{CSRResource, "csr/", "", nil}, // which is not the name of a CSR
		{secretResource, "secret/x", "x", nil},
		{secretResource, "secrets/x", "x", nil},
		{secretResource, "csr/x", "", failure.ErrUsage},
	}
	for _, test := range tests {
		if got, err := test.resource.Argument(test.text); got != test.want || !errors.Is(err, test.wantErr) {
			t.Errorf("%s: %q, %v; want %q, %v", test.text, got, err, test.want, test.wantErr)
		}
	}
}

func TestTokenName_Forms(t *testing.T) {
	tests := []struct {
		text, want string
		wantErr    error
	}{
		{"abcdef", "abcdef", nil},
		{"bootstrap-token-abcdef", "abcdef", nil},
		{"secret/bootstrap-token-abcdef", "abcdef", nil},
		{"secrets/bootstrap-token-abcdef", "abcdef", nil},
		{"abcdef.0123456789abcdef", "", nil}, // a full token
		{"secret/abcdef", "", failure.ErrUsage},
		{"csr/abcdef", "", failure.ErrUsage},
		{"bootstrap-token-ABCDEF", "", token.ErrInvalid},
		{"secret/bootstrap-token-abcdef.0123456789abcdef", "", token.ErrInvalid},
	}
	for _, test := range tests {
		if got, err := TokenName(test.text); got != test.want || !errors.Is(err, test.wantErr) {
			t.Errorf("%s: %q, %v; want %q, %v", test.text, got, err, test.want, test.wantErr)
		}
	}
}
