package doctor

import (
	"crypto/rand"
	"maps"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/csr"
)

// storedCSR returns a node's CSR with changes.
func storedCSR(t *testing.T, changes ...func(*certificatesv1.CertificateSigningRequest)) csr.Request {
	t.Helper()
	object, err := csr.NewNodeRequest("n1", testca.Key(t), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(object)
	}
	return csr.Decode(object)
}

func TestControllerActivity(t *testing.T) {
	at := metav1.NewTime(testTime.Add(-time.Minute))
	later := metav1.NewTime(testTime)
	decided := func(reason string) func(*certificatesv1.CertificateSigningRequest) {
		return func(o *certificatesv1.CertificateSigningRequest) {
			o.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: certificatesv1.CertificateApproved, Status: "True", Reason: reason, LastUpdateTime: at}}
		}
	}
	written := func(o *certificatesv1.CertificateSigningRequest) {
		o.ManagedFields = []metav1.ManagedFieldsEntry{{Subresource: "status", Time: &at}, {Time: &later}, {Subresource: "approval", Time: &later}, {Subresource: "status"}}
	}
	issued := func(o *certificatesv1.CertificateSigningRequest) { o.Status.Certificate = []byte("x") }
	tests := []struct {
		name    string
		request csr.Request
		by      []csr.Blocker
	}{
		{"pending", storedCSR(t, written), nil},
		{"approved by the controller", storedCSR(t, decided("AutoApproved")), []csr.Blocker{csr.WaitingForApprover}},
		{"approved by a person", storedCSR(t, decided("KubectlApprove")), nil},
		{"issued", storedCSR(t, decided("KubectlApprove"), issued, written), []csr.Blocker{csr.WaitingForSigner}},
		{"issued after the controller approved", storedCSR(t, decided("AutoApproved"), issued, written), []csr.Blocker{csr.WaitingForApprover, csr.WaitingForSigner}},
		{"issued by another signer", storedCSR(t, decided("KubectlApprove"), issued, written, func(o *certificatesv1.CertificateSigningRequest) { o.Spec.SignerName = "example.com/x" }), nil},
		{"issued at an unknown time", storedCSR(t, decided("KubectlApprove"), issued), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := map[csr.Blocker]time.Time{}
			for _, by := range test.by {
				want[by] = at.Time
			}
			if got := controllerActivity(test.request); !maps.Equal(got, want) {
				t.Errorf("activity %v, want %v", got, want)
			}
		})
	}
}

func TestRequesterKind(t *testing.T) {
	for user, want := range map[string]string{
		"system:bootstrap:abcdef": "bootstrap tokens", "system:node:n1": "nodes", "system:serviceaccount:a:b": "service accounts", "jane": "other users", "": "other users",
	} {
		r := storedCSR(t, func(o *certificatesv1.CertificateSigningRequest) {
			o.Spec.Username, o.Spec.Groups = user, []string{"system:bootstrappers"}
		})
		if got := requesterKind(r); got != want {
			t.Errorf("%q is of the kind %q, want %q", user, got, want)
		}
	}
}
