package token_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1fake "k8s.io/client-go/kubernetes/typed/core/v1/fake"

	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

const (
	goodID     = "abcdef"
	goodSecret = "0123456789abcdef"
	goodText   = goodID + "." + goodSecret
)

// a token that is not weak
const (
	strongSecret = "r5nd0t8ymw1hq3zc"
	strongText   = "k3x9q2." + strongSecret
)

func parse(t *testing.T, text string) token.Token {
	t.Helper()
	tok, err := token.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// spec returns the spec of an ordinary token, changed by the given functions.
func spec(t *testing.T, changes ...func(*token.Spec)) token.Spec {
	t.Helper()
	s := token.Spec{
		Token:  parse(t, goodText),
		Usages: []string{token.Signing, token.Authentication},
		Groups: []string{token.DefaultGroup},
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

// fakeCore returns the client of a cluster that holds the given Secrets.
func fakeCore(t *testing.T, secrets ...*corev1.Secret) *corev1fake.FakeCoreV1 {
	t.Helper()
	tracker := clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder())
	for _, secret := range secrets {
		if err := tracker.Add(secret.DeepCopy()); err != nil {
			t.Fatal(err)
		}
	}
	fake := &clienttesting.Fake{}
	fake.AddReactor("*", "*", clienttesting.ObjectReaction(tracker))
	return &corev1fake.FakeCoreV1{Fake: fake}
}

// failing makes each call of the verb fail with err.
func failing(client *corev1fake.FakeCoreV1, verb string, err error) {
	client.PrependReactor(verb, "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
}

// losing makes each call of the verb fail with err, after it was carried out if
// carriedOut is set.
func losing(t *testing.T, client *corev1fake.FakeCoreV1, verb string, carriedOut bool, err error) {
	t.Helper()
	cluster := client.ReactionChain[len(client.ReactionChain)-1]
	client.PrependReactor(verb, "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if carriedOut {
			if _, _, err := cluster.React(action); err != nil {
				t.Errorf("%s: %v", verb, err)
			}
		}
		return true, nil, err
	})
}

// secretOf returns the token's Secret as an API server would store it.
func secretOf(t *testing.T, changes ...func(*token.Spec)) *corev1.Secret {
	t.Helper()
	secret := spec(t, changes...).Secret()
	secret.UID, secret.ResourceVersion = "uid-1", "7"
	return secret
}

// set returns a function that sets a key of a Secret to the value.
func set(key, value string) func(*corev1.Secret) {
	return func(s *corev1.Secret) { s.Data[key] = []byte(value) }
}

// wantVerbs compares the verbs of the requests with the wanted ones, in order.
func wantVerbs(t *testing.T, client *corev1fake.FakeCoreV1, want ...string) {
	t.Helper()
	var got []string
	for _, action := range client.Actions() {
		got = append(got, action.GetVerb())
		if action.GetNamespace() != "kube-system" || action.GetResource().Resource != "secrets" {
			t.Errorf("%s in %q of %q", action.GetVerb(), action.GetNamespace(), action.GetResource().Resource)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// noSecrets checks that the text contains none of the secrets.
func noSecrets(t *testing.T, value any, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(fmt.Sprint(value), secret) {
			t.Errorf("%v contains the secret", value)
		}
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}
