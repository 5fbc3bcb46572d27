package token_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"
	"k8s.io/cluster-bootstrap/util/secrets"

	"github.com/bootctl/bootctl/pkg/token"
)

// The evaluation of the API server, which is authoritative.
var (
	upstreamToken = regexp.MustCompile(api.BootstrapTokenPattern)
	upstreamID    = regexp.MustCompile(api.BootstrapTokenIDPattern)
	upstreamGroup = regexp.MustCompile(api.BootstrapGroupPattern)
)

func TestRead_GroupsLikeUpstream(t *testing.T) {
	const prefix = "system:bootstrappers:"
	tests := []struct {
		name, group string
		wantErr     error
	}{
		{"one character", prefix + "a", nil},
		{"256 characters", prefix + strings.Repeat("a", 256), nil},
		{"257 characters", prefix + strings.Repeat("a", 257), token.ErrInvalidSpec},
		{"digit at the end", prefix + "a9", nil},
		{"dash at the beginning", prefix + "-a", nil},
		{"dash at the end", prefix + "a-", token.ErrInvalidSpec},
		{"colon inside", prefix + "a:b", nil},
		{"colon at the end", prefix + "a:", token.ErrInvalidSpec},
		{"line feed at the end", prefix + "a\n", token.ErrInvalidSpec},
		{"slash", prefix + "a/b", token.ErrInvalidSpec},
		{"dot", prefix + "a.b", token.ErrInvalidSpec},
		{"underscore", prefix + "a_b", token.ErrInvalidSpec},
		{"not ASCII", prefix + "é", token.ErrInvalidSpec},
		{"prefix in upper case", "System:bootstrappers:a", token.ErrInvalidSpec},
		{"prefix without its colon", "system:bootstrappersa", token.ErrInvalidSpec},
		{"character before the prefix", "x" + prefix + "a", token.ErrInvalidSpec},
		{"empty", "", token.ErrInvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := spec(t, func(s *token.Spec) { s.Groups = []string{test.group} }).Validate()
			wantError(t, err, test.wantErr)
			if upstreamGroup.MatchString(test.group) != (test.wantErr == nil) {
				t.Error("upstream disagrees: the test is wrong")
			}
		})
	}
}

// One bad group invalidates a token, at any position.
func TestRead_EachGroup(t *testing.T) {
	good, bad := token.DefaultGroup, "system:masters"
	for _, groups := range [][]string{{bad, good}, {good, bad}, {good, bad, good}} {
		wantError(t, spec(t, func(s *token.Spec) { s.Groups = groups }).Validate(), token.ErrInvalidSpec)
	}
}

func TestRead_EachUsage(t *testing.T) {
	for _, usages := range [][]string{{"x", token.Authentication}, {token.Authentication, "x"}, {token.Authentication, ""}, {token.Authentication, "Signing"}} {
		wantError(t, spec(t, func(s *token.Spec) { s.Usages = usages }).Validate(), token.ErrInvalidSpec)
	}
}

