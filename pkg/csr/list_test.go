package csr_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestFilter(t *testing.T) {
	key := testcsr.NewKey(t)
	r := csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.CreationTimestamp = metav1.NewTime(testcsr.Now) }))
	approved := csr.Decode(testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved)))
	unreadable := csr.Decode(testcsr.Stored(t, key, func(o *testcsr.Object) { o.Spec.Request = []byte("x") }))
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
		{"requester", csr.Filter{Requester: testcsr.Bootstrap}, r, true},
		{"another requester", csr.Filter{Requester: "x"}, r, false},
		{"group", csr.Filter{RequesterGroup: "system:bootstrappers"}, r, true},
		{"another group", csr.Filter{RequesterGroup: "system:bootstrapper"}, r, false},
		{"node", csr.Filter{Node: testcsr.NodeName}, r, true},
		{"another node", csr.Filter{Node: "worker"}, r, false},
		{"key", csr.Filter{Fingerprint: fingerprint}, r, true},
		{"beginning of the key", csr.Filter{Fingerprint: fingerprint[:27]}, r, true},
		{"another key", csr.Filter{Fingerprint: csr.Fingerprint(testcsr.NewKey(t).Public())}, r, false},
		{"no key", csr.Filter{Fingerprint: fingerprint}, unreadable, false},
		{"UID", csr.Filter{UID: "uid-1"}, r, true},
		{"another UID", csr.Filter{UID: "uid-2"}, r, false},
		{"old enough", csr.Filter{Before: testcsr.Now}, r, true},
		{"too new", csr.Filter{Before: testcsr.Now.Add(-time.Second)}, r, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.filter.Match(test.request); got != test.want {
				t.Errorf("Match = %v", got)
			}
		})
	}
}

// The API server filters by signer, and List by the other fields.
func TestList_Filters(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)), testcsr.Stored(t, testcsr.NewKey(t), func(o *testcsr.Object) { o.Name, o.Spec.Username = "other", "x" }))
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
		t.Errorf("field selector %q, want %q", list.ListOptions.FieldSelector, want)
	}
}

func TestParseFingerprint(t *testing.T) {
	full := csr.Fingerprint(testcsr.NewKey(t).Public())
	digits := strings.TrimPrefix(full, "sha256:")
	tests := []struct {
		name, text, want string
		wantErr          error
	}{
		{"full", full, full, nil},
		{"upper case", strings.ToUpper(full), full, nil},
		{"only digits", digits, full, nil},
		{"in groups", csr.FormatFingerprint(full), full, nil},
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
			testcsr.WantError(t, err, test.wantErr)
			if got != test.want {
				t.Errorf("ParseFingerprint = %q, want %q", got, test.want)
			}
		})
	}
}

func TestList(t *testing.T) {
	first := testcsr.Stored(t, testcsr.NewKey(t))
	second := testcsr.Stored(t, testcsr.NewKey(t), func(o *testcsr.Object) { o.Name = "node-csr-2"; o.Spec.Request = nil })
	client := testcsr.FakeCertificates(t, first, second)
	var names []string
	err := csr.List(t.Context(), client, csr.Filter{}, func(r csr.Request) error {
		names = append(names, r.Name+":"+r.NodeName())
		return nil
	})
	if err != nil || len(names) != 2 || names[0] != "node-csr-1:worker-1" || names[1] != "node-csr-2:" {
		t.Errorf("List yields %v, %v", names, err)
	}
	err = csr.List(t.Context(), client, csr.Filter{}, func(csr.Request) error { return testcsr.ErrServer })
	testcsr.WantError(t, err, testcsr.ErrServer)
}

func TestGet(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	got, err := csr.Get(t.Context(), client, csr.Request{Name: "node-csr-1"})
	if err != nil || got.UID != "uid-1" || got.Username != testcsr.Bootstrap {
		t.Errorf("Get = %+v, %v", got, err)
	}
	if _, err := csr.Get(t.Context(), client, csr.Request{Name: "none"}); !errors.Is(err, csr.ErrNotFound) {
		t.Errorf("error = %v, want %v", err, csr.ErrNotFound)
	}
}

func TestListAndGetKeepErrorsOfTheServer(t *testing.T) {
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
	client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
	_, err := csr.Get(t.Context(), client, csr.Request{Name: "node-csr-1"})
	testcsr.WantError(t, err, testcsr.ErrServer)
	testcsr.WantError(t, csr.List(t.Context(), client, csr.Filter{}, func(csr.Request) error { return nil }), testcsr.ErrServer)
}

func TestListReadsEveryPage(t *testing.T) {
	client := testcsr.FakeCertificates(t)
	client.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		page := &certificatesv1.CertificateSigningRequestList{Items: []testcsr.Object{*testcsr.Stored(t, testcsr.NewKey(t))}}
		if list, ok := action.(clienttesting.ListActionImpl); ok && list.ListOptions.Continue == "" {
			page.ListMeta = metav1.ListMeta{Continue: "more"}
		} else {
			page.Items[0].Name = "node-csr-2"
		}
		return true, page, nil
	})
	var names []string
	err := csr.List(t.Context(), client, csr.Filter{}, func(r csr.Request) error {
		names = append(names, r.Name)
		return nil
	})
	if err != nil || len(names) != 2 || names[0] == names[1] {
		t.Errorf("List yields %v, %v, want both", names, err)
	}
}
