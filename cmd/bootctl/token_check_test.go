package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

func TestTokenCheck(t *testing.T) {
	tests := []struct {
		id                string
		code              int
		accepted, signing bool
		rejected          string
	}{
		{"aaaaaa", 0, true, true, ""},
		{"bbbbbb", 0, false, true, "it does not have the usage authentication"},
		{"cccccc", 4, false, false, "it expired on 2020-01-01T00:00:00Z"},
		{"dddddd", 4, false, true, "is not a valid group below system:bootstrappers:"},
		{"eeeeee", 4, false, false, "not an RFC 3339 time"},
		{"hhhhhh", 0, true, false, ""},
		{"zzzzzz", 3, false, false, ""},
	}
	for _, test := range tests {
		t.Run(test.id, func(t *testing.T) {
			check, got := on[output.TokenCheck](t, fake.NewClientset(everyToken(t)...), "token", "check", test.id)
			if got.code != test.code || check.Accepted != test.accepted || check.Signing != test.signing || !strings.Contains(check.RejectedReason, test.rejected) {
				t.Errorf("exit code %d, check %+v, stderr %s", got.code, check, got.errOut)
			}
			if test.code == 4 && !strings.Contains(got.errOut, "TokenUnusable") {
				t.Errorf("stderr %s", got.errOut)
			}
			if test.accepted && (check.User != "system:bootstrap:"+test.id || !slices.Contains(check.Groups, "system:bootstrappers")) {
				t.Errorf("accepted as %s in %v", check.User, check.Groups)
			}
		})
	}
}

// The secret of a full token is compared and never printed.
func TestTokenCheck_ComparesSecret(t *testing.T) {
	for text, code := range map[string]int{"aaaaaa." + planted: 0, "aaaaaa.0000000000000001": 9} {
		for name, args := range map[string][]string{"file": {"--token-file", file(t, text)}, "command line": {text}} {
			check, got := on[output.TokenCheck](t, fake.NewClientset(everyToken(t)...), append([]string{"token", "check"}, args...)...)
			if got.code != code || check.Accepted != (code == 0) || strings.Contains(got.out+got.errOut, text[7:]) {
				t.Errorf("%s: exit code %d, want %d; check %+v, stderr %s", name, got.code, code, check, got.errOut)
			}
		}
	}
	for args, want := range map[string]string{
		"": "name a token by its ID, use --token-file, or set BOOTCTL_TOKEN", "aaaaaa --token-file x": "ID and --token-file cannot be used together",
		"aaaaaa --ca-file x": "--ca-cert-hash, --ca-file, and --unsafe-skip-ca-verification require --endpoint", "aaaaaa --endpoint 192.0.2.1": "--endpoint requires the full token: use --token-file",
	} {
		got := invoke(t, everyToken(t), append([]string{"token", "check"}, strings.Fields(args)...)...)
		if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q, want %q", args, got.code, got.out, got.errOut, want)
		}
	}
}

// The check fails if cluster-info is not signed with the token, once the bootstrap signer
// has had enough time.
func TestTokenCheck_NeedsSignature(t *testing.T) {
	info := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": "hello"}}
	signed := info.DeepCopy()
	tok, err := token.Parse("aaaaaa." + planted)
	if err != nil {
		t.Fatal(err)
	}
	signed.Data["jws-kubeconfig-aaaaaa"] = clusterinfo.Sign([]byte("hello"), tok)
	created := func(ago time.Duration, changes ...func(*corev1.Secret)) *corev1.Secret {
		return tokenSecret(t, "aaaaaa", append(changes, func(s *corev1.Secret) { s.CreationTimestamp = metav1.Time{Time: time.Now().Add(-ago)} })...)
	}
	tests := []struct {
		name  string
		info  *corev1.ConfigMap
		token *corev1.Secret
		code  int
		state string
	}{
		{"signed", signed, created(time.Hour), 0, "VALID"},
		{"not signed", info, created(time.Hour), 4, "MISSING"},
		{"not signed yet", info, created(time.Second), 0, "MISSING"},
		{"without the signing usage", info, created(time.Hour, without("usage-bootstrap-signing")), 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check, got := on[output.TokenCheck](t, fake.NewClientset(test.info, test.token), "token", "check", "aaaaaa")
			if got.code != test.code || check.Signature != test.state || test.code == 4 && !strings.Contains(got.errOut, "SignatureMissing") {
				t.Errorf("exit code %d, want %d; check %+v, stderr %s", got.code, test.code, check, got.errOut)
			}
		})
	}
}

