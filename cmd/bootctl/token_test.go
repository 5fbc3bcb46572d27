package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

// tokenSecret returns a valid token with the ID, changed by the given functions.
func tokenSecret(t *testing.T, id string, changes ...func(*corev1.Secret)) *corev1.Secret {
	t.Helper()
	tok, err := token.Parse(id + "." + planted)
	if err != nil {
		t.Fatal(err)
	}
	secret := token.Spec{
		Token: tok, Usages: []string{token.Signing, token.Authentication}, Groups: []string{token.DefaultGroup},
		Expires: time.Now().Add(time.Hour), Description: "of " + id,
	}.Secret()
	secret.UID = "uid-of-" + secret.UID
	for _, change := range changes {
		change(secret)
	}
	return secret
}

func with(key, value string) func(*corev1.Secret) {
	return func(s *corev1.Secret) { s.Data[key] = []byte(value) }
}

func without(key string) func(*corev1.Secret) { return func(s *corev1.Secret) { delete(s.Data, key) } }

const past = "2020-01-01T00:00:00Z"

// everyToken returns a token of each status.
func everyToken(t *testing.T) []runtime.Object {
	t.Helper()
	proxy := []func(*corev1.Secret){
		with("description", "Proxy for managing TTL for the kubeadm-certs secret"),
		without("usage-bootstrap-signing"), without("usage-bootstrap-authentication"), without("auth-extra-groups"),
	}
	return []runtime.Object{
		tokenSecret(t, "aaaaaa"),
		tokenSecret(t, "bbbbbb", without("usage-bootstrap-authentication"), without("auth-extra-groups")),
		tokenSecret(t, "cccccc", with("expiration", past)),
		tokenSecret(t, "dddddd", with("auth-extra-groups", "system:bootstrappers:a, system:bootstrappers:b")),
		tokenSecret(t, "eeeeee", with("expiration", "soon")),
		tokenSecret(t, "ffffff", proxy...),
		tokenSecret(t, "gggggg", append(proxy, with("expiration", past))...),
		tokenSecret(t, "hhhhhh", without("usage-bootstrap-signing"), with("auth-extra-groups", "system:bootstrappers:a")),
	}
}

func TestTokenList_Fields(t *testing.T) {
	list, got := on[output.TokenList](t, fake.NewClientset(everyToken(t)...), "token", "list")
	want := map[string]string{
		"aaaaaa": "valid", "bbbbbb": "valid, for signing only", "cccccc": "expired",
		"dddddd": `unusable: group " system:bootstrappers:b" is not a valid group below system:bootstrappers:`,
		"eeeeee": "unusable: its expiration is not an RFC 3339 time, so it counts as expired",
		"ffffff": "proxy of kubeadm-certs", "gggggg": "expired", "hhhhhh": "valid",
	}
	if got.code != 0 || len(list.Items) != len(want) {
		t.Fatalf("exit code %d, %d tokens, stderr %s", got.code, len(list.Items), got.errOut)
	}
	for _, item := range list.Items {
		if text := cmdutil.TokenStatus(item); text != want[item.ID] || item.Token != "" {
			t.Errorf("token %s: status %q, want %q; token %q", item.ID, text, want[item.ID], item.Token)
		}
	}
}

// An expiration that JSON cannot represent does not make the list fail.
func TestTokenList_ExpiresNow(t *testing.T) {
	for _, end := range []string{"9999-12-31T23:59:00-00:01", "0000-01-01T00:00:00+00:01"} {
		list, got := on[output.TokenList](t, fake.NewClientset(tokenSecret(t, "aaaaaa", with("expiration", end))), "token", "list")
		if got.code != 0 || len(list.Items) != 1 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %s", end, got.code, got.out, got.errOut)
		}
	}
}

