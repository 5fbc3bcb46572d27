package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

// writes returns the requests that change objects, such as "create secrets".
func writes(clientset *fake.Clientset) []string {
	var found []string
	for _, action := range clientset.Actions() {
		if verb := action.GetVerb(); verb != "get" && verb != "list" && !strings.Contains(action.GetResource().Resource, "reviews") {
			found = append(found, verb+" "+action.GetResource().Resource)
		}
	}
	return found
}

// on runs bootctl on clientset and parses the JSON document that it prints.
func on[T any](t *testing.T, clientset *fake.Clientset, args ...string) (T, result) {
	t.Helper()
	got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), append(args, "-o", "json")...)
	var document T
	if got.out != "" {
		if err := json.Unmarshal([]byte(got.out), &document); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
	}
	return document, got
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Invalid input is rejected before the first request.
func TestTokenCreate_Refuses(t *testing.T) {
	const strong = "k3x9q2.w8f0s7d6h5j4n3m2"
	const group = " must be system:bootstrappers: followed by a-z, 0-9, colons and dashes, and end with a letter or digit"
	spec := token.ErrInvalidSpec.Error() + ": "
	tests := []struct {
		name   string
		args   []string
		reason string
		prefix string // of the message
	}{
		{"negative TTL", []string{"--ttl", "-1h"}, "Usage", `--ttl "-1h" is not a duration such as 90m, 24h, or 7d`},
		{"TTL below a second", []string{"--ttl", "500ms"}, "Usage", `--ttl "500ms" is shorter than a second; use never for a token that does not expire`},
		{"a nanosecond", []string{"--ttl", "1ns"}, "Usage", `--ttl "1ns" is shorter than a second; use never for a token that does not expire`},
		{"no unit", []string{"--ttl", "1h30"}, "Usage", `--ttl "1h30" is not a duration such as 90m, 24h, or 7d`},
		{"float", []string{"--ttl", "1e3s"}, "Usage", `--ttl "1e3s" is not a duration such as 90m, 24h, or 7d`},
		{"other digits", []string{"--ttl", "١h"}, "Usage", `--ttl "١h" is not a duration such as 90m, 24h, or 7d`},
		{"overflow", []string{"--ttl", "2562048h"}, "Usage", `--ttl "2562048h" is not a duration such as 90m, 24h, or 7d`},
		{"overflow of days", []string{"--ttl", "106752d"}, "Usage", `--ttl "106752d" is not a duration such as 90m, 24h, or 7d`},
		{"negative days", []string{"--ttl", "-7d"}, "Usage", `--ttl "-7d" is not a duration such as 90m, 24h, or 7d`},
		{"days and hours", []string{"--ttl", "1d2h"}, "Usage", `--ttl "1d2h" is not a duration such as 90m, 24h, or 7d`},
		{"TTL and time", []string{"--ttl", "1h", "--expires-at", "2099-01-01T00:00:00Z"}, "Usage", "--ttl and --expires-at cannot be used together"},
		{"past", []string{"--expires-at", "2020-01-01T00:00:00Z"}, "Usage", "--expires-at 2020-01-01T00:00:00Z is in the past"},
		{"date without a time", []string{"--expires-at", "2099-01-01"}, "Usage", `--expires-at "2099-01-01" is not a time like 2026-01-31T18:00:00Z`},
		{"time without a zone", []string{"--expires-at", "2099-01-01T00:00:00"}, "Usage", `--expires-at "2099-01-01T00:00:00" is not a time like 2026-01-31T18:00:00Z`},
		{"no usage", []string{"--usages", ""}, "InvalidTokenSpec", spec + "at least one usage is required: signing, authentication or both"},
		{"unknown usage", []string{"--usages", "sign"}, "InvalidTokenSpec", spec + `usage "sign" is neither signing nor authentication`},
		{"usage in upper case", []string{"--usages", "Signing"}, "InvalidTokenSpec", spec + `usage "Signing" is neither signing nor authentication`},
		{"empty usage", []string{"--usages", "signing,"}, "InvalidTokenSpec", spec + `usage "" is neither signing nor authentication`},
		{"key for usage", []string{"--usages", "usage-bootstrap-signing"}, "InvalidTokenSpec", spec + `usage "usage-bootstrap-signing" is neither signing nor authentication`},
		{"groups without authentication", []string{"--usages", "signing", "--groups", "system:bootstrappers:a"}, "InvalidTokenSpec", spec + "groups require the usage authentication"},
		{"other group", []string{"--groups", "system:masters"}, "InvalidTokenSpec", spec + `group "system:masters"` + group},
		{"bare group", []string{"--groups", "system:bootstrappers"}, "InvalidTokenSpec", spec + `group "system:bootstrappers"` + group},
		{"space after a comma", []string{"--groups", "system:bootstrappers:a, system:bootstrappers:b"}, "InvalidTokenSpec", spec + `group " system:bootstrappers:b"` + group},
		{"script", []string{"--groups", "system:bootstrappers:<script>"}, "InvalidTokenSpec", spec + `group "system:bootstrappers:<script>"` + group},
		{"malformed token", []string{strong + "0"}, "InvalidToken", "not a bootstrap token: it has 24 bytes instead of 23 (6 characters, a dot and 16 characters)"},
		{"token of documentation", []string{"abcdef.0123456789abcdef"}, "WeakToken", "token abcdef: the token is weak: it is an example from public documentation"},
		{"weak token", []string{"k3x9q2.aaaaaaaaaaaaaaaa"}, "WeakToken", "token k3x9q2: the token is weak: its secret has too few different characters"},
		{"token and file", []string{strong, "--token-file", "x"}, "Usage", "TOKEN and --token-file cannot be used together"},
		{"count and token", []string{strong, "--count", "2"}, "Usage", "--count creates random tokens: it cannot be used with TOKEN or --token-file"},
		{"count of zero", []string{"--count", "0"}, "Usage", "--count 0 is not between 1 and 10000"},
		{"value without its =", []string{"--print-join-command", "kubeadm"}, "Usage", "kubeadm is not a token; pass a value as --print-join-command=VALUE or --dry-run=VALUE"},
		{"server without TLS", []string{"--server", "http://192.0.2.1:8080"}, "Usage", "--server http://192.0.2.1:8080 would send tokens unencrypted; use an https URL"},
		{"count below one", []string{"--count", "-1"}, "Usage", "--count -1 is not between 1 and 10000"},
		{"count too large", []string{"--count", "10001"}, "Usage", "--count 10001 is not between 1 and 10000"},
		{"count and kubeconfig", []string{"--count", "2", "-o", "bootstrap-kubeconfig"}, "Usage", "-o bootstrap-kubeconfig and --count cannot be used together"},
		{"waiting without the signing usage", []string{"--usages", "authentication", "--wait"}, "Usage", "--wait requires the usage signing"},
		{"waiting in a dry run", []string{"--wait", "--dry-run"}, "Usage", "--wait and --dry-run cannot be used together"},
		{"no time to wait", []string{"--wait", "--timeout", "0s"}, "Usage", "--timeout must be positive, not 0s"},
		{"unknown dry run", []string{"--dry-run=both"}, "Usage", `--dry-run accepts client or server, not "both"`},
		{"join command for an unknown program", []string{"--print-join-command=k3s"}, "Usage", `--print-join-command accepts bootctl or kubeadm, not "k3s"`},
		{"join command without signing", []string{"--usages", "authentication", "--print-join-command"}, "Usage", "--print-join-command requires the usages signing and authentication"},
		{"kubeconfig without authentication", []string{"--usages", "signing", "-o", "bootstrap-kubeconfig"}, "Usage", "-o bootstrap-kubeconfig requires the usage authentication"},
		{"kubeadm's configuration", []string{"--config", "kubeadm.yaml"}, "Usage", `--config is not supported: bootctl reads no configuration file here; use --ttl, --usages, --groups, --description, and --token-file`},
		{"kubeadm's certificate key", []string{"--print-join-command", "--certificate-key", "x"}, "Usage", `--certificate-key is not supported: bootctl joins worker nodes; it does not join control plane nodes`},
		{"template that cannot be printed", []string{"-o", "go-template={{index .usages 7}}"}, "Usage", "nothing was created, because it could not be printed: "},
		{"names only, and a document", []string{"-q", "-o", "yaml"}, "Usage", "--quiet and -o yaml cannot be used together"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clientset := fake.NewClientset(hostileCluster(t)...)
			got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), append([]string{"token", "create"}, test.args...)...)
			want := regexp.MustCompile(`(?m)^bootctl: error: ` + regexp.QuoteMeta(test.prefix) + `.*\(` + test.reason + `\)$`)
			if got.code != 2 || got.out != "" || !want.MatchString(got.errOut) {
				t.Errorf("exit code %d, stdout %q, stderr %q; want 2, nothing, %s", got.code, got.out, got.errOut, want)
			}
			if strings.Contains(got.errOut, strong[7:]) || len(clientset.Actions()) != 0 {
				t.Errorf("stderr %q, requests %v", got.errOut, clientset.Actions())
			}
		})
	}
}

