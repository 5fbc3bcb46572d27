package csr_test

import (
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestBlockerOf(t *testing.T) {
	key := testcsr.NewKey(t)
	const approved = certificatesv1.CertificateApproved
	tests := []struct {
		name    string
		request *testcsr.Object
		auto    csr.AutoApproval
		want    csr.Blocker
		said    bool
	}{
		{"approver", testcsr.Stored(t, key), csr.AutoApprovalYes, csr.WaitingForApprover, true},
		{"person", testcsr.Stored(t, key), csr.AutoApprovalNo, csr.WaitingForApproval, true},
		{"person or approver", testcsr.Stored(t, key), csr.AutoApprovalUnknown, csr.WaitingForApproval, true},
		{"no approver of Kubernetes", testcsr.Stored(t, key, testcsr.Signer(csr.KubeletServing)), csr.AutoApprovalYes, csr.WaitingForApproval, true},
		{"signer", testcsr.Stored(t, key, testcsr.With(approved)), csr.AutoApprovalNo, csr.WaitingForSigner, true},
		{"external signer", testcsr.Stored(t, key, testcsr.With(approved), testcsr.Signer("example.com/x")), csr.AutoApprovalNo, csr.WaitingForExternalSigner, true},
		{"no signer", testcsr.Stored(t, key, testcsr.With(approved), testcsr.Signer("kubernetes.io/x")), csr.AutoApprovalNo, csr.NeverSigned, true},
		{"denied", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied)), csr.AutoApprovalNo, csr.WaitingForNone, false},
		{"failed", testcsr.Stored(t, key, testcsr.With(approved), testcsr.With(certificatesv1.CertificateFailed)), csr.AutoApprovalNo, csr.WaitingForNone, false},
		{"issued", testcsr.Stored(t, key, testcsr.With(approved), testcsr.Issued("x")), csr.AutoApprovalNo, csr.WaitingForNone, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := csr.Decode(test.request)
			if got, _ := csr.BlockerOf(r, test.auto); got != test.want {
				t.Errorf("BlockerOf = %d, want %d", got, test.want)
			}
			if got := csr.Explain(r, test.auto); (got != "") != test.said {
				t.Errorf("Explain = %q", got)
			}
		})
	}
}
