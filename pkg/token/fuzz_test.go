package token_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/util/secrets"

	"github.com/bootctl/bootctl/pkg/token"
)

const (
	tokenType = "bootstrap.kubernetes.io/token"
	goodName  = "bootstrap-token-" + goodID
)

// FuzzSecret compares the evaluation of a Secret with upstream's.
func FuzzSecret(f *testing.F) {
	add := func(name, kind string, data ...string) {
		values := make([][]byte, 9) // the key and value of an unknown key, then the values of fuzzedKeys
		for i, value := range data {
			values[i+2] = []byte(value)
		}
		f.Add(name, kind, false, values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7], values[8])
	}
	group := token.DefaultGroup
	add(goodName, tokenType, goodID, goodSecret, "2026-01-01T01:00:00Z", "true", "true", group, "rack 7")
	add("bootstrap-token-k3x9q2", tokenType, "k3x9q2", strongSecret, "", "true", "true", "", "")
	add(goodName, tokenType, goodID, goodSecret, "2026-01-01T00:00:00Z", "true", "", "", "")
	add(goodName, tokenType, goodID, goodSecret, "2030-01-01", "true", "true", group, "")
	add(goodName, tokenType, goodID, goodSecret, "9999-12-31T23:59:00-00:01", "true", "true", group, "")
	add(goodName, tokenType, goodID, goodSecret, "", "True", "true", group+",system:masters", proxyDescription)
	add(goodName, tokenType, goodID, goodSecret, "", "true", "false", "system:masters", "")
	add(goodName, tokenType, goodID, "tokenSecret", "", "true", "true", "", "tokenSecret")
	add(goodName, "Opaque", goodID, goodSecret, "2009-11-10T23:00:00Z", "true", "true", "", "")
	add(goodID, tokenType, goodID, goodSecret, "", "true", "true", "", "")
	add("", "")
	f.Fuzz(func(t *testing.T, name, kind string, deleted bool, key, value, id, half, expiration, signing, authentication, groups, description []byte) {
		secret := &corev1.Secret{Type: corev1.SecretType(kind), ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{}}
		if deleted {
			deleting(secret)
		}
		if len(key) > 0 {
			secret.Data[string(key)] = value
		}
		for i, value := range [][]byte{id, half, expiration, signing, authentication, groups, description} {
			if len(value) > 0 {
				secret.Data[fuzzedKeys()[i]] = value
			}
		}
		info := token.Read(secret)
		agrees(t, secret, info)
		hides(t, secret, info)
		if info.Validate() == nil {
			survives(t, info.Spec)
		}
	})
}

func fuzzedKeys() []string {
	return []string{
		"token-id", "token-secret", "expiration", "usage-bootstrap-signing", "usage-bootstrap-authentication", "auth-extra-groups", "description",
	}
}

// agrees compares bootctl's evaluation of a Secret with what Kubernetes does.
func agrees(t *testing.T, secret *corev1.Secret, info token.Info) {
	t.Helper()
	got := info.Evaluate(testTime)
	wantKubernetes(t, secret, got)
	if got.Rejected == "" {
		groups, err := secrets.GetGroups(secret)
		id, _ := secrets.ParseName(secret.Name)
		if err != nil || got.User != "system:bootstrap:"+id || !slices.Equal(got.Groups, groups) {
			t.Errorf("user %q of %q, want %q of %q (%v)", got.User, got.Groups, id, groups, err)
		}
	} else if got.User != "" || got.Groups != nil {
		t.Errorf("rejected, and user %q of %q", got.User, got.Groups)
	}
	if info.Authenticates(testTime) != (got.Rejected == "") || info.Signs(testTime) != (got.Unsigned == "") {
		t.Errorf("Authenticates %v, Signs %v, status %+v", info.Authenticates(testTime), info.Signs(testTime), got)
	}
	if usable := info.Usable(testTime) == nil; usable != info.Valid(testTime) || usable && got.Rejected != "" && got.Unsigned != "" {
		t.Errorf("Usable %v, Valid %v, status %+v", usable, info.Valid(testTime), got)
	}
}

// hides checks that no message about a Secret contains its token-secret. It compares
// the messages with those about the same Secret with an empty token-secret, because
// the text may also occur in a group or in fixed words.
func hides(t *testing.T, secret *corev1.Secret, info token.Info) {
	t.Helper()
	const least = 8 // shorter ones occur in fixed words by chance
	half := string(secret.Data["token-secret"])
	if len(half) < least {
		return
	}
	without := secret.DeepCopy()
	delete(without.Data, "token-secret")
	elsewhere := fmt.Sprint(messages(token.Read(without)))
	for _, text := range messages(info) {
		for _, form := range []string{half, strings.Trim(fmt.Sprintf("%q", half), `"`)} {
			if strings.Contains(text, form) && !strings.Contains(elsewhere, form) {
				t.Errorf("%q shows the token-secret %q", text, half)
			}
		}
	}
}

