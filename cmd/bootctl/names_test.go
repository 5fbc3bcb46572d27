package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestResourceArgument_Forms(t *testing.T) {
	tests := []struct {
		resource resource
		text     string
		want     string
		wantErr  error
	}{
		{csrResource, "node-csr-x", "node-csr-x", nil},
		{csrResource, "csr/node-csr-x", "node-csr-x", nil},
		{csrResource, "certificatesigningrequest/x", "x", nil},
		{csrResource, "certificatesigningrequests/x", "x", nil},
		{csrResource, "certificatesigningrequest.certificates.k8s.io/x", "x", nil},
		{csrResource, "certificatesigningrequests.certificates.k8s.io/x", "x", nil},
		{csrResource, "certificatesigningrequests.v1.certificates.k8s.io/x", "x", nil},
		{csrResource, "secret/x", "", failure.ErrUsage},
		{csrResource, "certificatesigningrequests.example.com/x", "", failure.ErrUsage},
		{csrResource, "/x", "", failure.ErrUsage},
		{csrResource, "csr/", "", nil}, // which is not the name of a request
		{secretResource, "secret/x", "x", nil},
		{secretResource, "secrets/x", "x", nil},
		{secretResource, "csr/x", "", failure.ErrUsage},
	}
	for _, test := range tests {
		if got, err := test.resource.argument(test.text); got != test.want || !errors.Is(err, test.wantErr) {
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
		{"abcdef.0123456789abcdef", "", nil}, // a whole token
		{"secret/abcdef", "", failure.ErrUsage},
		{"csr/abcdef", "", failure.ErrUsage},
		{"bootstrap-token-ABCDEF", "", token.ErrInvalid},
		{"secret/bootstrap-token-abcdef.0123456789abcdef", "", token.ErrInvalid},
	}
	for _, test := range tests {
		if got, err := tokenName(test.text); got != test.want || !errors.Is(err, test.wantErr) {
			t.Errorf("%s: %q, %v; want %q, %v", test.text, got, err, test.want, test.wantErr)
		}
	}
}

// What one command prints with -o name, another takes, and kubectl too.
func TestName_PrintedAndTaken(t *testing.T) {
	const request = "certificatesigningrequest.certificates.k8s.io/request-of-n1"
	const secret = "secret/bootstrap-token-" + plantedID
	tests := []struct {
		args, want string
	}{
		{"token list", secret},
		{"token check " + secret, secret},
		{"token extend bootstrap-token-" + plantedID + " --ttl 1h", secret},
		{"token delete " + secret + " " + plantedID, secret},
		{"csr review csr/request-of-n1", request},
		{"csr approve " + request + " csr/request-of-n1", request},
		{"csr deny certificatesigningrequests/request-of-n1 --reason No", request},
		{"csr delete csr/request-of-n2", "certificatesigningrequest.certificates.k8s.io/request-of-n2"},
		{"cluster-info show", "configmap/cluster-info"},
		{"cluster-info sign", "configmap/cluster-info"},
		{"cluster-info verify", "secret/bootstrap-token-" + plantedID},
		{"setup", "configmap/cluster-info"},
		{"setup", "role.rbac.authorization.k8s.io/kubeadm:bootstrap-signer-clusterinfo"},
		{"setup", "clusterrolebinding.rbac.authorization.k8s.io/kubeadm:kubelet-bootstrap"},
	}
	for _, test := range tests {
		got := invoke(t, hostileCluster(t), append(strings.Fields(test.args), "-o", "name")...)
		if got.code != 0 || !slices.Contains(strings.Split(got.out, "\n"), test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %q", test.args, got.code, got.out, got.errOut, test.want)
		}
	}
}

func TestName_OfAnotherType(t *testing.T) {
	for _, args := range []string{
		"csr approve pod/x", "csr deny secret/x --reason No", "csr delete node/x", "csr review configmap/x", "csr wait secrets/x",
		"token delete csr/abcdef", "token extend pod/abcdef --ttl 1h", "token check configmap/abcdef",
	} {
		got := invoke(t, hostileCluster(t), strings.Fields(args)...)
		if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "has the type") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, got.code, got.out, got.errOut)
		}
	}
}
