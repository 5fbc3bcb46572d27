package token_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bootctl/bootctl/pkg/token"
)

const proxyDescription = "Proxy for managing TTL for the kubeadm-certs secret"

func TestIsProxy(t *testing.T) {
	tests := []struct {
		name, description string
		want              bool
	}{
		{"kubeadm's text", proxyDescription, true},
		{"none", "", false},
		{"another", "rack 7", false},
		{"full stop at the end", proxyDescription + ".", false},
		{"last character missing", proxyDescription[:len(proxyDescription)-1], false},
		{"lower case", strings.ToLower(proxyDescription), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info := token.Read(secretOf(t, func(s *token.Spec) { s.Description = test.description }))
			if got := info.IsProxy(); got != test.want {
				t.Errorf("IsProxy = %v, want %v", got, test.want)
			}
		})
	}
}

// Each wanted text is part of one note, in this order.
func TestNotes(t *testing.T) {
	noAuthentication := without("usage-bootstrap-authentication")
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   []string
	}{
		{"unchanged", func(*corev1.Secret) {}, nil},
		{"unknown key", set("extra", strongSecret), []string{`Kubernetes ignores its key "extra"`}},
		{"unknown keys", all(set("b", ""), set("a", "x")), []string{`key "a"`, `key "b"`}},
		{"unknown usage", set("usage-bootstrap-other", "true"), []string{`key "usage-bootstrap-other"`}},
		{"key in upper case", set("Description", "x"), []string{`key "Description"`}},
		{"usage True", set("usage-bootstrap-signing", "True"), []string{"the usage signing is ignored because"}},
		{"usage with a space", set("usage-bootstrap-signing", "true "), []string{"the usage signing is ignored"}},
		{"usage that contains the secret", set("usage-bootstrap-signing", strongSecret), []string{"the usage signing is ignored"}},
		{"usage false", set("usage-bootstrap-signing", "false"), nil},
		{"usage empty", set("usage-bootstrap-signing", ""), nil},
		{"no usage signing", without("usage-bootstrap-signing"), nil},
		{"groups without authentication", noAuthentication, []string{"its groups are ignored without the usage authentication"}},
		{"bad group without authentication", all(noAuthentication, set("auth-extra-groups", "x")), []string{"its groups are ignored"}},
		{"no groups, no authentication", all(noAuthentication, without("auth-extra-groups")), nil},
		{"usage True and groups", set("usage-bootstrap-authentication", "True"), []string{"the usage authentication is ignored", "its groups are ignored"}},
		{"weak", set("token-secret", "password8ymw1hq3"), []string{"it is weak: its secret contains a common word"}},
		{"no token-secret", set("token-secret", "password"), nil},
		{"proxy", set("description", proxyDescription), []string{"kubeadm created it to limit the lifetime of the Secret kubeadm-certs"}},
		{"another description", set("description", strongSecret), nil},
		{"all", all(set("extra", "x"), set("usage-bootstrap-authentication", "1"), set("token-secret", "password8ymw1hq3"), set("description", proxyDescription)),
			[]string{"the usage authentication", `key "extra"`, "its groups are ignored", "it is weak", "kubeadm created it"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t, func(s *token.Spec) { s.Token = parse(t, strongText) })
			test.change(secret)
			info := token.Read(secret)
			if !slices.EqualFunc(info.Notes, test.want, strings.Contains) {
				t.Errorf("notes %q, want %q", info.Notes, test.want)
			}
			noSecrets(t, info.Notes, strongSecret, "password")
		})
	}
}

// Notes do not affect the token; anything that does is a problem.
func TestNotes_NoProblem(t *testing.T) {
	for name, change := range map[string]func(*corev1.Secret){
		"unknown key": set("extra", "x"), "usage True": set("usage-bootstrap-signing", "True"),
		"groups without authentication": without("usage-bootstrap-authentication"),
		"weak":                          set("token-secret", "password8ymw1hq3"), "proxy": set("description", proxyDescription),
	} {
		t.Run(name, func(t *testing.T) {
			secret := secretOf(t, func(s *token.Spec) { s.Token = parse(t, strongText) })
			change(secret)
			if info := token.Read(secret); info.Problem != "" || len(info.Notes) != 1 {
				t.Errorf("problem %q, notes %q, want only one note", info.Problem, info.Notes)
			}
		})
	}
}

// The problem lists everything that is wrong, and nothing else.
func TestProblem_All(t *testing.T) {
	const (
		kind     = "its type is not bootstrap.kubernetes.io/token"
		end      = "its expiration is not an RFC 3339 time, so it counts as expired"
		id       = "its token-id does not match the name of the Secret"
		half     = "its token-secret is not 16 characters of a-z and 0-9"
		usage    = "it has no usage, neither signing nor authentication"
		group    = `group "x" is not a valid group below system:bootstrappers:`
		other    = `group "y" is not a valid group below system:bootstrappers:`
		deletion = "its Secret is being deleted"
	)
	var (
		badEnd   = set("expiration", "x")
		badID    = set("token-id", "abcdeg")
		badHalf  = set("token-secret", goodSecret[1:])
		badGroup = set("auth-extra-groups", "x,"+token.DefaultGroup+",y")
		noUsage  = all(without("usage-bootstrap-signing"), without("usage-bootstrap-authentication"))
	)
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   []string
	}{
		{"nothing", func(*corev1.Secret) {}, nil},
		{"type", opaque, []string{kind}},
		{"expiration", badEnd, []string{end}},
		{"token-id", badID, []string{id}},
		{"token-secret", badHalf, []string{half}},
		{"token-id and token-secret", all(badID, badHalf), []string{id, half}},
		{"no usage", noUsage, []string{usage}},
		{"no usage, ignored bad groups", all(noUsage, badGroup), []string{usage}},
		{"groups", badGroup, []string{group, other}},
		{"ignored bad groups", all(badGroup, without("usage-bootstrap-authentication")), nil},
		{"being deleted", deleting, []string{deletion}},
		{"expired is no problem", set("expiration", "2009-11-10T23:00:00Z"), nil},
		{"type, expiration, token-secret, groups, being deleted", all(opaque, badEnd, badHalf, badGroup, deleting), []string{kind, end, half, group, other, deletion}},
		{"type, expiration, token-id, no usage, being deleted", all(opaque, badEnd, badID, noUsage, deleting), []string{kind, end, id, usage, deletion}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t)
			test.change(secret)
			info := token.Read(secret)
			if want := strings.Join(test.want, "; "); info.Problem != want {
				t.Errorf("problem %q, want %q", info.Problem, want)
			}
			noSecrets(t, info.Problem, goodSecret, goodSecret[1:])
		})
	}
}

func TestRead_KeepsSecret(t *testing.T) {
	secret := secretOf(t)
	secret.CreationTimestamp.Time = anHour
	info := token.Read(secret)
	if info.UID != "uid-1" || !info.Created.Equal(anHour) || info.SecretName != "bootstrap-token-abcdef" {
		t.Errorf("UID %q, created %v, name %q", info.UID, info.Created, info.SecretName)
	}
}
