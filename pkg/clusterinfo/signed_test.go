package clusterinfo_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// signedCluster holds cluster-info and the tokens with these IDs, each a minute older
// than the next, signed if they are in valid.
func signedCluster(t *testing.T, valid map[string]bool, ids ...string) *fake.Clientset {
	t.Helper()
	info := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": "hello"}}
	var objects []runtime.Object
	for i, id := range ids {
		secret := secretOf(t, id)
		secret.Data["expiration"] = nil
		secret.CreationTimestamp = metav1.Time{Time: time.Now().Add(time.Duration(i-len(ids)) * time.Minute)}
		objects = append(objects, secret)
		if valid[id] {
			info.Data["jws-kubeconfig-"+id] = clusterinfo.Sign([]byte("hello"), token.Read(secret).Token)
		}
	}
	return fake.NewClientset(append(objects, info)...)
}

func tokenOf(t *testing.T, id string) token.Token {
	t.Helper()
	return token.Read(secretOf(t, id)).Token
}

func TestSignedWait_SignerState(t *testing.T) {
	tests := []struct {
		name  string
		ids   []string
		valid map[string]bool
		want  string
	}{
		{"no other token", []string{"abcdef"}, nil, "is not running or lacks permission"},
		{"others are signed", []string{"bbbbbb", "abcdef"}, map[string]bool{"bbbbbb": true}, "has missed this one, or has stopped since"},
		{"a newer one is signed", []string{"abcdef", "bbbbbb"}, map[string]bool{"bbbbbb": true}, "newer token bbbbbb"},
		{"none is signed", []string{"bbbbbb", "abcdef"}, nil, "is not running or lacks permission"},
		{"some are signed", []string{"bbbbbb", "cccccc", "abcdef"}, map[string]bool{"bbbbbb": true}, "signatures of 1 other tokens are not valid either"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := signedCluster(t, test.valid, test.ids...)
				var causes []error
				wait := clusterinfo.SignedWait{Client: client.CoreV1(), Now: time.Now, Observer: func(event kubeclient.Event) { causes = append(causes, event.Waiting) }}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				begin := time.Now()
				err := wait.Until(ctx, infosOf(t, "abcdef"))
				testcluster.WantError(t, err, clusterinfo.ErrNotSignedYet)
				testcluster.WantError(t, err, context.DeadlineExceeded)
				if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error = %v, want one with %q", err, test.want)
				}
				if len(causes) != 1 || !strings.Contains(causes[0].Error(), test.want) {
					t.Errorf("causes %v, want one with %q", causes, test.want)
				}
				if took := time.Since(begin); took != 30*time.Second {
					t.Errorf("it took %s, want the deadline", took)
				}
			})
		})
	}
}

// The error describes the bootstrap signer even after a short timeout.
func TestSignedWait_Deadline(t *testing.T) {
	for _, timeout := range []time.Duration{100 * time.Millisecond, time.Second, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			err := clusterinfo.SignedWait{Client: signedCluster(t, nil, "abcdef").CoreV1(), Now: time.Now}.Until(ctx, infosOf(t, "abcdef"))
			testcluster.WantError(t, err, clusterinfo.ErrNotSignedYet)
			if !strings.Contains(err.Error(), "is not running or lacks permission") {
				t.Errorf("after %s: %v", timeout, err)
			}
		})
	}
}

// The bootstrap signer needs a moment, so the first second is not reported.
func TestSignedWait_QuietAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := signedCluster(t, nil, "abcdef", "bbbbbb")
		go func() {
			time.Sleep(400 * time.Millisecond)
			info, err := client.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			for _, id := range []string{"abcdef", "bbbbbb"} {
				info.Data["jws-kubeconfig-"+id] = clusterinfo.Sign([]byte("hello"), tokenOf(t, id))
			}
			if _, err := client.CoreV1().ConfigMaps("kube-public").Update(t.Context(), info, metav1.UpdateOptions{}); err != nil {
				t.Error(err)
			}
		}()
		wait := clusterinfo.SignedWait{Client: client.CoreV1(), Now: time.Now, Observer: func(event kubeclient.Event) { t.Errorf("reported: %v", event.Waiting) }}
		begin := time.Now()
		if err := wait.Until(t.Context(), infosOf(t, "abcdef", "bbbbbb")); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < 400*time.Millisecond || took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A signature must be created with the token and match the existing document.