func TestTokenCreate_Expiration(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want time.Duration // from now on; 0: never
	}{
		{"default", nil, 24 * time.Hour},
		{"Go duration", []string{"--ttl", "1h30m"}, 90 * time.Minute},
		{"days", []string{"--ttl", "7d"}, 7 * 24 * time.Hour},
		{"plus", []string{"--ttl", "+1h"}, time.Hour},
		{"never", []string{"--ttl", "never"}, 0},
		{"zero", []string{"--ttl", "0"}, 0},
		{"zero seconds", []string{"--ttl", "0s"}, 0},
		{"at a time", []string{"--expires-at", time.Now().Add(time.Hour).Format(time.RFC3339)}, time.Hour},
		{"at a time in another zone", []string{"--expires-at", time.Now().Add(time.Hour).In(time.FixedZone("", 14*3600)).Format(time.RFC3339)}, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clientset := fake.NewClientset()
			token, got := on[output.Token](t, clientset, append([]string{"token", "create"}, test.args...)...)
			if got.code != 0 {
				t.Fatalf("exit code %d, stderr %s", got.code, got.errOut)
			}
			warned := strings.Contains(got.errOut, "never expires")
			if test.want == 0 {
				if token.Expires != nil || !warned {
					t.Errorf("expires %v, stderr %q", token.Expires, got.errOut)
				}
				return
			}
			if left := time.Until(*token.Expires); left > test.want || left < test.want-3*time.Second || warned {
				t.Errorf("TTL %s, want %s; stderr %q", left, test.want, got.errOut)
			}
			secret, err := clientset.CoreV1().Secrets("kube-system").Get(t.Context(), token.SecretName, metav1.GetOptions{})
			if err != nil || !strings.HasSuffix(string(secret.Data["expiration"]), "Z") {
				t.Errorf("expiration %q, %v", secret.Data["expiration"], err)
			}
		})
	}
}