// A token secret in the wrong key of a Secret is not printed.
func TestRun_MisplacedSecrets(t *testing.T) {
	for key, value := range map[string]string{
		"auth-extra-groups": "aaaaaa." + planted, "description": "for " + planted, "usage-bootstrap-signing": planted, planted: "x",
	} {
		clientset := fake.NewClientset(tokenSecret(t, "aaaaaa", with(key, value)))
		for _, args := range []string{"token list", "token check aaaaaa", "token extend aaaaaa --ttl 1h"} {
			for _, format := range []string{"json", "wide"} {
				got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), append(strings.Fields(args), "-o", format)...)
				if strings.Contains(got.out+got.errOut, planted) {
					t.Errorf("%s: %s -o %s prints %s%s", key, args, format, got.out, got.errOut)
				}
			}
		}
	}
}

func TestAdminConfig_ServerFlag(t *testing.T) {
	for given, want := range map[string]string{"192.0.2.1:6443": "https://192.0.2.1:6443", "https://192.0.2.1": "https://192.0.2.1", "http://127.0.0.1:8001": "http://127.0.0.1:8001"} {
		kubeconfig := writeKubeconfig(t, t.TempDir())
		e := &cli.Env{Getenv: func(string) string { return kubeconfig }, Connection: cli.NewConnection()}
		*e.Connection.APIServer = given
		config, err := e.AdminConfig()
		if err != nil || config.Rest.Host != want {
			t.Errorf("--server %s: %v, %v, want %s", given, config.Rest, err, want)
		}
	}
	for _, given := range []string{"http://192.0.2.1:8080", "http://localhost.example.com", "http://[2001:db8::1]"} {
		e := &cli.Env{Getenv: func(string) string { return writeKubeconfig(t, t.TempDir()) }, Connection: cli.NewConnection()}
		*e.Connection.APIServer = given
		if _, err := e.AdminConfig(); !errors.Is(err, failure.ErrUsage) {
			t.Errorf("--server %s: error %v, want ErrUsage", given, err)
		}
	}
}

func TestCompletion_Tokens(t *testing.T) {
	tests := []struct {
		words []string
		want  string
	}{
		{[]string{"token", "delete", ""}, "aaaaaa\tof aaaaaa"},
		{[]string{"token", "delete", "aaaaaa", ""}, "bbbbbb\tof bbbbbb"},
		{[]string{"token", "extend", ""}, "aaaaaa\tof aaaaaa"},
		{[]string{"token", "extend", "aaaaaa", ""}, ":4"},
		{[]string{"token", "check", ""}, "aaaaaa\tof aaaaaa"},
		{[]string{"token", "list", "--usage", ""}, "signing"},
	}
	for _, test := range tests {
		got := invoke(t, everyToken(t), append([]string{"__complete"}, test.words...)...)
		if first, _, _ := strings.Cut(got.out, "\n"); got.code != 0 || first != test.want {
			t.Errorf("%q: exit code %d, stdout %q, want %q first", test.words, got.code, got.out, test.want)
		}
	}
	if got := invoke(t, hostileCluster(t), "__complete", "token", "delete", ""); !strings.Contains(got.out, plantedID) {
		t.Errorf("stdout %q", got.out)
	} else {
		checkClean(t, result{out: strings.ReplaceAll(got.out, "\t", " ")})
	}
	if got := invoke(t, nil, "__complete", "token", "delete", ""); got.code != 0 || !strings.HasPrefix(got.out, ":4") {
		t.Errorf("without a cluster: exit code %d, stdout %q", got.code, got.out)
	}
}
