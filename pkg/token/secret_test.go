package token_test

import (
	"maps"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/bootctl/bootctl/pkg/token"
)

func TestSpec_Validate(t *testing.T) {
	usages := func(u ...string) func(*token.Spec) { return func(s *token.Spec) { s.Usages = u } }
	groups := func(g ...string) func(*token.Spec) { return func(s *token.Spec) { s.Groups = g } }
	tests := []struct {
		name    string
		change  func(*token.Spec)
		wantErr error
	}{
		{"unchanged", usages(token.Signing, token.Authentication), nil},
		{"authentication only", usages(token.Authentication), nil},
		{"two groups", groups("system:bootstrappers:a", "system:bootstrappers:b-9"), nil},
		{"no groups", groups(), nil},
		{"no usage", usages(), token.ErrInvalidSpec},
		{"unknown usage", usages(token.Authentication, "sign"), token.ErrInvalidSpec},
		{"groups without authentication", usages(token.Signing), token.ErrInvalidSpec},
		{"bare group", groups("system:bootstrappers"), token.ErrInvalidSpec},
		{"nothing after the colon", groups("system:bootstrappers:"), token.ErrInvalidSpec},
		{"other prefix", groups("system:masters"), token.ErrInvalidSpec},
		{"space before a group", groups("system:bootstrappers:a", " system:bootstrappers:b"), token.ErrInvalidSpec},
		{"upper case", groups("system:bootstrappers:A"), token.ErrInvalidSpec},
		{"dash at the end", groups("system:bootstrappers:a-"), token.ErrInvalidSpec},
		{"comma inside", groups("system:bootstrappers:a,system:bootstrappers:b"), token.ErrInvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantError(t, spec(t, test.change).Validate(), test.wantErr)
		})
	}
}

func TestSpec_Secret(t *testing.T) {
	secret := spec(t, func(s *token.Spec) {
		s.Expires = time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("CET", 3600))
		s.Groups = []string{"system:bootstrappers:a", "system:bootstrappers:b"}
		s.Description = "rack 7"
	}).Secret()
	if secret.Namespace != "kube-system" || secret.Name != "bootstrap-token-abcdef" || secret.Type != "bootstrap.kubernetes.io/token" {
		t.Errorf("secret is %s/%s of type %s", secret.Namespace, secret.Name, secret.Type)
	}
	wantData(t, secret, map[string]string{
		"token-id": goodID, "token-secret": goodSecret, "description": "rack 7",
		"expiration": "2026-01-02T03:04:05Z", "auth-extra-groups": "system:bootstrappers:a,system:bootstrappers:b",
		"usage-bootstrap-signing": "true", "usage-bootstrap-authentication": "true",
	})
	least := spec(t, func(s *token.Spec) { s.Usages, s.Groups = []string{token.Signing}, nil }).Secret()
	wantData(t, least, map[string]string{"token-id": goodID, "token-secret": goodSecret, "usage-bootstrap-signing": "true"})
}

func TestRead_Back(t *testing.T) {
	want := spec(t, func(s *token.Spec) {
		s.Expires, s.Description = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "rack 7"
	})
	got := token.Read(want.Secret())
	if got.Problem != "" || got.ID != goodID || got.SecretName != "bootstrap-token-abcdef" {
		t.Errorf("problem %q, ID %q, name %q", got.Problem, got.ID, got.SecretName)
	}
	if got.Token.Reveal() != goodText || got.Description != want.Description || !got.Expires.Equal(want.Expires) {
		t.Errorf("read back %s, %q, %v", got.Token.Reveal(), got.Description, got.Expires)
	}
	if !got.Has(token.Signing) || !got.Has(token.Authentication) || len(got.Groups) != 1 || got.Groups[0] != token.DefaultGroup {
		t.Errorf("read back usages %v and groups %v", got.Usages, got.Groups)
	}
}

func TestRead_Problem(t *testing.T) {
	const good, bad = false, true
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   bool
	}{
		{"unchanged", func(*corev1.Secret) {}, good},
		{"offset in the expiration", set("expiration", "2030-01-01T00:00:00+02:00"), good},
		{"no signing", set("usage-bootstrap-signing", "false"), good},
		{"unknown key", set("extra", "x"), good},
		{"expiration in another format", set("expiration", "2030-01-01 00:00:00"), bad},
		{"name of another token", func(s *corev1.Secret) { s.Name = "bootstrap-token-abcdeg" }, bad},
		{"name without the prefix", func(s *corev1.Secret) { s.Name = goodID }, bad},
		{"token-id of another token", set("token-id", "abcdeg"), bad},
		{"no token-id", func(s *corev1.Secret) { delete(s.Data, "token-id") }, bad},
		{"short token-secret", set("token-secret", goodSecret[1:]), bad},
		{"no token-secret", func(s *corev1.Secret) { delete(s.Data, "token-secret") }, bad},
		{"line feed in token-secret", set("token-secret", goodSecret+"\n"), bad},
		{"all usages false", func(s *corev1.Secret) {
			delete(s.Data, "usage-bootstrap-authentication")
			delete(s.Data, "usage-bootstrap-signing")
			delete(s.Data, "auth-extra-groups")
		}, bad},
		{"space after a comma", set("auth-extra-groups", "system:bootstrappers:a, system:bootstrappers:b"), bad},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := spec(t).Secret()
			test.change(secret)
			info := token.Read(secret)
			if (info.Problem != "") != test.want {
				t.Errorf("problem = %q", info.Problem)
			}
			if live := info.Valid(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); live == test.want {
				t.Errorf("valid = %v", live)
			}
		})
	}
}

func TestRead_UsageOnlyTrue(t *testing.T) {
	for _, value := range []string{"True", "1", "true ", "yes", ""} {
		secret := spec(t).Secret()
		secret.Data["usage-bootstrap-signing"] = []byte(value)
		if token.Read(secret).Has(token.Signing) {
			t.Errorf("the value %q counts as the usage", value)
		}
	}
}

func TestValid(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name    string
		expires time.Time
		want    bool
	}{
		{"never", time.Time{}, true},
		{"in a second", now.Add(time.Second), true},
		{"now", now, false},
		{"a second ago", now.Add(-time.Second), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info := token.Read(spec(t, func(s *token.Spec) { s.Expires = test.expires }).Secret())
			if got := info.Valid(now); got != test.want {
				t.Errorf("Valid = %v, want %v", got, test.want)
			}
		})
	}
}

func wantData(t *testing.T, secret *corev1.Secret, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for key, value := range secret.Data {
		got[key] = string(value)
	}
	if !maps.Equal(got, want) {
		t.Errorf("data = %v, want %v", got, want)
	}
}

func TestValidate_NoToken(t *testing.T) {
	s := spec(t, func(s *token.Spec) { s.Token = token.Token{} })
	client := fakeCore(t)
	_, err := token.Create(t.Context(), client, s)
	wantError(t, err, token.ErrInvalidSpec)
	if len(client.Actions()) != 0 {
		t.Errorf("actions %v, want none", client.Actions())
	}
}