// A token can have a single usage; a token for signing only has no groups.
func TestTokenCreate_Usages(t *testing.T) {
	for usages, groups := range map[string]int{"signing": 0, "authentication": 1, "signing,authentication": 1, "signing,signing": 0} {
		token, got := on[output.Token](t, fake.NewClientset(), "token", "create", "--usages", usages)
		if got.code != 0 || token.Status != "valid" || len(token.Groups) != groups {
			t.Errorf("%s: exit code %d, token %+v, stderr %s", usages, got.code, token.TokenInfo, got.errOut)
		}
	}
}

// A given token is created unchanged, and never replaces an existing one.
func TestTokenCreate_GivenToken(t *testing.T) {
	const text = "k3x9q2.w8f0s7d6h5j4n3m2"
	for name, args := range map[string][]string{
		"command line": {text}, "file": {"--token-file", file(t, text)}, "file with a line ending": {"--token-file", file(t, text+"\r\n")},
		"weak": {"--token-file", file(t, "abcdef.0123456789abcdef"), "--allow-weak"},
	} {
		t.Run(name, func(t *testing.T) {
			clientset := fake.NewClientset()
			args = append([]string{"token", "create"}, args...)
			token, got := on[output.Token](t, clientset, args...)
			if got.code != 0 || name != "weak" && token.Token != text {
				t.Fatalf("exit code %d, token %q, stderr %s", got.code, token.Token, got.errOut)
			}
			if warned := strings.Contains(got.errOut, "seen by every user"); warned != (name == "command line") {
				t.Errorf("stderr %q", got.errOut)
			}
			if _, got = on[output.Token](t, clientset, args...); got.code != 9 || got.out != "" || !strings.Contains(got.errOut, "TokenExists") {
				t.Errorf("second time: exit code %d, stdout %q, stderr %s", got.code, got.out, got.errOut)
			}
		})
	}
}

