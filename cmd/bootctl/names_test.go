package main

import (
	"slices"
	"strings"
	"testing"
)

// Names printed with -o name are accepted by the other commands and by kubectl.
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
