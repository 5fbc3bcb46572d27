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
		{"of kubeadm", proxyDescription, true},
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

// Each wanted text is a part of one note, in this order.
func TestNotes(t *testing.T) {
	noAuthentication := without("usage-bootstrap-authentication")
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   []string
	}{
		{"as it is", func(*corev1.Secret) {}, nil},
		{"unknown key", set("extra", strongSecret), []string{`nothing reads its key "extra"`}},
		{"unknown keys", all(set("b", ""), set("a", "x")), []string{`key "a"`, `key "b"`}},
		{"unknown usage", set("usage-bootstrap-other", "true"), []string{`key "usage-bootstrap-other"`}},
		{"key in upper case", set("Description", "x"), []string{`key "Description"`}},
		{"usage True", set("usage-bootstrap-signing", "True"), []string{"the usage signing counts only with the value true"}},
		{"usage with a space", set("usage-bootstrap-signing", "true "), []string{"the usage signing counts only"}},
		{"usage that has the secret", set("usage-bootstrap-signing", strongSecret), []string{"the usage signing counts only"}},
		{"usage false", set("usage-bootstrap-signing", "false"), nil},
		{"usage empty", set("usage-bootstrap-signing", ""), nil},
		{"no usage signing", without("usage-bootstrap-signing"), nil},
		{"groups without authentication", noAuthentication, []string{"it has groups, which count only with the usage authentication"}},
		{"bad group without authentication", all(noAuthentication, set("auth-extra-groups", "x")), []string{"it has groups"}},
		{"no groups, no authentication", all(noAuthentication, without("auth-extra-groups")), nil},
		{"usage True and groups", set("usage-bootstrap-authentication", "True"), []string{"the usage authentication counts only", "it has groups"}},
		{"weak", set("token-secret", "password8ymw1hq3"), []string{"it is weak: its secret contains a word"}},
		{"no token-secret", set("token-secret", "password"), nil},
		{"proxy", set("description", proxyDescription), []string{"kubeadm made it for the lifetime of the Secret kubeadm-certs"}},
		{"another description", set("description", strongSecret), nil},
		{"all", all(set("extra", "x"), set("usage-bootstrap-authentication", "1"), set("token-secret", "password8ymw1hq3"), set("description", proxyDescription)),
			[]string{"the usage authentication", `key "extra"`, "it has groups", "it is weak", "kubeadm made it"}},
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

// What is a note does no harm; what does harm is a problem.
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
				t.Errorf("problem %q, notes %q, want one note alone", info.Problem, info.Notes)
			}
		})
	}
}

// The problem tells all that is wrong, and nothing else.
func TestProblem_All(t *testing.T) {
	const (
		kind     = "its type is not bootstrap.kubernetes.io/token"
		end      = "its expiration is not a time of RFC 3339, which counts as expired"
		id       = "its token-id is not what the name of the Secret says"
		half     = "its token-secret is not 16 characters of a-z and 0-9"
		usage    = "it has no usage, neither signing nor authentication"
		group    = `group "x" is not one below system:bootstrappers:`
		other    = `group "y" is not one below system:bootstrappers:`
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
		{"no usage, and groups that nobody looks at", all(noUsage, badGroup), []string{usage}},
		{"groups", badGroup, []string{group, other}},
		{"groups that nobody looks at", all(badGroup, without("usage-bootstrap-authentication")), nil},
		{"being deleted", deleting, []string{deletion}},
		{"expired is none", set("expiration", "2009-11-10T23:00:00Z"), nil},
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
