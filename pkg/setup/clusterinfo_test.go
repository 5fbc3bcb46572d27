package setup_test

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testapi"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
)

// wants publishes this kubeconfig, whatever is published now.
func wants(text []byte) func(*setup.Setup) {
	return func(s *setup.Setup) {
		s.Keep = false
		s.Document = func() ([]byte, error) { return text, nil }
	}
}

func TestApply_ExistingClusterInfo(t *testing.T) {
	here, there := document(t, "192.0.2.1:6443"), document(t, "192.0.2.2:6443")
	otherCA := document(t, "192.0.2.1:6443")
	indented := []byte(strings.ReplaceAll(string(here), "apiVersion: v1\n", "") + "apiVersion: v1\n")
	tests := []struct {
		name    string
		data    map[string]string
		changes []func(*setup.Setup)
		want    setup.Action // empty if it is an error
		text    string       // in the error
	}{
		{"same kubeconfig", map[string]string{"kubeconfig": string(here)}, []func(*setup.Setup){wants(here)}, setup.Unchanged, ""},
		{"same kubeconfig, written differently", map[string]string{"kubeconfig": string(indented)}, []func(*setup.Setup){wants(here)}, setup.Unchanged, ""},
		{"any, with none requested", map[string]string{"kubeconfig": string(there)}, nil, setup.Unchanged, ""},
		{"any, with none requested, with force", map[string]string{"kubeconfig": string(there)}, []func(*setup.Setup){force}, setup.Unchanged, ""},
		{"another address", map[string]string{"kubeconfig": string(there)}, []func(*setup.Setup){wants(here)}, "", "it has the address https://192.0.2.2:6443 instead of https://192.0.2.1:6443"},
		{"another CA", map[string]string{"kubeconfig": string(otherCA)}, []func(*setup.Setup){wants(here)}, "", "it has the CA [sha256:"},
		{"another address, with force", map[string]string{"kubeconfig": string(there)}, []func(*setup.Setup){wants(here), force}, setup.Updated, ""},
		{"no kubeconfig", map[string]string{"x": "y"}, nil, "", "it has no kubeconfig"},
		{"no kubeconfig, with force", map[string]string{"x": "y"}, []func(*setup.Setup){force}, setup.Updated, ""},
		{"invalid kubeconfig", map[string]string{"kubeconfig": "junk"}, nil, "", clusterinfo.ErrDocument.Error()},
		{"invalid kubeconfig, with force", map[string]string{"kubeconfig": "junk"}, []func(*setup.Setup){force}, setup.Updated, ""},
		{"orphan signature", map[string]string{"kubeconfig": string(here), "jws-kubeconfig-abcdef": "x"}, nil, setup.Signed, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: test.data}
			c := newCluster(t, info)
			c.document = here
			results, err := c.setup(nodes(), test.changes...).Apply(t.Context())
			if test.want == "" {
				if !errors.Is(err, setup.ErrDiffers) || !strings.Contains(err.Error(), test.text) || len(c.changes()) > 0 {
					t.Errorf("results %v, error %v, want one with %q; changes %v", results, err, test.text, c.changes())
				}
				return
			}
			if got := actions(results)["ConfigMap cluster-info"]; err != nil || got != test.want {
				t.Errorf("%s, want %s (%v)", got, test.want, err)
			}
			now, err := c.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if now.Labels != nil || now.Data["x"] != test.data["x"] {
				t.Errorf("cluster-info has the labels %v, and other data %q", now.Labels, now.Data["x"])
			}
			want := test.data["kubeconfig"]
			if test.want == setup.Updated {
				want = string(here)
			}
			if now.Data["kubeconfig"] != want {
				t.Errorf("published\n%s\nwant\n%s", now.Data["kubeconfig"], want)
			}
		})
	}
}

func TestApply_NoDocument(t *testing.T) {
	c := newCluster(t)
	noAddress := errors.New("no address")
	_, err := c.setup(nodes(), func(s *setup.Setup) { s.Document = func() ([]byte, error) { return nil, noAddress } }).Apply(t.Context())
	if !errors.Is(err, noAddress) || len(c.changes()) > 0 {
		t.Errorf("error %v; changes %v", err, c.changes())
	}
}

func TestManifests(t *testing.T) {
	c := newCluster(t)
	all := setup.Manifests(setup.Objects(setup.Options{Approval: setup.AutoApproveNone}), c.document)
	if len(all) != 7 { // without automatic approval, with cluster-info
		t.Fatalf("%d manifests", len(all))
	}
	for _, manifest := range all {
		object, ok := manifest.(metav1.Object)
		if !ok || object.GetLabels()[setup.Label] != setup.LabelValue {
			t.Errorf("%v has no label", manifest)
		}
	}
	if info, ok := all[6].(*corev1.ConfigMap); !ok || info.Data["kubeconfig"] != string(c.document) || info.Kind != "ConfigMap" {
		t.Errorf("the last is %v", all[6])
	}
}

// Between reading and writing, another client publishes another address.
func TestApply_ConcurrentPublish(t *testing.T) {
	for _, address := range []clusterinfo.Endpoint{"192.0.2.1:6443", "192.0.2.2:6443"} {
		t.Run(string(address), func(t *testing.T) {
			c := newCluster(t)
			theirs := c.document
			if address != "192.0.2.1:6443" {
				theirs = document(t, address)
			}
			info := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": string(theirs)}}
			c.PrependReactor("create", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
				if testapi.IsDryRun(action) {
					return false, nil, nil
				}
				if err := c.Tracker().Add(info); err != nil {
					t.Error(err)
				}
				return true, nil, apierrors.NewAlreadyExists(corev1.Resource("configmaps"), "cluster-info")
			})
			_, err := c.setup(nodes()).Apply(t.Context())
			if same := address == "192.0.2.1:6443"; same && err != nil || !same && !errors.Is(err, setup.ErrDiffers) {
				t.Errorf("error %v", err)
			}
			now, err := c.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
			if err != nil || now.Data["kubeconfig"] != string(theirs) {
				t.Errorf("cluster-info %v (%v)", now, err)
			}
		})
	}
}
