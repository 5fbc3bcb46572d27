package approval_test

import (
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestConflicts(t *testing.T) {
	named := func(name string, changes ...func(*testcsr.Object)) csr.Request {
		return csr.Decode(testcsr.Stored(t, testcsr.NewKey(t), append(changes, func(o *testcsr.Object) { o.Name = name })...))
	}
	var conflicts approval.Conflicts
	self := func(o *testcsr.Object) {
		o.Spec.Username, o.Spec.Groups = "system:node:"+testcsr.NodeName, []string{"system:nodes"}
	}
	key := testcsr.NewKey(t)
	a, b := named("a"), csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.Name = "b" }))
	for _, r := range []csr.Request{
		a, b, named("approved", testcsr.With(certificatesv1.CertificateApproved)), named("other", testcsr.Signer("example.com/x")),
		named("denied", testcsr.With(certificatesv1.CertificateDenied)), named("by the node", self), named("by alice", func(o *testcsr.Object) { o.Spec.Username = "alice" }),
		csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.Name = "b again" })),
		named("unreadable", func(o *testcsr.Object) { o.Spec.Request = nil }), named("unreadable 2", func(o *testcsr.Object) { o.Spec.Request = nil }),
	} {
		conflicts.Add(r)
	}
	for _, test := range []struct {
		r    csr.Request
		want string
	}{
		{a, "b,approved,b again"}, {b, "a,approved"}, {named("new"), "a,b,approved,b again"},
		{named("by the node", self), ""}, {named("other", testcsr.Signer("example.com/x")), ""},
		{named("unreadable", func(o *testcsr.Object) { o.Spec.Request = nil }), ""},
	} {
		if got := strings.Join(conflicts.Of(test.r), ","); got != test.want {
			t.Errorf("conflicts of %s: %q, want %q", test.r.Name, got, test.want)
		}
	}
}
