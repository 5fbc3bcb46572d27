package clusterinfo_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	corev1fake "k8s.io/client-go/kubernetes/typed/core/v1/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// fakeCore returns the client of a cluster that holds the given objects.
func fakeCore(t *testing.T, objects ...runtime.Object) *corev1fake.FakeCoreV1 {
	t.Helper()
	tracker := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	for _, object := range objects {
		if err := tracker.Add(object); err != nil {
			t.Fatal(err)
		}
	}
	fake := &clienttesting.Fake{}
	fake.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	return &corev1fake.FakeCoreV1{Fake: fake}
}

func clusterInfo(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: data}
}

// secretOf returns the Secret of the token ID.0123456789abcdef.
func secretOf(t *testing.T, id string, changes ...func(*token.Spec)) *corev1.Secret {
	t.Helper()
	tok, err := token.Parse(id + ".0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	spec := token.Spec{Token: tok, Usages: []string{token.Signing, token.Authentication}}
	for _, change := range changes {
		change(&spec)
	}
	return spec.Secret()
}

func TestPublish(t *testing.T) {
	document := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))
	expired := func(s *token.Spec) { s.Expires = testcluster.Now.Add(-time.Second) }
	noSigning := func(s *token.Spec) { s.Usages = []string{token.Authentication} }
	tokens := []runtime.Object{secretOf(t, "abcdef"), secretOf(t, "bbbbbb", expired), secretOf(t, "cccccc", noSigning)}
	want := map[string]string{
		"kubeconfig":            document,
		"jws-kubeconfig-abcdef": clusterinfo.Sign([]byte(document), testcluster.ParseToken(t)),
	}
	kept := maps.Clone(want)
	kept["other"] = "kept"
	tests := []struct {
		name    string
		there   map[string]string
		want    map[string]string
		changed bool
	}{
		{"absent", nil, want, true},
		{"older", map[string]string{"kubeconfig": "old", "jws-kubeconfig-abcdef": "old", "other": "kept"}, kept, true},
		{"no change", want, want, false},
		{"a signature missing", map[string]string{"kubeconfig": document}, want, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			objects := slices.Clone(tokens)
			if test.there != nil {
				objects = append(objects, clusterInfo(test.there))
			}
			client := fakeCore(t, objects...)
			changed, err := testcluster.Publish(t, client, []byte(document))
			if err != nil || changed != test.changed {
				t.Fatalf("Publish = %v, %v, want %v", changed, err, test.changed)
			}
			info, err := client.ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
			if err != nil || !maps.Equal(info.Data, test.want) {
				t.Errorf("data = %v, %v, want %v", info.Data, err, test.want)
			}
		})
	}
}

func TestPublish_InvalidForNode(t *testing.T) {
	client := fakeCore(t)
	_, err := testcluster.Publish(t, client, []byte("kind: Config\n"))
	testcluster.WantError(t, err, clusterinfo.ErrDocument)
	if len(client.Actions()) != 0 {
		t.Errorf("actions = %v, want none", client.Actions())
	}
}

func TestPublish_RetriesConflict(t *testing.T) {
	for verb, there := range map[string][]runtime.Object{"update": {clusterInfo(map[string]string{"kubeconfig": "old"})}, "create": nil} {
		t.Run(verb, func(t *testing.T) {
			client := fakeCore(t, there...)
			times := 0
			client.PrependReactor(verb, "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
				times++
				if verb == "create" {
					return times == 1, nil, apierrors.NewAlreadyExists(corev1.Resource("configmaps"), "cluster-info")
				}
				return times == 1, nil, apierrors.NewConflict(corev1.Resource("configmaps"), "cluster-info", nil)
			})
			changed, err := testcluster.Publish(t, client, []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))))
			if err != nil || !changed || times != 2 {
				t.Errorf("Publish = %v, %v after %d attempts, want two", changed, err, times)
			}
		})
	}
}

func TestFetch(t *testing.T) {
	tests := []struct {
		name    string
		objects []runtime.Object
		want    []string
		wantErr error
	}{
		{"signed twice", []runtime.Object{clusterInfo(map[string]string{
			"kubeconfig": "x", "jws-kubeconfig-bbbbbb": "b", "jws-kubeconfig-aaaaaa": "a", "other": "",
		})}, []string{"aaaaaa", "bbbbbb"}, nil},
		{"absent", nil, nil, clusterinfo.ErrNotFound},
		{"no kubeconfig", []runtime.Object{clusterInfo(map[string]string{"other": "x"})}, nil, clusterinfo.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info, err := clusterinfo.Fetch(t.Context(), fakeCore(t, test.objects...))
			testcluster.WantError(t, err, test.wantErr)
			if got := info.TokenIDs(); !slices.Equal(got, test.want) {
				t.Errorf("token IDs = %v, want %v", got, test.want)
			}
		})
	}
}

func TestCheckAll(t *testing.T) {
	document := []byte("hello")
	valid := clusterinfo.Sign(document, testcluster.ParseToken(t))
	signature := func(id string) string { return clusterinfo.Sign([]byte("other"), token.Read(secretOf(t, id)).Token) }
	info := clusterinfo.Info{Raw: document, Signatures: map[string]string{"abcdef": valid, "bbbbbb": signature("bbbbbb"), "dddddd": signature("dddddd"), "eeeeee": signature("eeeeee"), "zzzzzz": "x"}}
	tokens := []token.Info{
		token.Read(secretOf(t, "dddddd", func(s *token.Spec) { s.Expires = testcluster.Now })),
		token.Read(secretOf(t, "cccccc")),
		token.Read(secretOf(t, "bbbbbb")),
		token.Read(secretOf(t, "abcdef")),
		token.Read(secretOf(t, "eeeeee", func(s *token.Spec) { s.Usages = []string{token.Authentication} })),
	}
	want := []clusterinfo.SignatureState{
		{TokenID: "abcdef", State: clusterinfo.Valid}, {TokenID: "bbbbbb", State: clusterinfo.Stale},
		{TokenID: "cccccc", State: clusterinfo.Missing}, {TokenID: "dddddd", State: clusterinfo.Orphan},
		{TokenID: "eeeeee", State: clusterinfo.Orphan}, {TokenID: "zzzzzz", State: clusterinfo.Orphan},
	}
	if got := clusterinfo.CheckAll(info, tokens, testcluster.Now); !slices.Equal(got, want) {
		t.Errorf("states = %v, want %v", got, want)
	}
}
