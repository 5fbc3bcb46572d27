package clusterinfo_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

var errServer = errors.New("server error")

func conflict() error {
	return apierrors.NewConflict(corev1.Resource("configmaps"), "cluster-info", errors.New("changed"))
}

// Exactly the valid tokens with the signing usage get a signature.
func TestPublish_ValidSigningTokensOnly(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   bool
	}{
		{"unchanged", func(*corev1.Secret) {}, true},
		{"signing only", func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-authentication") }, true},
		{"expires in a second", func(s *corev1.Secret) { s.Data["expiration"] = []byte("2026-01-01T00:00:01Z") }, true},
		{"expires now", func(s *corev1.Secret) { s.Data["expiration"] = []byte("2026-01-01T00:00:00Z") }, false},
		{"bad expiration", func(s *corev1.Secret) { s.Data["expiration"] = []byte("never") }, false},
		{"no signing", func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-signing") }, false},
		{"signing True", func(s *corev1.Secret) { s.Data["usage-bootstrap-signing"] = []byte("True") }, false},
		{"name of another token", func(s *corev1.Secret) { s.Name = "bootstrap-token-zzzzzz" }, false},
		{"bad secret", func(s *corev1.Secret) { s.Data["token-secret"] = []byte("x") }, false},
		{"no secret", func(s *corev1.Secret) { delete(s.Data, "token-secret") }, false},
		{"another type", func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }, false},
		{"another namespace", func(s *corev1.Secret) { s.Namespace = "default" }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t, "abcdef")
			test.change(secret)
			client := fakeCore(t, secret, secretOf(t, "bbbbbb"))
			if _, err := testcluster.Publish(t, client, document); err != nil {
				t.Fatal(err)
			}
			info, err := clusterinfo.Fetch(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"bbbbbb"}
			if test.want {
				want = []string{"abcdef", "bbbbbb"}
			}
			if got := info.TokenIDs(); !slices.Equal(got, want) {
				t.Errorf("signed with %v, want %v", got, want)
			}
			if test.want {
				testcluster.WantError(t, clusterinfo.Verify(document, info.Signatures["abcdef"], testcluster.ParseToken(t)), nil)
			}
		})
	}
}

// The write depends on the version that was read, is one request, and keeps data that
// bootctl does not manage.
func TestPublish_ResourceVersion(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	there := clusterInfo(map[string]string{"kubeconfig": "old", "jws-kubeconfig-zzzzzz": "theirs", "other": "kept"})
	there.ResourceVersion, there.UID = "42", "u"
	there.Labels, there.Annotations = map[string]string{"a": "b"}, map[string]string{"c": "d"}
	there.BinaryData = map[string][]byte{"binary": {0}}
	client := fakeCore(t, there.DeepCopy(), secretOf(t, "abcdef"))
	if changed, err := testcluster.Publish(t, client, document); err != nil || !changed {
		t.Fatalf("Publish = %v, %v", changed, err)
	}
	var writes []clienttesting.Action
	for _, action := range client.Actions() {
		if verb := action.GetVerb(); verb != "get" && verb != "list" {
			writes = append(writes, action)
		}
	}
	if len(writes) != 1 || writes[0].GetVerb() != "update" || writes[0].GetSubresource() != "" {
		t.Fatalf("writes %v, want one update", writes)
	}
	got := writes[0].(clienttesting.UpdateActionImpl).Object.(*corev1.ConfigMap)
	if got.ResourceVersion != "42" || got.UID != "u" {
		t.Errorf("written with version %q and UID %q", got.ResourceVersion, got.UID)
	}
	if got.Labels["a"] != "b" || got.Annotations["c"] != "d" || len(got.BinaryData["binary"]) != 1 || got.Data["other"] != "kept" {
		t.Errorf("not everything was kept: %+v", got)
	}
	if _, ok := got.Data["jws-kubeconfig-zzzzzz"]; ok {
		t.Error("a signature that the bootstrap signer would remove was kept")
	}
	if changed, err := testcluster.Publish(t, client, document); err != nil || changed {
		t.Errorf("the second time, Publish = %v, %v", changed, err)
	}
}

// After a conflict everything is read again: the new version, and tokens created in
// the meantime.
func TestPublish_RereadsAfterConflict(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	client := fakeCore(t, clusterInfo(map[string]string{"kubeconfig": "old"}))
	attempts, gets := 0, 0
	client.PrependReactor("list", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		attempts++
		list := &corev1.SecretList{}
		for _, id := range []string{"abcdef", "bbbbbb"}[:min(attempts, 2)] {
			list.Items = append(list.Items, *secretOf(t, id))
		}
		return true, list, nil
	})
	client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		gets++
		cm := clusterInfo(map[string]string{"kubeconfig": "old", "attempt": strconv.Itoa(gets)})
		cm.ResourceVersion = strconv.Itoa(gets)
		return true, cm, nil
	})
	var written *corev1.ConfigMap
	client.PrependReactor("update", "configmaps", func(action clienttesting.Action) (bool, runtime.Object, error) {
		written = action.(clienttesting.UpdateActionImpl).Object.(*corev1.ConfigMap)
		if attempts == 1 {
			return true, nil, conflict()
		}
		return true, written, nil
	})
	if changed, err := testcluster.Publish(t, client, document); err != nil || !changed || attempts != 2 {
		t.Fatalf("Publish = %v, %v after %d attempts, want two", changed, err, attempts)
	}
	if written.ResourceVersion != "2" || written.Data["attempt"] != "2" || written.Data["jws-kubeconfig-bbbbbb"] == "" {
		t.Errorf("the second attempt wrote version %s and %v", written.ResourceVersion, written.Data)
	}
}