func TestTokenCreate_Many(t *testing.T) {
	clientset := fake.NewClientset(hostileCluster(t)...)
	list, got := on[output.TokenList](t, clientset, "token", "create", "--count", "70", "--print-join-command")
	if got.code != 0 || len(list.Items) != 70 {
		t.Fatalf("exit code %d, %d tokens, stderr %s", got.code, len(list.Items), got.errOut)
	}
	seen := map[string]bool{}
	for _, item := range list.Items {
		seen[item.Token] = true
		environment, command, _ := strings.Cut(item.JoinCommand, " ")
		if environment != "BOOTCTL_TOKEN="+item.Token || !strings.HasPrefix(command, "bootctl join ") || strings.Contains(command, item.Token[7:]) {
			t.Errorf("join command %q of token %q", item.JoinCommand, item.Token)
		}
	}
	if n := len(writes(clientset)); len(seen) != 70 || n != 70 {
		t.Errorf("%d different tokens, %d requests", len(seen), n)
	}
	text := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), "token", "create", "--count", "1")
	if strings.Count(text.out, "\n") != 1 || len(text.out) != len("abcdef.0123456789abcdef\n") {
		t.Errorf("--count 1 prints %q", text.out)
	}
}

// The created tokens are printed if others could not be created.
func TestTokenCreate_ManyPartly(t *testing.T) {
	clientset := fake.NewClientset()
	var n atomic.Int64
	clientset.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if n.Add(1)%2 == 0 {
			return true, nil, apierrors.NewForbidden(corev1.Resource("secrets"), "x", errors.New(`User "u" cannot create`))
		}
		return false, nil, nil
	})
	list, got := on[output.TokenList](t, clientset, "token", "create", "--count", "10")
	if got.code != 8 || len(list.Items) != 5 || !strings.Contains(got.errOut, "5 of 10") {
		t.Errorf("exit code %d, %d tokens, stderr %s", got.code, len(list.Items), got.errOut)
	}
}

// If a random ID is taken, another one is generated and the existing token is not changed.
func TestTokenCreate_IDTaken(t *testing.T) {
	clientset := fake.NewClientset()
	var taken string
	clientset.PrependReactor("create", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
		secret, ok := action.(clienttesting.CreateAction).GetObject().(*corev1.Secret)
		if ok && taken == "" {
			taken = secret.Name
			other := secret.DeepCopy()
			other.Data["token-secret"] = []byte("zzzzzzzzzzzzzzz1")
			if err := clientset.Tracker().Add(other); err != nil {
				t.Error(err)
			}
			return true, nil, apierrors.NewAlreadyExists(corev1.Resource("secrets"), secret.Name)
		}
		return false, nil, nil
	})
	token, got := on[output.Token](t, clientset, "token", "create")
	if got.code != 0 || token.SecretName == taken {
		t.Errorf("exit code %d, Secret %s, stderr %s", got.code, token.SecretName, got.errOut)
	}
	secret, err := clientset.CoreV1().Secrets("kube-system").Get(t.Context(), taken, metav1.GetOptions{})
	if err != nil || string(secret.Data["token-secret"]) != "zzzzzzzzzzzzzzz1" {
		t.Errorf("existing token: %v, %v", secret, err)
	}
}