func TestTokenList_Filters(t *testing.T) {
	tests := []struct {
		args string
		want string
	}{
		{"", "aaaaaa bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh"},
		{"--expired", "cccccc eeeeee gggggg"},
		{"--usage authentication", "aaaaaa cccccc dddddd eeeeee hhhhhh"},
		{"--usage signing", "aaaaaa bbbbbb cccccc dddddd eeeeee"},
		{"--group system:bootstrappers:a", "dddddd hhhhhh"},
		{"--group system:bootstrappers:a --usage signing", "dddddd"},
		{"--group system:bootstrappers:none", ""},
	}
	for _, test := range tests {
		args := append(append([]string{"token", "list"}, strings.Fields(test.args)...), "-q")
		got := invoke(t, everyToken(t), args...)
		if ids := strings.Join(strings.Fields(got.out), " "); got.code != 0 || ids != test.want {
			t.Errorf("%s: exit code %d, IDs %q, want %q", test.args, got.code, ids, test.want)
		}
	}
	if got := invoke(t, everyToken(t), "token", "list", "--usage", "sign"); got.code != 2 || got.out != "" || !strings.Contains(got.errOut, `--usage "sign" is neither signing nor authentication`) {
		t.Errorf("unknown usage: exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
	}
	if text, table := invoke(t, everyToken(t), "token", "list", "-o", "text"), invoke(t, everyToken(t), "token", "list"); text.code != 0 || len(text.out) != len(table.out) {
		t.Errorf("kubeadm's -o text: exit code %d, %q", text.code, text.out)
	}
}

// token list warns before cluster-info is full of signatures.
func TestTokenList_ClusterInfoFull(t *testing.T) {
	many := func(n int, usage string) []runtime.Object {
		objects := hostileCluster(t)
		for i := range n {
			objects = append(objects, tokenSecret(t, fmt.Sprintf("x%05d", i), without(usage)))
		}
		return objects
	}
	tests := []struct {
		name    string
		objects []runtime.Object
		want    bool
	}{
		{"near", many(6000, "auth-extra-groups"), true},
		{"not near", many(5990, "auth-extra-groups"), false},
		{"without the signing usage", many(6000, "usage-bootstrap-signing"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, test.objects, "token", "list", "-q")
			if warned := strings.Contains(got.errOut, "has room for 12"); got.code != 0 || warned != test.want {
				t.Errorf("exit code %d, stderr %q", got.code, got.errOut)
			}
		})
	}
}

func left(t *testing.T, clientset *fake.Clientset) string {
	t.Helper()
	infos, err := token.List(t.Context(), clientset.CoreV1())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	return strings.Join(ids, " ")
}

func TestTokenDelete(t *testing.T) {
	const all = "aaaaaa bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh"
	tests := []struct {
		name string
		args string
		code int
		left string
		want string // on stderr
	}{
		{"by ID", "aaaaaa hhhhhh", 0, "bbbbbb cccccc dddddd eeeeee ffffff gggggg", ""},
		{"full token", "aaaaaa." + planted, 0, "bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh", ""},
		{"full token, other secret", "aaaaaa.0000000000000001", 9, all, "TokenSecretMismatch"},
		{"twice", "aaaaaa aaaaaa", 0, "bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh", ""},
		{"missing", "zzzzzz", 3, all, "TokenNotFound"},
		{"missing, and others", "zzzzzz aaaaaa yyyyyy hhhhhh", 3, "bbbbbb cccccc dddddd eeeeee ffffff gggggg", "2 of 4"},
		{"missing, ignored", "zzzzzz aaaaaa --ignore-not-found", 0, "bbbbbb cccccc dddddd eeeeee ffffff gggggg hhhhhh", ""},
		{"expired", "--expired", 0, "aaaaaa bbbbbb dddddd ffffff gggggg hhhhhh", ""},
		{"dry run", "--expired --dry-run", 0, all, ""},
		{"dry run by ID", "aaaaaa --dry-run", 0, all, ""},
		{"no token", "", 2, all, "name tokens by their IDs, or use --expired"},
		{"ID and expired", "aaaaaa --expired", 2, all, "ID and --expired cannot be used together"},
		{"one malformed", "aaaaaa AAAAAA", 2, all, "InvalidToken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clientset := fake.NewClientset(everyToken(t)...)
			list, got := on[output.ResultList](t, clientset, append([]string{"token", "delete"}, strings.Fields(test.args)...)...)
			if got.code != test.code || left(t, clientset) != test.left || !strings.Contains(got.errOut, test.want) {
				t.Errorf("exit code %d, want %d; left %q, want %q; stderr %s", got.code, test.code, left(t, clientset), test.left, got.errOut)
			}
			if strings.Contains(got.out+got.errOut, planted) {
				t.Errorf("the secret is printed: %+v, %s", list, got.errOut)
			}
		})
	}
}

