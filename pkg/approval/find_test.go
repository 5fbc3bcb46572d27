package approval_test

import (
	"errors"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// stored returns a CSR for the node with its own key, created that many seconds after the
// first.
func stored(t *testing.T, name string, after int64, changes ...func(*testcsr.Object)) *testcsr.Object {
	t.Helper()
	return testcsr.Stored(t, testcsr.NewKey(t), append(changes, func(o *testcsr.Object) {
		o.Name, o.UID, o.CreationTimestamp = name, types.UID("uid-of-"+name), metav1.Unix(1700000000+after, 0)
	})...)
}

func keyOf(o *testcsr.Object) string { return csr.Fingerprint(csr.Decode(o).PKCS10.PublicKey) }

func TestGet(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	tests := []struct {
		test, name, uid string
		wantErr         error
	}{
		{"any UID", "node-csr-1", "", nil},
		{"matching UID", "node-csr-1", "uid-1", nil},
		{"another UID", "node-csr-1", "uid-2", csr.ErrReplaced},
		{"missing", "node-csr-2", "uid-1", csr.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.test, func(t *testing.T) {
			got, err := csr.Get(t.Context(), client, csr.Request{Name: test.name, UID: test.uid})
			testcsr.WantError(t, err, test.wantErr)
			if err == nil && got.UID != "uid-1" {
				t.Errorf("UID = %q", got.UID)
			}
		})
	}
}

func TestFind(t *testing.T) {
	approved, denied := testcsr.With(certificatesv1.CertificateApproved), testcsr.With(certificatesv1.CertificateDenied)
	a, b := stored(t, "a", 1), stored(t, "b", 2)
	sameKey := a.DeepCopy()
	sameKey.Name = "same-key"
	decided := func(change func(*testcsr.Object)) *testcsr.Object { o := a.DeepCopy(); change(o); return o }
	node, other := csr.Filter{Node: testcsr.NodeName, SignerName: csr.KubeletClient}, strings.Repeat("0", 64)
	withKey := func(f csr.Filter, key string) csr.Filter { f.Fingerprint = key; return f }
	tests := []struct {
		name    string
		objects []*testcsr.Object
		filter  csr.Filter
		want    string
		wantErr error
	}{
		{"node", []*testcsr.Object{a}, node, "a", nil},
		{"node without a CSR", []*testcsr.Object{a}, csr.Filter{Node: "worker-2"}, "", csr.ErrNotFound},
		{"node with a decided CSR", []*testcsr.Object{decided(denied)}, node, "", csr.ErrNotFound},
		{"node with its key", []*testcsr.Object{a, b}, withKey(node, keyOf(b)), "b", nil},
		{"node with another key", []*testcsr.Object{a}, withKey(node, "sha256:"+other), "", approval.ErrFingerprintMismatch},
		{"node with another requester", []*testcsr.Object{a}, csr.Filter{Node: testcsr.NodeName, Requester: "x"}, "", csr.ErrNotFound},
		{"key", []*testcsr.Object{a, b}, csr.Filter{Fingerprint: keyOf(b)}, "b", nil},
		{"key of an approved CSR", []*testcsr.Object{decided(approved), b}, csr.Filter{Fingerprint: keyOf(a)}, "a", nil},
		{"key of a pending and an approved CSR", []*testcsr.Object{decided(approved), sameKey}, csr.Filter{Fingerprint: keyOf(a)}, "same-key", nil},
		{"key of a denied CSR", []*testcsr.Object{decided(denied)}, csr.Filter{Fingerprint: keyOf(a)}, "", csr.ErrNotFound},
		{"key of two CSRs", []*testcsr.Object{a, sameKey}, csr.Filter{Fingerprint: keyOf(a)}, "", approval.ErrAmbiguousCSR},
		{"UID", []*testcsr.Object{a, b}, csr.Filter{UID: string(a.UID)}, "a", nil},
		{"another UID", []*testcsr.Object{a}, csr.Filter{UID: "x"}, "", csr.ErrNotFound},
	}
	for i := range tests {
		test := &tests[i]
		t.Run(test.name, func(t *testing.T) {
			got, err := approval.Find(t.Context(), testcsr.FakeCertificates(t, test.objects...), test.filter)
			testcsr.WantError(t, err, test.wantErr)
			if err == nil && got.Name != test.want {
				t.Errorf("found %q, want %q", got.Name, test.want)
			}
		})
	}
	t.Run("node with two keys", func(t *testing.T) {
		_, err := approval.Find(t.Context(), testcsr.FakeCertificates(t, a, b), node)
		wantConflict(t, err, "b")
	})
}

func wantConflict(t *testing.T, err error, others string) {
	t.Helper()
	var conflict *approval.ConflictError
	if !errors.As(err, &conflict) || strings.Join(conflict.Others, ",") != others || conflict.NodeName != testcsr.NodeName {
		t.Errorf("error = %v, want a conflict with %s", err, others)
	}
}

// A CSR conflicts even if the filter does not select it.
func TestCandidates(t *testing.T) {
	second := stored(t, "second", 2, by("system:bootstrap:zzzzzz"))
	client := testcsr.FakeCertificates(t, stored(t, "third", 3), second, stored(t, "decided", 1, testcsr.With(certificatesv1.CertificateDenied)), stored(t, "serving", 0, testcsr.Signer(csr.KubeletServing)))
	tests := []struct {
		name   string
		filter csr.Filter
		want   string // the names and their conflicting CSRs
	}{
		{"all", csr.Filter{}, "second:third third:second"},
		{"one requester", csr.Filter{Requester: testcsr.Bootstrap}, "third:second"},
		{"another signer", csr.Filter{SignerName: csr.KubeletServing}, "serving:"},
		{"key", csr.Filter{Fingerprint: keyOf(second)}, "second:"},
		{"node and key", csr.Filter{Node: testcsr.NodeName, Fingerprint: keyOf(second)}, "second:"},
		{"unknown requester", csr.Filter{Requester: "x"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found, conflicts, err := approval.Candidates(t.Context(), client, test.filter)
			var got []string
			for _, candidate := range found {
				got = append(got, candidate.Name+":"+strings.Join(conflicts.Of(candidate), ","))
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("candidates = %q, %v, want %q", got, err, test.want)
			}
		})
	}
	_, _, err := approval.Candidates(t.Context(), client, csr.Filter{Node: testcsr.NodeName})
	wantConflict(t, err, "third")
}

func TestFindNewest(t *testing.T) {
	denied := testcsr.With(certificatesv1.CertificateDenied)
	first, second := stored(t, "first", 1, denied), stored(t, "second", 2)
	got, err := approval.FindNewest(t.Context(), testcsr.FakeCertificates(t, second, first), csr.Filter{Node: testcsr.NodeName})
	if err != nil || got.Name != "second" {
		t.Errorf("newest = %q, %v", got.Name, err)
	}
	_, err = approval.FindNewest(t.Context(), testcsr.FakeCertificates(t, first), csr.Filter{Node: "worker-2"})
	testcsr.WantError(t, err, csr.ErrNotFound)
	_, err = approval.FindNewest(t.Context(), testcsr.FakeCertificates(t, stored(t, "third", 3), second), csr.Filter{Node: testcsr.NodeName})
	wantConflict(t, err, "second")
	got, err = approval.FindNewest(t.Context(), testcsr.FakeCertificates(t, stored(t, "third", 3, denied), second), csr.Filter{Node: testcsr.NodeName})
	if err != nil || got.Name != "third" {
		t.Errorf("newest = %q, %v, want the denied CSR", got.Name, err)
	}
	serving := stored(t, "serving", 3, func(o *testcsr.Object) { o.Spec.SignerName = csr.KubeletServing })
	for signer, want := range map[string]string{"": "second", csr.KubeletServing: "serving"} {
		got, err = approval.FindNewest(t.Context(), testcsr.FakeCertificates(t, second, serving), csr.Filter{Node: testcsr.NodeName, SignerName: signer})
		if err != nil || got.Name != want {
			t.Errorf("signer %q: newest = %q, %v, want %q", signer, got.Name, err, want)
		}
	}
}
