package token_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/token"
)

var (
	testTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	anHour   = testTime.Add(time.Hour)
)

// all combines several changes.
func all(changes ...func(*corev1.Secret)) func(*corev1.Secret) {
	return func(s *corev1.Secret) {
		for _, change := range changes {
			change(s)
		}
	}
}

func without(key string) func(*corev1.Secret) {
	return func(s *corev1.Secret) { delete(s.Data, key) }
}

func deleting(s *corev1.Secret) { s.DeletionTimestamp = &metav1.Time{Time: testTime} }

func opaque(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }

// The token expires an hour after it is evaluated. The wanted Rejected and Unsigned are
// parts of the reasons; empty means that there is no reason.
func TestEvaluate(t *testing.T) {
	var (
		asItIs      = func(*corev1.Secret) {}
		signingOnly = without("usage-bootstrap-authentication")
		user        = "system:bootstrap:" + goodID
		ours        = []string{"system:bootstrappers", token.DefaultGroup}
		atOnce      = time.Unix(0, 0)
	)
	tests := []struct {
		name   string
		change func(*corev1.Secret)
		want   token.Status
	}{
		{"unchanged", asItIs, token.Status{User: user, Groups: ours, DeletedAt: anHour}},
		{"no expiration", without("expiration"), token.Status{User: user, Groups: ours}},
		{"empty expiration", set("expiration", ""), token.Status{User: user, Groups: ours}},
		{"no groups", without("auth-extra-groups"), token.Status{User: user, Groups: ours[:1], DeletedAt: anHour}},
		{"empty groups", set("auth-extra-groups", ""), token.Status{User: user, Groups: ours[:1], DeletedAt: anHour}},
		{"groups in another order", set("auth-extra-groups", "system:bootstrappers:b,system:bootstrappers:a"),
			token.Status{User: user, Groups: []string{ours[0], "system:bootstrappers:a", "system:bootstrappers:b"}, DeletedAt: anHour}},
		{"a group twice, another between", set("auth-extra-groups", "system:bootstrappers:b,system:bootstrappers:a,system:bootstrappers:b"),
			token.Status{User: user, Groups: []string{ours[0], "system:bootstrappers:a", "system:bootstrappers:b"}, DeletedAt: anHour}},
		{"unknown key", set("extra", "x"), token.Status{User: user, Groups: ours, DeletedAt: anHour}},

		{"expires a second later", set("expiration", "2026-01-01T00:00:01Z"), token.Status{User: user, Groups: ours, DeletedAt: testTime.Add(time.Second)}},
		{"expires now", set("expiration", "2026-01-01T00:00:00Z"),
			token.Status{Rejected: "it expired on 2026-01-01T00:00:00Z", Unsigned: "it expired on 2026-01-01T00:00:00Z", DeletedAt: testTime}},
		{"expired an hour ago, in another zone", set("expiration", "2026-01-01T01:00:00+02:00"),
			token.Status{Rejected: "it expired on 2025-12-31T23:00:00Z", Unsigned: "it expired on 2025-12-31T23:00:00Z", DeletedAt: testTime.Add(-time.Hour)}},
		{"invalid expiration", set("expiration", "2030-01-01"), token.Status{Rejected: "expiration is not an RFC 3339 time", Unsigned: "expiration is not an RFC 3339 time", DeletedAt: atOnce}},

		{"another type", opaque, token.Status{Rejected: "type is not", Unsigned: "type is not"}},
		{"another type, no expiration", all(opaque, without("expiration")), token.Status{Rejected: "type is not", Unsigned: "type is not"}},
		{"another type, invalid expiration", all(opaque, set("expiration", "x")), token.Status{Rejected: "type is not", Unsigned: "type is not"}},
		{"being deleted", deleting, token.Status{Rejected: "being deleted", DeletedAt: anHour}},
		{"token-id of another token", set("token-id", "abcdeg"), token.Status{Rejected: "token-id", Unsigned: "token-id", DeletedAt: anHour}},
		{"name of another token", func(s *corev1.Secret) { s.Name = "bootstrap-token-abcdeg" }, token.Status{Rejected: "token-id", Unsigned: "token-id", DeletedAt: anHour}},
		{"no token name", func(s *corev1.Secret) { s.Name = goodID }, token.Status{Rejected: "token-id", Unsigned: "token-id", DeletedAt: anHour}},
		{"short token-secret", set("token-secret", goodSecret[1:]), token.Status{Rejected: "token-secret", Unsigned: "token-secret", DeletedAt: anHour}},

		{"signing only", signingOnly, token.Status{Rejected: "it does not have the usage authentication", DeletedAt: anHour}},
		{"authentication only", without("usage-bootstrap-signing"), token.Status{User: user, Groups: ours, Unsigned: "it does not have the usage signing", DeletedAt: anHour}},
		{"no usage", all(signingOnly, without("usage-bootstrap-signing")), token.Status{Rejected: "it has no usage", Unsigned: "it does not have the usage signing", DeletedAt: anHour}},
		{"bad group, signing only", all(signingOnly, set("auth-extra-groups", "system:masters")), token.Status{Rejected: "it does not have the usage authentication", DeletedAt: anHour}},
		{"bad group, both usages", set("auth-extra-groups", "system:masters"), token.Status{Rejected: `group "system:masters"`, DeletedAt: anHour}},
		{"bad second group", set("auth-extra-groups", token.DefaultGroup+",x"), token.Status{Rejected: `group "x"`, DeletedAt: anHour}},
		{"nothing after a comma", set("auth-extra-groups", token.DefaultGroup+","), token.Status{Rejected: `group ""`, DeletedAt: anHour}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t, func(s *token.Spec) { s.Expires = anHour })
			test.change(secret)
			info := token.Read(secret)
			got := info.Evaluate(testTime)
			wantReason(t, "rejected", got.Rejected, test.want.Rejected)
			wantReason(t, "unsigned", got.Unsigned, test.want.Unsigned)
			if got.User != test.want.User || !slices.Equal(got.Groups, test.want.Groups) {
				t.Errorf("user %q of %q, want %q of %q", got.User, got.Groups, test.want.User, test.want.Groups)
			}
			if !got.DeletedAt.Equal(test.want.DeletedAt) {
				t.Errorf("deleted at %v, want %v", got.DeletedAt, test.want.DeletedAt)
			}
			wantKubernetes(t, secret, got)
			noSecrets(t, got, goodSecret, goodSecret[1:])
		})
	}
}