// A token that is changed after it was found to be expired is not deleted.
func TestTokenDelete_SparesExtended(t *testing.T) {
	clientset := fake.NewClientset(everyToken(t)...)
	clientset.PrependReactor("delete", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
		given := action.(clienttesting.DeleteActionImpl).DeleteOptions.Preconditions
		if given == nil || given.UID == nil || given.ResourceVersion == nil {
			t.Errorf("preconditions %+v, want a UID and a resource version", given)
		}
		return true, nil, apierrors.NewConflict(corev1.Resource("secrets"), "x", errors.New("it is another version"))
	})
	_, got := on[output.ResultList](t, clientset, "token", "delete", "--expired")
	if got.code != 9 || !strings.Contains(got.errOut, "TokenChanged") {
		t.Errorf("exit code %d, stderr %s", got.code, got.errOut)
	}
}

// The pending CSRs of a deleted token, and no other CSRs, are listed or denied.
func TestTokenDelete_CSRs(t *testing.T) {
	cluster := func() *fake.Clientset {
		objects := append(everyToken(t), requests(t, "n1", "n2", "n3", "n4")...)
		by := func(i int, user string) {
			changed(objects[len(objects)-4+i], func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Username = user })
		}
		by(0, "system:bootstrap:aaaaaa")
		by(1, "system:bootstrap:bbbbbb")
		by(2, "system:bootstrap:aaaaaa")
		by(3, "system:bootstrap:aaaaaa")
		changed(objects[len(objects)-1], func(r *certificatesv1.CertificateSigningRequest) {
			r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved", Status: "True"}}
		})
		return fake.NewClientset(objects...)
	}
	denied := func(clientset *fake.Clientset) string {
		list, err := clientset.CertificatesV1().CertificateSigningRequests().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range list.Items {
			if slices.ContainsFunc(r.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool { return c.Type == "Denied" }) {
				names = append(names, r.Name)
			}
		}
		return strings.Join(names, " ")
	}
	const both = "request-of-n1 request-of-n3"
	tests := []struct {
		name                      string
		args                      string
		pending, reported, denied string
	}{
		{"listed", "aaaaaa", both, both, ""},
		{"denied", "aaaaaa --deny-pending", "", both + `"}`, both},
		{"dry run", "aaaaaa --deny-pending --dry-run", both, both, ""},
		{"token and missing token", "zzzzzz aaaaaa --ignore-not-found --deny-pending", "", both + `"}`, both},
		{"no CSRs", "hhhhhh --deny-pending", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clientset := cluster()
			list, got := on[output.ResultList](t, clientset, append([]string{"token", "delete"}, strings.Fields(test.args)...)...)
			if got.code != 0 {
				t.Fatalf("exit code %d, stderr %s", got.code, got.errOut)
			}
			last := list.Items[len(list.Items)-1]
			if pending := strings.Join(last.PendingCSRs, " "); pending != test.pending {
				t.Errorf("pending %q, want %q", pending, test.pending)
			}
			if found := strings.Join(last.DeniedCSRs, " "); found != test.denied || denied(clientset) != test.denied {
				t.Errorf("denied %q and %q, want %q", found, denied(clientset), test.denied)
			}
			if reported := strings.Contains(got.errOut, "request-of-"); reported != (test.reported != "") || !strings.Contains(got.errOut, test.reported) {
				t.Errorf("stderr %q, want %q", got.errOut, test.reported)
			}
		})
	}
}

// The CSRs of a missing token are denied as well.
func TestTokenDelete_DeniesForMissingToken(t *testing.T) {
	request := changed(requests(t, "n1")[0], func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Username = "system:bootstrap:zzzzzz" })
	list, got := on[output.ResultList](t, fake.NewClientset(request), "token", "delete", "zzzzzz", "--deny-pending")
	if got.code != 3 || len(list.Items) != 1 || strings.Join(list.Items[0].DeniedCSRs, " ") != "request-of-n1" {
		t.Errorf("exit code %d, results %+v, stderr %s", got.code, list.Items, got.errOut)
	}
}

// A missing permission to deny is reported before the token is deleted.
func TestTokenDelete_ChecksPermissionFirst(t *testing.T) {
	ctx := context.WithValue(t.Context(), accessKey{}, func(a *authorizationv1.ResourceAttributes) bool { return a.Verb != "approve" })
	clientset := fake.NewClientset(everyToken(t)...)
	for args, code := range map[string]int{"aaaaaa --deny-pending": 8, "bbbbbb": 0} {
		got := invokeOn(ctx, t, clientset, writeKubeconfig(t, t.TempDir()), append([]string{"token", "delete"}, strings.Fields(args)...)...)
		if got.code != code || strings.Contains(left(t, clientset), args[:6]) == (code == 0) {
			t.Errorf("%s: exit code %d, want %d; left %s; stderr %s", args, got.code, code, left(t, clientset), got.errOut)
		}
	}
}