// messages returns all texts of bootctl about a Secret.
func messages(info token.Info) []string {
	status := info.Evaluate(testTime)
	return append([]string{
		info.Problem, status.Rejected, status.Unsigned,
		fmt.Sprint(info.Usable(testTime), info.Token.CheckStrength(), info.Validate(), info.Matches(token.Token{})),
	}, info.Notes...)
}

// survives checks that a valid token is the same after its Secret is read back.
func survives(t *testing.T, s token.Spec) {
	t.Helper()
	got := token.Read(s.Secret())
	if got.Problem != "" || got.Token.Reveal() != s.Token.Reveal() || got.Description != s.Description ||
		!slices.Equal(got.Usages, s.Usages) || !slices.Equal(got.Groups, s.Groups) {
		t.Errorf("read back %+v, problem %q, want %+v", got.Spec, got.Problem, s)
	}
	if second := got.Expires.Truncate(time.Second); !second.Equal(s.Expires.Truncate(time.Second)) || got.Expires.IsZero() != s.Expires.IsZero() {
		t.Errorf("read back the expiration %v, want %v in seconds", got.Expires, s.Expires)
	}
}

// FuzzExpiration compares the effect of an expiration with upstream's view.
func FuzzExpiration(f *testing.F) {
	for _, s := range []string{
		"", " ", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:00.000000001Z", "2026-01-01T02:00:00+02:00", "2026-01-01T02:00:01+02:00",
		"2030-01-01", "2030-01-01T00:00:00", "2030-01-01t00:00:00z", "2030-02-31T00:00:00Z", "2030-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59",
		"0001-01-01T00:00:01Z", "0001-01-01T00:00:00Z", "2030-01-01T00:00:00,5Z", "2030-01-01T24:00:00Z", "1767225601", "never",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret := secretOf(t)
		set("expiration", text)(secret)
		info := token.Read(secret)
		remaining, expired := secrets.GetExpiration(secret, testTime)
		if info.Expired(testTime) != expired || info.Valid(testTime) == expired {
			t.Errorf("%q: Expired %v, Valid %v, upstream: %v", text, info.Expired(testTime), info.Valid(testTime), expired)
		}
		cleaned := info.Evaluate(testTime).DeletedAt
		switch {
		case expired:
			if cleaned.IsZero() || cleaned.After(testTime) {
				t.Errorf("%q: deleted at %v, want immediately", text, cleaned)
			}
		case remaining == 0:
			if !cleaned.IsZero() || !info.Expires.IsZero() {
				t.Errorf("%q: deleted at %v, expires at %v, want never", text, cleaned, info.Expires)
			}
		case remaining == math.MaxInt64: // as far as a duration reaches, or further
			if cleaned.Before(testTime.Add(remaining)) {
				t.Errorf("%q: deleted at %v, want after %v", text, cleaned, remaining)
			}
		default:
			if want := testTime.Add(remaining); !cleaned.Equal(want) || !info.Expires.Equal(want) {
				t.Errorf("%q: deleted at %v, expires at %v, want %v", text, cleaned, info.Expires, want)
			}
		}
		agrees(t, secret, info)
	})
}

// FuzzGroup compares the evaluation of a list of groups with upstream's.
func FuzzGroup(f *testing.F) {
	const prefix = "system:bootstrappers:"
	for _, s := range []string{
		"", ",", token.DefaultGroup, token.DefaultGroup + ",", "," + token.DefaultGroup, prefix + "b," + prefix + "a," + prefix + "b", prefix + "a, " + prefix + "b",
		"system:bootstrappers", prefix + "-", prefix + "a-", prefix + "a:", prefix + ":a", prefix + "A", prefix + "a\n", "system:masters",
		prefix + strings.Repeat("a", 256), prefix + strings.Repeat("a", 257),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret := secretOf(t)
		set("auth-extra-groups", text)(secret)
		info := token.Read(secret)
		want, err := secrets.GetGroups(secret)
		got := info.Evaluate(testTime)
		if (got.Rejected == "") != (err == nil) || !slices.Equal(got.Groups, want) {
			t.Errorf("%q: groups %q, rejected %q, upstream: %q, %v", text, got.Groups, got.Rejected, want, err)
		}
		if got.Unsigned != "" {
			t.Errorf("%q: unsigned %q, want groups not to matter", text, got.Unsigned)
		}
		if text == "" {
			return
		}
		groups := strings.Split(text, ",")
		if ours := spec(t, func(s *token.Spec) { s.Groups = groups }).Validate(); (ours == nil) != (err == nil) {
			t.Errorf("%q: Validate = %v, upstream: %v", text, ours, err)
		}
		for _, group := range groups {
			if ours := spec(t, func(s *token.Spec) { s.Groups = []string{group} }).Validate(); (ours == nil) != upstreamGroup.MatchString(group) {
				t.Errorf("group %q: Validate = %v", group, ours)
			}
			if bad := strings.Contains(info.Problem, fmt.Sprintf("group %q ", token.Redact(group))); bad == upstreamGroup.MatchString(group) {
				t.Errorf("group %q: problem %q", group, info.Problem)
			}
		}
	})
}