func TestSignedWait_ValidSignatures(t *testing.T) {
	good := func(id string) string { return clusterinfo.Sign([]byte("hello"), tokenOf(t, id)) }
	tests := []struct {
		name       string
		signatures map[string]string
		wantErr    error
	}{
		{"good", map[string]string{"abcdef": good("abcdef"), "bbbbbb": good("bbbbbb")}, nil},
		{"for another document", map[string]string{"abcdef": clusterinfo.Sign([]byte("other"), tokenOf(t, "abcdef")), "bbbbbb": good("bbbbbb")}, clusterinfo.ErrNotSignedYet},
		{"created with another token", map[string]string{"abcdef": good("bbbbbb"), "bbbbbb": good("bbbbbb")}, clusterinfo.ErrNotSignedYet},
		{"one of two", map[string]string{"abcdef": good("abcdef")}, clusterinfo.ErrNotSignedYet},
		{"none", nil, clusterinfo.ErrNotSignedYet},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				info := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": "hello"}}
				for id, signature := range test.signatures {
					info.Data["jws-kubeconfig-"+id] = signature
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				tokens := infosOf(t, "abcdef", "bbbbbb")
				testcluster.WantError(t, clusterinfo.SignedWait{Client: fake.NewClientset(info).CoreV1(), Now: time.Now}.Until(ctx, tokens), test.wantErr)
			})
		})
	}
}

func TestSignedWait_Forbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := signedCluster(t, nil, "abcdef")
		refusal := errors.New("no")
		client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
		err := clusterinfo.SignedWait{Client: client.CoreV1(), Now: time.Now}.Until(t.Context(), infosOf(t, "abcdef"))
		testcluster.WantError(t, err, refusal)
	})
}

func TestSignedWait_NoAccessToTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := signedCluster(t, nil, "abcdef")
		client.PrependReactor("list", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no") })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := clusterinfo.SignedWait{Client: client.CoreV1(), Now: time.Now}.Until(ctx, infosOf(t, "abcdef"))
		var deadline *kubeclient.DeadlineError
		if !errors.As(err, &deadline) || !strings.Contains(err.Error(), "lacks permission") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestCapacity(t *testing.T) {
	cm := func(data map[string]string, binary map[string][]byte) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: data, BinaryData: binary}
	}
	const signature = 85
	tests := []struct {
		name string
		cm   *corev1.ConfigMap
		want int
	}{
		{"only the kubeconfig", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20-10*signature)}, nil), 10},
		{"one byte too many", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20-10*signature+1)}, nil), 9},
		{"with signatures", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20-10*signature), "jws-kubeconfig-abcdef": strings.Repeat("s", signature)}, nil), 10},
		{"with other data", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20-10*signature), "x": strings.Repeat("x", signature)}, nil), 9},
		{"with binary data", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20-10*signature)}, map[string][]byte{"x": make([]byte, 2*signature)}), 8},
		{"full", cm(map[string]string{"kubeconfig": strings.Repeat("k", 1<<20)}, nil), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info, err := clusterinfo.Fetch(t.Context(), fake.NewClientset(test.cm).CoreV1())
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Capacity(); got != test.want {
				t.Errorf("Capacity = %d, want %d", got, test.want)
			}
		})
	}
	if size := len(clusterinfo.Sign([]byte("hello"), tokenOf(t, "abcdef"))); size != signature {
		t.Errorf("a signature has %d bytes, want %d", size, signature)
	}
}

// infosOf returns the tokens with these IDs.
func infosOf(t *testing.T, ids ...string) []token.Info {
	t.Helper()
	var infos []token.Info
	for _, id := range ids {
		infos = append(infos, token.Read(secretOf(t, id)))
	}
	return infos
}
