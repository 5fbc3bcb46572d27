package clusterinfo_test

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

var errNo = errors.New("no")

// writes returns how many requests changed something.
func writes(client interface{ Actions() []clienttesting.Action }) int {
	n := 0
	for _, action := range client.Actions() {
		if verb := action.GetVerb(); verb != "get" && verb != "list" {
			n++
		}
	}
	return n
}

func TestWriter_ConfirmsFirst(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	client := fakeCore(t, clusterInfo(map[string]string{"kubeconfig": "old", "jws-kubeconfig-zzzzzz": "x"}), secretOf(t, "abcdef"))
	var asked []clusterinfo.Change
	w := clusterinfo.Writer{Client: client, Now: testcluster.Clock, Confirm: func(c clusterinfo.Change) error {
		asked = append(asked, c)
		return errNo
	}}
	change, err := w.Publish(t.Context(), document)
	testcluster.WantError(t, err, errNo)
	if n := writes(client.Fake); n != 0 || len(asked) != 1 {
		t.Fatalf("%d writes, %d confirmations", n, len(asked))
	}
	if string(change.Before) != "old" || string(change.After) != string(document) || !slices.Equal(change.Added, []string{"abcdef"}) ||
		!slices.Equal(change.Removed, []string{"zzzzzz"}) || change.Replaced != nil || !change.ChangesDocument() {
		t.Errorf("change %+v", change)
	}
}

// After a conflict, Confirm is called again only if the change is different.
func TestWriter_ConfirmsEachChange(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	for name, test := range map[string]struct {
		second string
		want   int
	}{"the same": {"old", 1}, "another": {"newer", 2}} {
		t.Run(name, func(t *testing.T) {
			client := fakeCore(t, secretOf(t, "abcdef"))
			gets := 0
			client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				gets++
				return true, clusterInfo(map[string]string{"kubeconfig": []string{"old", test.second}[gets-1]}), nil
			})
			client.PrependReactor("update", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				if gets == 1 {
					return true, nil, conflict()
				}
				return true, &corev1.ConfigMap{}, nil
			})
			asked := 0
			w := clusterinfo.Writer{Client: client, Now: testcluster.Clock, Confirm: func(clusterinfo.Change) error { asked++; return nil }}
			if _, err := w.Publish(t.Context(), document); err != nil || asked != test.want {
				t.Errorf("%d confirmations, want %d (%v)", asked, test.want, err)
			}
		})
	}
}

func TestSign_RepairsSignatures(t *testing.T) {
	document := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))
	good := clusterinfo.Sign([]byte(document), testcluster.ParseToken(t))
	tests := []struct {
		name                     string
		data                     map[string]string
		added, replaced, removed []string
		wantErr                  error
	}{
		{"up to date", map[string]string{"kubeconfig": document, "jws-kubeconfig-abcdef": good}, nil, nil, nil, nil},
		{"missing", map[string]string{"kubeconfig": document}, []string{"abcdef"}, nil, nil, nil},
		{"stale", map[string]string{"kubeconfig": document, "jws-kubeconfig-abcdef": "x"}, nil, []string{"abcdef"}, nil, nil},
		{"orphan", map[string]string{"kubeconfig": document, "jws-kubeconfig-abcdef": good, "jws-kubeconfig-zzzzzz": "x"}, nil, nil, []string{"zzzzzz"}, nil},
		{"no kubeconfig", map[string]string{"other": "x"}, nil, nil, nil, clusterinfo.ErrNotFound},
		{"no ConfigMap", nil, nil, nil, nil, clusterinfo.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			objects := []runtime.Object{secretOf(t, "abcdef")}
			if test.data != nil {
				objects = append(objects, clusterInfo(test.data))
			}
			client := fakeCore(t, objects...)
			change, err := clusterinfo.Writer{Client: client, Now: testcluster.Clock}.Sign(t.Context())
			testcluster.WantError(t, err, test.wantErr)
			if !slices.Equal(change.Added, test.added) || !slices.Equal(change.Replaced, test.replaced) || !slices.Equal(change.Removed, test.removed) || change.ChangesDocument() {
				t.Errorf("change %+v", change)
			}
			if want := map[bool]int{true: 0, false: 1}[change.IsEmpty()]; writes(client.Fake) != want {
				t.Errorf("%d writes, want %d", writes(client.Fake), want)
			}
			if err != nil {
				return
			}
			info, err := clusterinfo.Fetch(t.Context(), client)
			if err != nil || len(info.Signatures) != 1 || info.Signatures["abcdef"] != good {
				t.Errorf("signatures %v, %v", info.Signatures, err)
			}
		})
	}
}
