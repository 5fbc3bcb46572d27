package token_test

import (
	"errors"
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

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}