// cluster-info is read before anything is created.
func TestTokenCreate_ReadsFirst(t *testing.T) {
	for _, args := range [][]string{{"--print-join-command"}, {"-o", "bootstrap-kubeconfig"}, {"--wait"}} {
		clientset := fake.NewClientset()
		got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), append([]string{"token", "create"}, args...)...)
		if got.code != 3 || got.out != "" || len(writes(clientset)) != 0 || !strings.Contains(got.errOut, "ClusterInfoNotFound") {
			t.Errorf("%q: exit code %d, stdout %q, requests %v, stderr %s", args, got.code, got.out, writes(clientset), got.errOut)
		}
	}
}

func TestTokenCreate_DryRun(t *testing.T) {
	for _, mode := range []string{"client", "server"} {
		clientset := fake.NewClientset(hostileCluster(t)...)
		token, got := on[output.Token](t, clientset, "token", "create", "--dry-run="+mode)
		if got.code != 0 || token.DryRun != mode || !strings.Contains(got.errOut, "nothing was created") {
			t.Errorf("%s: exit code %d, token %+v, stderr %s", mode, got.code, token.TokenInfo, got.errOut)
		}
		for _, action := range clientset.Actions() {
			create, ok := action.(clienttesting.CreateActionImpl)
			if !ok || mode == "client" || !slices.Equal(create.CreateOptions.DryRun, []string{"All"}) {
				t.Errorf("%s: request %v", mode, action)
			}
		}
		if n := len(clientset.Actions()); mode == "server" && n != 1 {
			t.Errorf("%d requests of a dry run by the server", n)
		}
	}
	if got := invoke(t, nil, "token", "create", "--dry-run"); got.code != 0 {
		t.Errorf("without a kubeconfig: exit code %d, stderr %s", got.code, got.errOut)
	}
}

func TestTokenCreate_BootstrapKubeconfig(t *testing.T) {
	clientset := fake.NewClientset(hostileCluster(t)...)
	got := invokeOn(t.Context(), t, clientset, writeKubeconfig(t, t.TempDir()), "token", "create", "-o", "bootstrap-kubeconfig")
	if got.code != 0 {
		t.Fatalf("exit code %d, stderr %s", got.code, got.errOut)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(got.out))
	if err != nil || config.Host != nodesServer || len(config.CAData) == 0 || len(config.BearerToken) != 23 || config.Username+config.CertFile != "" {
		t.Errorf("kubeconfig %+v, %v", config, err)
	}
}

// token create warns if the clock differs from the API server's.
func TestTokenCreate_ClockSkew(t *testing.T) {
	for skew, want := range map[time.Duration]string{5 * time.Minute: "behind", -5 * time.Minute: "ahead of", 30 * time.Second: ""} {
		clientset := fake.NewClientset()
		clientset.PrependReactor("create", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
			secret, _ := action.(clienttesting.CreateAction).GetObject().(*corev1.Secret)
			secret.CreationTimestamp = metav1.Time{Time: time.Now().Add(skew)}
			return true, secret, nil
		})
		_, got := on[output.Token](t, clientset, "token", "create")
		if warned := strings.Contains(got.errOut, "clock"); warned != (want != "") || !strings.Contains(got.errOut, want) {
			t.Errorf("%s: stderr %q, want %q", skew, got.errOut, want)
		}
	}
}

// The token is printed even if cluster-info is not signed with it.
func TestTokenCreate_WaitTimeout(t *testing.T) {
	clientset := fake.NewClientset(hostileCluster(t)...)
	token, got := on[output.Token](t, clientset, "token", "create", "--wait", "--timeout", "300ms")
	if got.code != 4 || token.Token == "" || token.Signed || !strings.Contains(got.errOut, `"reason":"SignatureMissing"`) {
		t.Errorf("exit code %d, token %+v, stderr %s", got.code, token.TokenInfo, got.errOut)
	}
	if _, err := clientset.CoreV1().Secrets("kube-system").Get(t.Context(), fmt.Sprint("bootstrap-token-", token.ID), metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}