func TestPublish_Errors(t *testing.T) {
	document := []byte(testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate)))
	tests := []struct {
		verb, resource string
		there          bool
		err            error
		calls          int
	}{
		{"list", "secrets", true, errServer, 1},
		{"get", "configmaps", true, errServer, 1},
		{"update", "configmaps", true, errServer, 1},
		{"create", "configmaps", false, errServer, 1},
		{"update", "configmaps", true, apierrors.NewForbidden(corev1.Resource("configmaps"), "cluster-info", errServer), 1},
		{"update", "configmaps", true, conflict(), 50},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %s: %v", test.verb, test.resource, test.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var objects []runtime.Object
				if test.there {
					objects = append(objects, clusterInfo(map[string]string{"kubeconfig": "old"}))
				}
				client := fakeCore(t, objects...)
				calls := 0
				client.PrependReactor(test.verb, test.resource, func(clienttesting.Action) (bool, runtime.Object, error) {
					calls++
					return true, nil, test.err
				})
				changed, err := testcluster.Publish(t, client, document)
				testcluster.WantError(t, err, test.err)
				if changed || calls != test.calls {
					t.Errorf("changed %v after %d calls, want %d", changed, calls, test.calls)
				}
			})
		})
	}
}

// A document that a node would reject is not written.
func TestPublish_InvalidDocument(t *testing.T) {
	good := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))
	for name, document := range map[string]string{
		"no CA": testcluster.DocumentOf(nil), "empty": "", "second document": good + "---\n", "with a key": testcluster.DocumentOf([]byte("-----BEGIN PRIVATE KEY-----\n")),
	} {
		t.Run(name, func(t *testing.T) {
			client := fakeCore(t, clusterInfo(map[string]string{"kubeconfig": "old"}))
			changed, err := testcluster.Publish(t, client, []byte(document))
			testcluster.WantError(t, err, clusterinfo.ErrDocument)
			if changed || len(client.Actions()) != 0 {
				t.Errorf("changed %v with %v", changed, client.Actions())
			}
		})
	}
}

func TestFetch_ErrorsAndBytes(t *testing.T) {
	client := fakeCore(t, clusterInfo(map[string]string{"kubeconfig": " x\r\n\n", "jws-kubeconfig-": "nobody's", "JWS-kubeconfig-abcdef": "x", "jws-abcdef": "x"}))
	info, err := clusterinfo.Fetch(t.Context(), client)
	if err != nil || string(info.Raw) != " x\r\n\n" || !maps.Equal(info.Signatures, map[string]string{"": "nobody's"}) {
		t.Errorf("raw %q, signatures %v, %v", info.Raw, info.Signatures, err)
	}
	if action := client.Actions()[0]; len(client.Actions()) != 1 || action.GetVerb() != "get" || action.GetNamespace() != "kube-public" {
		t.Errorf("actions %v, want one get", client.Actions())
	}
	client.PrependReactor("get", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errServer })
	if _, err := clusterinfo.Fetch(t.Context(), client); !errors.Is(err, errServer) || errors.Is(err, clusterinfo.ErrNotFound) {
		t.Errorf("error = %v, want only the server's error", err)
	}
	if _, err := clusterinfo.Fetch(t.Context(), fakeCore(t)); discovery.Transient(err) != errors.Is(err, clusterinfo.ErrNotFound) {
		t.Errorf("error = %v", err)
	}
}