// A Secret that only has the name of a token is not changed.
func TestTokenDelete_OtherSecrets(t *testing.T) {
	for _, args := range []string{"delete aaaaaa", "extend aaaaaa --ttl 1h"} {
		clientset := fake.NewClientset(tokenSecret(t, "aaaaaa", func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }))
		got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), append([]string{"token"}, strings.Fields(args)...)...)
		if got.code != 9 || !strings.Contains(got.errOut, "NotAToken") || len(writes(clientset)) != 0 {
			t.Errorf("%s: exit code %d, requests %v, stderr %s", args, got.code, writes(clientset), got.errOut)
		}
	}
}

// Without permission to list CSRs, the token is deleted with a warning; with --deny-pending
// that is an error.
func TestTokenDelete_NoAccessToCSRs(t *testing.T) {
	for args, code := range map[string]int{"aaaaaa": 0, "aaaaaa --deny-pending": 8} {
		clientset := fake.NewClientset(everyToken(t)...)
		clientset.PrependReactor("list", "certificatesigningrequests", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(certificatesv1.Resource("certificatesigningrequests"), "", errors.New(`User "u" cannot list`))
		})
		_, got := on[output.ResultList](t, clientset, append([]string{"token", "delete"}, strings.Fields(args)...)...)
		if got.code != code || strings.Contains(left(t, clientset), "aaaaaa") || !strings.Contains(got.errOut, "cannot list") {
			t.Errorf("%s: exit code %d, want %d; left %s; stderr %s", args, got.code, code, left(t, clientset), got.errOut)
		}
	}
}

func TestTokenExtend(t *testing.T) {
	tests := []struct {
		name   string
		args   string
		code   int
		want   time.Duration // from now on; 0: never
		stderr string
	}{
		{"longer", "aaaaaa --ttl 2d", 0, 48 * time.Hour, ""},
		{"sooner", "aaaaaa --ttl 5m", 0, 5 * time.Minute, "sooner"},
		{"never", "aaaaaa --ttl never", 0, 0, "never expires"},
		{"expired", "cccccc --ttl 1h", 0, time.Hour, ""},
		{"invalid expiration", "eeeeee --ttl 1h", 0, time.Hour, ""},
		{"unusable", "dddddd --ttl 2h", 0, 2 * time.Hour, "cannot be used"},
		{"at a time", "aaaaaa --expires-at " + time.Now().Add(3*time.Hour).UTC().Format(time.RFC3339), 0, 3 * time.Hour, ""},
		{"no expiration", "aaaaaa", 2, 0, "--ttl or --expires-at"},
		{"TTL and time", "aaaaaa --ttl 1h --expires-at 2099-01-01T00:00:00Z", 2, 0, "cannot be used together"},
		{"past", "aaaaaa --ttl -1h", 2, 0, `--ttl \"-1h\" is not a duration`},
		{"missing", "zzzzzz --ttl 1h", 3, 0, "TokenNotFound"},
		{"other secret", "aaaaaa.0000000000000001 --ttl 1h", 9, 0, "TokenSecretMismatch"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clientset := fake.NewClientset(everyToken(t)...)
			changed, got := on[output.Token](t, clientset, append([]string{"token", "extend"}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.errOut, test.stderr) || test.stderr == "" && got.errOut != "" {
				t.Fatalf("exit code %d, want %d; stderr %q, want %q", got.code, test.code, got.errOut, test.stderr)
			}
			switch {
			case test.code != 0:
				if len(writes(clientset)) != 0 || got.out != "" {
					t.Errorf("requests %v, stdout %q", writes(clientset), got.out)
				}
			case test.want == 0:
				if changed.Expires != nil {
					t.Errorf("expiration %v, want none", changed.Expires)
				}
			default:
				if rest := time.Until(*changed.Expires); rest > test.want || rest < test.want-3*time.Second {
					t.Errorf("TTL %s, want %s", rest, test.want)
				}
			}
		})
	}
	got := invoke(t, everyToken(t), "token", "extend", "aaaaaa", "--ttl", "2h")
	if _, err := time.Parse(time.RFC3339, strings.TrimSuffix(got.out, "\n")); err != nil {
		t.Errorf("stdout %q, want the new expiration", got.out)
	}
}