func wantReason(t *testing.T, what, got, part string) {
	t.Helper()
	if (got == "") != (part == "") || !strings.Contains(got, part) {
		t.Errorf("%s: %q, want %q", what, got, part)
	}
}

// wantKubernetes compares a status at testTime with what Kubernetes does.
func wantKubernetes(t *testing.T, secret *corev1.Secret, got token.Status) {
	t.Helper()
	if want := authenticates(secret, testTime); (got.Rejected == "") != want {
		t.Errorf("rejected: %q, upstream authenticates: %v", got.Rejected, want)
	}
	if want := signs(secret, testTime); (got.Unsigned == "") != want {
		t.Errorf("unsigned: %q, upstream signs: %v", got.Unsigned, want)
	}
	if cleaned := !got.DeletedAt.IsZero() && !got.DeletedAt.After(testTime); cleaned != isCleaned(secret, testTime) {
		t.Errorf("deleted at %v, upstream deletes it now: %v", got.DeletedAt, !cleaned)
	}
}

// Expirations in the first moments of time count as expired, like all past ones.
func TestEvaluate_FirstMoment(t *testing.T) {
	for _, expiration := range []string{"0001-01-01T00:00:01Z", "0001-01-01T00:00:00Z", "0001-01-01T01:00:00+01:00"} {
		t.Run(expiration, func(t *testing.T) {
			secret := secretOf(t)
			set("expiration", expiration)(secret)
			info := token.Read(secret)
			got := info.Evaluate(testTime)
			if got.Rejected == "" || got.Unsigned == "" || got.DeletedAt.After(testTime) {
				t.Errorf("status %+v, want expired", got)
			}
			wantKubernetes(t, secret, got)
			wantError(t, info.Usable(testTime), token.ErrUnusable)
		})
	}
}

func TestUsable(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*corev1.Secret)
		want    string // a part of the error
		wantErr error
	}{
		{"unchanged", func(*corev1.Secret) {}, "", nil},
		{"no expiration", without("expiration"), "", nil},
		{"signing only", without("usage-bootstrap-authentication"), "", nil},
		{"authentication only", without("usage-bootstrap-signing"), "", nil},
		{"bad group, signing only", all(without("usage-bootstrap-authentication"), set("auth-extra-groups", "x")), "", nil},
		{"bad group, both usages", set("auth-extra-groups", "x"), `group "x"`, token.ErrUnusable},
		{"expires a second later", set("expiration", "2026-01-01T00:00:01Z"), "", nil},
		{"expires now", set("expiration", "2026-01-01T00:00:00Z"), "it expired on 2026-01-01T00:00:00Z", token.ErrUnusable},
		{"invalid expiration", set("expiration", "x"), "expiration", token.ErrUnusable},
		{"no usage", all(without("usage-bootstrap-authentication"), without("usage-bootstrap-signing")), "no usage", token.ErrUnusable},
		{"being deleted", deleting, "being deleted", token.ErrUnusable},
		{"another type", opaque, "type", token.ErrUnusable},
		{"long token-secret", set("token-secret", goodSecret+"0"), "token-secret", token.ErrUnusable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t, func(s *token.Spec) { s.Expires = anHour })
			test.change(secret)
			err := token.Read(secret).Usable(testTime)
			wantError(t, err, test.wantErr)
			if err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), goodID)) {
				t.Errorf("error = %v, want %q and the ID", err, test.want)
			}
			noSecrets(t, err, goodSecret)
		})
	}
}

func TestMatches(t *testing.T) {
	const other = "0123456789abcdeg"
	read := func(changes ...func(*corev1.Secret)) token.Info {
		secret := secretOf(t)
		all(changes...)(secret)
		return token.Read(secret)
	}
	tests := []struct {
		name    string
		info    token.Info
		tok     token.Token
		wantErr error
	}{
		{"same token", read(), parse(t, goodText), nil},
		{"same token, expired", read(set("expiration", "2009-11-10T23:00:00Z")), parse(t, goodText), nil},
		{"last character of the secret", read(), parse(t, goodID+"."+other), token.ErrOtherSecret},
		{"first character of the secret", read(), parse(t, goodID+".1123456789abcdef"), token.ErrOtherSecret},
		{"another ID", read(), parse(t, "abcdeg."+goodSecret), token.ErrOtherSecret},
		{"zero token", read(), token.Token{}, token.ErrOtherSecret},
		{"Secret without a token", read(without("token-secret")), parse(t, goodText), token.ErrOtherSecret},
		{"Secret without a token, zero token", read(without("token-secret")), token.Token{}, token.ErrOtherSecret},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.info.Matches(test.tok)
			wantError(t, err, test.wantErr)
			noSecrets(t, err, goodSecret, other)
		})
	}
}