func TestCheckAll_OneToken(t *testing.T) {
	info := func(data map[string]string) clusterinfo.Info {
		return clusterinfo.Info{Raw: []byte("hello"), Signatures: data}
	}
	signedBy := map[string]string{"abcdef": golden}
	tests := []struct {
		name   string
		info   clusterinfo.Info
		change func(*corev1.Secret)
		want   []string // states
	}{
		{"valid", info(signedBy), func(*corev1.Secret) {}, []string{clusterinfo.Valid}},
		{"no signature", info(nil), func(*corev1.Secret) {}, []string{clusterinfo.Missing}},
		{"empty signature", info(map[string]string{"abcdef": ""}), func(*corev1.Secret) {}, []string{clusterinfo.Malformed}},
		{"signature cut off", info(map[string]string{"abcdef": golden[:len(golden)-1]}), func(*corev1.Secret) {}, []string{clusterinfo.Malformed}},
		{"signature with padding", info(map[string]string{"abcdef": golden + "="}), func(*corev1.Secret) {}, []string{clusterinfo.Malformed}},
		{"signature of another token", info(map[string]string{"abcdef": strings.Replace(golden, "ImFiY2RlZiJ9", "ImFiY2RlZyJ9", 1)}), func(*corev1.Secret) {}, []string{clusterinfo.Malformed}},
		{"orphan entry without a signature", info(map[string]string{"zzzzzz": "x"}), func(s *corev1.Secret) { s.Data["expiration"] = []byte("x") }, []string{clusterinfo.Orphan}},
		{"other document", clusterinfo.Info{Raw: []byte("hello\n"), Signatures: signedBy}, func(*corev1.Secret) {}, []string{clusterinfo.Stale}},
		{"other secret", info(signedBy), func(s *corev1.Secret) { s.Data["token-secret"] = []byte("0123456789abcdeg") }, []string{clusterinfo.Stale}},
		{"expired", info(signedBy), func(s *corev1.Secret) { s.Data["expiration"] = []byte("2026-01-01T00:00:00Z") }, []string{clusterinfo.Orphan}},
		{"expires later", info(signedBy), func(s *corev1.Secret) { s.Data["expiration"] = []byte("2026-01-01T00:00:01Z") }, []string{clusterinfo.Valid}},
		{"not for signing", info(signedBy), func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-signing") }, []string{clusterinfo.Orphan}},
		{"not for signing, no signature", info(nil), func(s *corev1.Secret) { delete(s.Data, "usage-bootstrap-signing") }, nil},
		{"malformed", info(signedBy), func(s *corev1.Secret) { s.Data["token-id"] = []byte("x") }, []string{clusterinfo.Orphan}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t, "abcdef")
			test.change(secret)
			var got []string
			for _, state := range clusterinfo.CheckAll(test.info, []token.Info{token.Read(secret)}, testcluster.Now) {
				got = append(got, state.State)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("states %v, want %v", got, test.want)
			}
		})
	}
}

// A node accepts the output of Encode; client-go reads the output of Kubeconfig.
func TestKubeconfig_RoundTrip(t *testing.T) {
	cas := testcluster.Bundle(testcluster.NewCA(t), testcluster.NewCA(t))
	for _, server := range []clusterinfo.Endpoint{"10.0.0.1:6443", "[fd00::1]:6443", "[::ffff:10.0.0.1]:1", "api.example.com:443"} {
		raw, err := clusterinfo.Encode(server, cas)
		if err != nil {
			t.Fatal(err)
		}
		document, err := clusterinfo.ParseDocument(raw)
		if err != nil || document.Server != server {
			t.Errorf("%s became %s, %v", server, document.Server, err)
		}
		wantUpstreamAgrees(t, document)
		for _, path := range []string{"pki/current.pem", "../a b.pem", "/é: #'\".pem", "- x\n.pem", "~", "null"} {
			raw, err := clusterinfo.Kubeconfig(server, cas, path)
			if err != nil {
				t.Fatal(err)
			}
			config, err := clientcmd.Load(raw)
			if err != nil {
				t.Fatal(err)
			}
			user, cluster := config.AuthInfos["default-auth"], config.Clusters["default-cluster"]
			if user.ClientCertificate != path || user.ClientKey != path || cluster.Server != server.URL() || config.CurrentContext != "default-context" {
				t.Errorf("path %q and server %s became %q, %q and %s", path, server, user.ClientCertificate, user.ClientKey, cluster.Server)
			}
			if user.Token != "" || len(user.ClientKeyData) != 0 || cluster.InsecureSkipTLSVerify {
				t.Errorf("unexpected credentials: %+v", user)
			}
			got, err := certpem.Parse(cluster.CertificateAuthorityData)
			if err != nil || len(got) != 2 {
				t.Errorf("%d CAs, %v", len(got), err)
			}
			if _, err := clusterinfo.ParseDocument(raw); !errors.Is(err, clusterinfo.ErrDocument) {
				t.Errorf("a kubeconfig with a user was accepted as a document: %v", err)
			}
		}
	}
}

func TestVerifyAll(t *testing.T) {
	for state, want := range map[string]error{
		clusterinfo.Valid: nil, clusterinfo.Stale: clusterinfo.ErrNotVerified, clusterinfo.Missing: clusterinfo.ErrNotVerified, clusterinfo.Malformed: clusterinfo.ErrNotVerified,
	} {
		states := []clusterinfo.SignatureState{{TokenID: "abcdef", State: state}, {TokenID: "zzzzzz", State: clusterinfo.Orphan}}
		testcluster.WantError(t, clusterinfo.VerifyAll(states), want)
	}
	testcluster.WantError(t, clusterinfo.VerifyAll(nil), clusterinfo.ErrNoSigningToken)
}
