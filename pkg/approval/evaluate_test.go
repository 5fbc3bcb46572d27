package approval_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// cluster returns a client of a cluster with the objects. allow answers access reviews of
// the caller, whose user is empty, and of other users.
func cluster(allow func(user string, a *authorizationv1.ResourceAttributes) bool, objects ...runtime.Object) *kubeclient.Client {
	clientset := fake.NewClientset(objects...)
	clientset.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		review.Status.Allowed = allow("", review.Spec.ResourceAttributes)
		return true, review, nil
	})
	clientset.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
		review.Status.Allowed = allow(review.Spec.User, review.Spec.ResourceAttributes)
		return true, review, nil
	})
	return &kubeclient.Client{Core: clientset.CoreV1(), Certificates: clientset.CertificatesV1(), Authorization: clientset.AuthorizationV1(), Discovery: clientset.DiscoveryV1()}
}

func nobody(string, *authorizationv1.ResourceAttributes) bool { return false }

func violated(rules []approval.RuleResult) string {
	var names []string
	for _, v := range approval.Violations(rules) {
		names = append(names, v.Rule)
	}
	return strings.Join(names, ",")
}

func TestEvaluate(t *testing.T) {
	key := testcsr.NewKey(t)
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: testcsr.NodeName},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Address: testcsr.NodeName}, {Address: "10.0.0.1"}}},
	}
	client := testcsr.Stored(t, key, testcsr.Signer(csr.APIServerClient), testcsr.By("alice"), testcsr.Asks(t, key, func(r *x509.CertificateRequest) { r.Subject.CommonName, r.Subject.Organization = "jane", nil }))
	master := func(user string, a *authorizationv1.ResourceAttributes) bool { return user == "jane" && a.Verb == "*" }
	tests := []struct {
		name       string
		request    *testcsr.Object
		want       approval.Criteria
		client     *kubeclient.Client
		violations string // in the error
		overridden string
		wantErr    error
	}{
		{name: "approvable", request: testcsr.Stored(t, key)},
		{name: "unreadable", request: testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte("x") }), violations: "readable"},
		{name: "unreadable, forced", request: testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte("x") }), want: approval.Criteria{Force: true}, violations: "readable"},
		{name: "matching key", request: testcsr.Stored(t, key), want: approval.Criteria{Fingerprint: csr.Fingerprint(key.Public())}},
		{name: "another key", request: testcsr.Stored(t, key), want: approval.Criteria{Fingerprint: "sha256:" + strings.Repeat("0", 64)}, wantErr: approval.ErrFingerprintMismatch},
		{name: "another key, forced", request: testcsr.Stored(t, key), want: approval.Criteria{Fingerprint: "sha256:" + strings.Repeat("0", 64), Force: true}, wantErr: approval.ErrFingerprintMismatch},
		{name: "approved", request: testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved))},
		{name: "denied", request: testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied)), wantErr: csr.ErrDenied},
		{name: "failed, forced", request: testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateFailed)), want: approval.Criteria{Force: true}, wantErr: csr.ErrFailed},
		{name: "existing node", request: testcsr.Stored(t, key), client: cluster(nobody, node), violations: "new node"},
		{name: "existing node, forced", request: testcsr.Stored(t, key), client: cluster(nobody, node), want: approval.Criteria{Force: true}, overridden: "new node"},
		{name: "another signer", request: testcsr.Stored(t, key), want: approval.Criteria{Signer: csr.KubeletServing}, violations: "signer"},
		{name: "serving certificate of an existing node", request: testcsr.Serving(t, key), want: approval.Criteria{Signer: csr.KubeletServing}, client: cluster(nobody, node)},
		{name: "serving certificate of a missing node", request: testcsr.Serving(t, key), want: approval.Criteria{Signer: csr.KubeletServing}, violations: "addresses of the node,known node"},
		{name: "client", request: client, want: approval.Criteria{Signer: csr.APIServerClient}},
		{name: "privileged client", request: client, want: approval.Criteria{Signer: csr.APIServerClient}, client: cluster(master), violations: "not privileged"},
		{name: "privileged client for another signer, forced", request: client, want: approval.Criteria{Force: true}, client: cluster(master), violations: "not privileged"},
	}
	for i := range tests {
		test := &tests[i]
		t.Run(test.name, func(t *testing.T) {
			if test.client == nil {
				test.client = cluster(nobody)
			}
			got, err := approval.Evaluate(t.Context(), test.client, csr.Decode(test.request), test.want)
			var violation *approval.PolicyViolationError
			switch {
			case test.violations != "":
				if !errors.As(err, &violation) || violated(violation.Violations) != test.violations || len(got.Rules) == 0 {
					t.Errorf("error = %v, want violations of %s", err, test.violations)
				}
			default:
				testcsr.WantError(t, err, test.wantErr)
			}
			if overridden := violated(approval.Violations(got.Rules)); err == nil && overridden != test.overridden {
				t.Errorf("overridden = %q, want %q", overridden, test.overridden)
			}
		})
	}
}

