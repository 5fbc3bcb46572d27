package csr_test

import (
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/csr"
)

func TestFilter(t *testing.T) {
	key := newKey(t)
	r := csr.Decode(stored(t, key, func(o *object) { o.CreationTimestamp = metav1.NewTime(now) }))
	approved := csr.Decode(stored(t, key, with(certificatesv1.CertificateApproved)))
	unreadable := csr.Decode(stored(t, key, func(o *object) { o.Spec.Request = []byte("x") }))
	fingerprint := csr.Fingerprint(key.Public())
	tests := []struct {
		name    string
		filter  csr.Filter
		request csr.Request
		want    bool
	}{
		{"none", csr.Filter{}, r, true},
		{"pending", csr.Filter{Condition: csr.Pending}, r, true},
		{"not pending", csr.Filter{Condition: csr.Pending}, approved, false},
		{"approved", csr.Filter{Condition: csr.Approved}, approved, true},
		{"not approved", csr.Filter{Condition: csr.Approved}, r, false},
		{"signer", csr.Filter{SignerName: csr.KubeletClient}, r, true},
		{"another signer", csr.Filter{SignerName: csr.KubeletServing}, r, false},
		{"requester", csr.Filter{Requester: bootstrap}, r, true},
		{"another requester", csr.Filter{Requester: "x"}, r, false},
		{"group", csr.Filter{RequesterGroup: "system:bootstrappers"}, r, true},
		{"another group", csr.Filter{RequesterGroup: "system:bootstrapper"}, r, false},
		{"node", csr.Filter{Node: nodeName}, r, true},
		{"another node", csr.Filter{Node: "worker"}, r, false},
		{"key", csr.Filter{Fingerprint: fingerprint}, r, true},
		{"beginning of the key", csr.Filter{Fingerprint: fingerprint[:27]}, r, true},
		{"another key", csr.Filter{Fingerprint: csr.Fingerprint(newKey(t).Public())}, r, false},
		{"no key", csr.Filter{Fingerprint: fingerprint}, unreadable, false},
		{"UID", csr.Filter{UID: "uid-1"}, r, true},
		{"another UID", csr.Filter{UID: "uid-2"}, r, false},
		{"old enough", csr.Filter{Before: now}, r, true},
		{"too young", csr.Filter{Before: now.Add(-time.Second)}, r, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.filter.Match(test.request); got != test.want {
				t.Errorf("Match = %v", got)
			}
		})
	}
}

// The API server leaves out other signers, and the rest is left out here.
func TestListFilters(t *testing.T) {
	client := fakeCertificates(t, stored(t, newKey(t)), stored(t, newKey(t), func(o *object) { o.Name, o.Spec.Username = "other", "x" }))
	var names []string
	err := csr.List(t.Context(), client, csr.Filter{SignerName: csr.KubeletClient, Requester: "x"}, func(r csr.Request) error {
		names = append(names, r.Name)
		return nil
	})
	if err != nil || strings.Join(names, ",") != "other" {
		t.Errorf("List yields %v, %v", names, err)
	}
	list, ok := client.Actions()[0].(clienttesting.ListActionImpl)
	if want := "spec.signerName=" + csr.KubeletClient; !ok || list.ListOptions.FieldSelector != want {
		t.Errorf("asked for %q, want %q", list.ListOptions.FieldSelector, want)
	}
}

func TestRivals(t *testing.T) {
	named := func(name string, changes ...func(*object)) csr.Request {
		return csr.Decode(stored(t, newKey(t), append(changes, func(o *object) { o.Name = name })...))
	}
	var rivals csr.Rivals
	self := func(o *object) { o.Spec.Username, o.Spec.Groups = "system:node:"+nodeName, []string{"system:nodes"} }
	key := newKey(t)
	a, b := named("a"), csr.Decode(stored(t, key, func(o *object) { o.Name = "b" }))
	for _, r := range []csr.Request{
		a, b, named("approved", with(certificatesv1.CertificateApproved)), named("other", signer("example.com/x")),
		named("denied", with(certificatesv1.CertificateDenied)), named("of itself", self), named("by alice", func(o *object) { o.Spec.Username = "alice" }),
		csr.Decode(stored(t, key, func(o *object) { o.Name = "b again" })),
		named("unreadable", func(o *object) { o.Spec.Request = nil }), named("unreadable too", func(o *object) { o.Spec.Request = nil }),
	} {
		rivals.Add(r)
	}
	for _, test := range []struct {
		r    csr.Request
		want string
	}{
		{a, "b,approved,b again"}, {b, "a,approved"}, {named("new"), "a,b,approved,b again"},
		{named("of itself", self), ""}, {named("other", signer("example.com/x")), ""},
		{named("unreadable", func(o *object) { o.Spec.Request = nil }), ""},
	} {
		if got := strings.Join(rivals.Of(test.r), ","); got != test.want {
			t.Errorf("rivals of %s: %q, want %q", test.r.Name, got, test.want)
		}
	}
}

func TestParseFingerprint(t *testing.T) {
	whole := csr.Fingerprint(newKey(t).Public())
	digits := strings.TrimPrefix(whole, "sha256:")
	tests := []struct {
		name, text, want string
		wantErr          error
	}{
		{"whole", whole, whole, nil},
		{"upper case", strings.ToUpper(whole), whole, nil},
		{"digits alone", digits, whole, nil},
		{"in groups", csr.Groups(whole), whole, nil},
		{"twenty digits", digits[:20], "sha256:" + digits[:20], nil},
		{"with colons", "aa:bb:cc:dd:ee:ff:00:11:22:33", "sha256:aabbccddeeff00112233", nil},
		{"nineteen digits", digits[:19], "", csr.ErrInvalidFingerprint},
		{"too long", digits + "0", "", csr.ErrInvalidFingerprint},
		{"not hex", digits[:63] + "g", "", csr.ErrInvalidFingerprint},
		{"another hash", "sha1:" + digits, "", csr.ErrInvalidFingerprint},
		{"empty", "", "", csr.ErrInvalidFingerprint},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := csr.ParseFingerprint(test.text)
			wantError(t, err, test.wantErr)
			if got != test.want {
				t.Errorf("ParseFingerprint = %q, want %q", got, test.want)
			}
		})
	}
}