// A token is valid and has the usage authentication exactly if the API server accepts it.
func TestRead_AgreesWithUpstream(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := func(text string) func(*corev1.Secret) { return func(s *corev1.Secret) { s.Name = text } }
	tests := []struct {
		name   string
		change func(*corev1.Secret)
	}{
		{"unchanged", func(*corev1.Secret) {}},
		{"no expiration", func(s *corev1.Secret) { delete(s.Data, "expiration") }},
		{"empty expiration", set("expiration", "")},
		{"expires now", set("expiration", "2026-01-01T00:00:00Z")},
		{"expires now, in another zone", set("expiration", "2026-01-01T02:00:00+02:00")},
		{"expires in a second", set("expiration", "2026-01-01T00:00:01Z")},
		{"expires in a nanosecond", set("expiration", "2026-01-01T00:00:00.000000001Z")},
		{"expiration without a zone", set("expiration", "2030-01-01T00:00:00")},
		{"expiration is a day", set("expiration", "2030-01-01")},
		{"expiration with a space after", set("expiration", "2030-01-01T00:00:00Z ")},
		{"expiration in lower case", set("expiration", "2030-01-01t00:00:00z")},
		{"expiration with a comma", set("expiration", "2030-01-01T00:00:00,5Z")},
		{"31 February", set("expiration", "2030-02-31T00:00:00Z")},
		{"leap second", set("expiration", "2030-12-31T23:59:60Z")},
		{"far future", set("expiration", "9999-12-31T23:59:59Z")},
		{"year of five digits", set("expiration", "10000-01-01T00:00:00Z")},
		{"name of another token", name("bootstrap-token-abcdeg")},
		{"name with more after it", name("bootstrap-token-abcdef0")},
		{"name with more before it", name("x-bootstrap-token-abcdef")},
		{"prefix twice", name("bootstrap-token-bootstrap-token-abcdef")},
		{"token-id with a line feed", set("token-id", "abcdef\n")},
		{"token-id in upper case", set("token-id", "ABCDEF")},
		{"no groups", func(s *corev1.Secret) { delete(s.Data, "auth-extra-groups") }},
		{"empty groups", set("auth-extra-groups", "")},
		{"comma at the end of the groups", set("auth-extra-groups", token.DefaultGroup+",")},
		{"only a comma", set("auth-extra-groups", ",")},
		{"line feed after the groups", set("auth-extra-groups", token.DefaultGroup+"\n")},
		{"the same group twice", set("auth-extra-groups", token.DefaultGroup+","+token.DefaultGroup)},
		{"bad second group", set("auth-extra-groups", token.DefaultGroup+",system:masters")},
		{"usage True", set("usage-bootstrap-authentication", "True")},
		{"usage with a line feed", set("usage-bootstrap-authentication", "true\n")},
		{"usage false", set("usage-bootstrap-authentication", "false")},
		{"no data", func(s *corev1.Secret) { s.Data = nil }},
		{"another type", func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }},
		{"no type", func(s *corev1.Secret) { s.Type = "" }},
		{"being deleted", func(s *corev1.Secret) { s.DeletionTimestamp = &metav1.Time{Time: now} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := spec(t, func(s *token.Spec) { s.Expires = now.Add(time.Hour) }).Secret()
			test.change(secret)
			info := token.Read(secret)
			if got, want := info.Authenticates(now), authenticates(secret, now); got != want {
				t.Errorf("authenticates: %v, upstream: %v (problem %q)", got, want, info.Problem)
			}
			if got, want := info.Signs(now), signs(secret, now); got != want {
				t.Errorf("signs: %v, upstream: %v (problem %q)", got, want, info.Problem)
			}
		})
	}
}

// authenticates evaluates a Secret as plugin/pkg/auth/authenticator/token/bootstrap of
// the API server does, with upstream's own functions.
func authenticates(secret *corev1.Secret, now time.Time) bool {
	id, named := secrets.ParseName(secret.Name)
	_, groupsErr := secrets.GetGroups(secret)
	return secret.Type == api.SecretTypeBootstrapToken && secret.DeletionTimestamp == nil &&
		named && id == secrets.GetData(secret, api.BootstrapTokenIDKey) &&
		upstreamToken.MatchString(id+"."+secrets.GetData(secret, api.BootstrapTokenSecretKey)) &&
		!secrets.HasExpired(secret, now) &&
		secrets.GetData(secret, api.BootstrapTokenUsageAuthentication) == "true" &&
		groupsErr == nil
}

// signs evaluates a Secret as the bootstrap signer does, in pkg/controller/bootstrap of
// the controller manager, except for the form of token-secret, for which bootctl is
// stricter.
func signs(secret *corev1.Secret, now time.Time) bool {
	id, named := secrets.ParseName(secret.Name)
	return secret.Type == api.SecretTypeBootstrapToken &&
		named && id == secrets.GetData(secret, api.BootstrapTokenIDKey) &&
		upstreamToken.MatchString(id+"."+secrets.GetData(secret, api.BootstrapTokenSecretKey)) &&
		!secrets.HasExpired(secret, now) &&
		secrets.GetData(secret, api.BootstrapTokenUsageSigningKey) == "true"
}

// isCleaned evaluates a Secret as the token cleaner does, which is in the same package.
func isCleaned(secret *corev1.Secret, now time.Time) bool {
	return secret.Type == api.SecretTypeBootstrapToken && secrets.HasExpired(secret, now)
}

// FuzzUpstream compares each result for a text with upstream's.
func FuzzUpstream(f *testing.F) {
	for _, s := range []string{goodText, goodID, token.DefaultGroup, "system:bootstrappers:a-", "system:bootstrappers:", goodText + "\n", "abcdef\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := token.Parse(s); (err == nil) != upstreamToken.MatchString(s) {
			t.Errorf("Parse(%q) = %v", s, err)
		}
		if _, err := token.ParseID(s); (err == nil) != upstreamID.MatchString(s) {
			t.Errorf("ParseID(%q) = %v", s, err)
		}
		err := spec(t, func(spec *token.Spec) { spec.Groups = []string{s} }).Validate()
		if (err == nil) != upstreamGroup.MatchString(s) {
			t.Errorf("group %q: %v", s, err)
		}
	})
}