// A filter never chooses between two CSRs for a node.
func TestEvaluate_Conflict(t *testing.T) {
	a, b := stored(t, "a", 1), stored(t, "b", 2)
	_, conflicts, err := approval.Candidates(t.Context(), testcsr.FakeCertificates(t, a, b), csr.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = approval.Evaluate(t.Context(), cluster(nobody), csr.Decode(a), approval.Criteria{Conflicts: conflicts})
	wantConflict(t, err, "b")
}

func TestEvaluate_KeepsErrorsOfTheServer(t *testing.T) {
	clientset := fake.NewClientset()
	clientset.PrependReactor("get", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
	client := &kubeclient.Client{Core: clientset.CoreV1()}
	_, err := approval.Evaluate(t.Context(), client, csr.Decode(testcsr.Stored(t, testcsr.NewKey(t))), approval.Criteria{Force: true})
	testcsr.WantError(t, err, testcsr.ErrServer)
	_, err = approval.Review(t.Context(), client, csr.Decode(testcsr.Stored(t, testcsr.NewKey(t))))
	testcsr.WantError(t, err, testcsr.ErrServer)
}

func TestReview(t *testing.T) {
	own, other := stored(t, "own", 1), stored(t, "other", 2)
	approver := func(user string, _ *authorizationv1.ResourceAttributes) bool { return user == "" }
	got, err := approval.Review(t.Context(), cluster(approver, own, other), csr.Decode(own))
	if err != nil || violated(got.Rules) != "" || got.NodeExists || got.MissingPermission != nil || got.Outcome != csr.OutcomeIssued ||
		strings.Join(got.Conflicting, ",") != "other" || got.PendingReason != csr.Explain(csr.Decode(own), csr.AutoApprovalNo) {
		t.Errorf("review = %+v, %v", got, err)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: testcsr.NodeName}}
	bootstrapper := func(user string, _ *authorizationv1.ResourceAttributes) bool { return user == testcsr.Bootstrap }
	got, err = approval.Review(t.Context(), cluster(bootstrapper, own, node), csr.Decode(own))
	if err != nil || violated(got.Rules) != "new node" || !got.NodeExists || got.MissingPermission == nil || len(got.Conflicting) != 0 ||
		got.PendingReason != csr.Explain(csr.Decode(own), csr.AutoApprovalYes) {
		t.Errorf("review = %+v, %v", got, err)
	}
}

func TestPreview(t *testing.T) {
	key := testcsr.NewKey(t)
	if got := violated(approval.Preview(csr.Decode(testcsr.Stored(t, key, by("alice"))))); got != "" {
		t.Errorf("violations = %q, want none", got)
	}
	long := int32(366 * 24 * 3600)
	got := violated(approval.Preview(csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.ExpirationSeconds = &long }))))
	if got != "lifetime" {
		t.Errorf("violations = %q, want lifetime", got)
	}
}
