package token_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	corev1fake "k8s.io/client-go/kubernetes/typed/core/v1/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

// errLost is the error of a request whose response was lost.
var errLost = &url.Error{Op: "Post", URL: "https://192.0.2.1:6443", Err: io.ErrUnexpectedEOF}

var errForbidden = apierrors.NewForbidden(corev1.Resource("secrets"), "bootstrap-token-abcdef", errors.New("no"))

func otherSecret(t *testing.T) *corev1.Secret {
	t.Helper()
	return secretOf(t, func(s *token.Spec) { s.Token = parse(t, goodID+".ffffffffffffffff") })
}

func TestCreate_LostResponse(t *testing.T) {
	unavailable := apierrors.NewServiceUnavailable("later")
	tests := []struct {
		name       string
		carriedOut bool
		err        error
		there      []*corev1.Secret
		lookErr    error
		wantErr    error
		mayBeThere bool // the token is returned with the error
		wantVerbs  []string
	}{
		{"stored", true, errLost, nil, nil, nil, false, []string{"create", "get"}},
		{"not stored", false, errLost, nil, nil, errLost, true, []string{"create", "get"}},
		{"stored, server error", true, unavailable, nil, nil, nil, false, []string{"create", "get"}},
		{"stored, deadline exceeded", true, context.DeadlineExceeded, nil, nil, nil, false, []string{"create", "get"}},
		{"stored, canceled", true, context.Canceled, nil, nil, nil, false, []string{"create", "get"}},
		{"another secret is stored", false, errLost, []*corev1.Secret{otherSecret(t)}, nil, errLost, false, []string{"create", "get"}},
		{"the same secret is stored", false, errLost, []*corev1.Secret{secretOf(t)}, nil, nil, false, []string{"create", "get"}},
		{"refused", false, errForbidden, []*corev1.Secret{secretOf(t)}, nil, errForbidden, false, []string{"create"}},
		{"exists", false, apierrors.NewAlreadyExists(corev1.Resource("secrets"), "x"), []*corev1.Secret{secretOf(t)}, nil, token.ErrExists, false, []string{"create"}},
		{"the check fails", true, errLost, nil, errForbidden, errLost, true, []string{"create", "get"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, test.there...)
			losing(t, client, "create", test.carriedOut, test.err)
			if test.lookErr != nil {
				failing(client, "get", test.lookErr)
			}
			info, err := token.Create(t.Context(), client, spec(t))
			wantError(t, err, test.wantErr)
			if err == nil && info.Matches(parse(t, goodText)) != nil || err != nil && info.Token.IsZero() == test.mayBeThere {
				t.Errorf("Create returned token %q with the error %v", info.Token, err)
			}
			if errors.Is(err, token.ErrNotFound) || errors.Is(err, token.ErrOtherSecret) {
				t.Errorf("error = %v, want the error of the request", err)
			}
			noSecrets(t, err, goodSecret, "ffffffff")
			wantVerbs(t, client, test.wantVerbs...)
		})
	}
}

// The error reports that the token may exist.
func TestCreate_UnknownOutcome(t *testing.T) {
	tests := []struct {
		name    string
		lookErr error
		want    bool
	}{
		{"the check fails", errForbidden, true},
		{"the check finds no token", apierrors.NewNotFound(corev1.Resource("secrets"), "x"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t)
			losing(t, client, "create", true, errLost)
			failing(client, "get", test.lookErr)
			_, err := token.Create(t.Context(), client, spec(t))
			wantError(t, err, errLost)
			if got := strings.Contains(fmt.Sprint(err), "it is unknown"); got != test.want || got != errors.Is(err, test.lookErr) {
				t.Errorf("error = %v, want an unknown outcome: %v", err, test.want)
			}
		})
	}
}

// watchful fails a get as a real client does once its context has ended, and checks
// that each get has a deadline of its own.
type watchful struct {
	*corev1fake.FakeCoreV1
	t *testing.T
}

func (w watchful) Secrets(namespace string) corev1client.SecretInterface {
	return watchfulSecrets{w.FakeCoreV1.Secrets(namespace), w.t}
}

type watchfulSecrets struct {
	corev1client.SecretInterface
	t *testing.T
}

func (w watchfulSecrets) Get(ctx context.Context, name string, opts metav1.GetOptions) (*corev1.Secret, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Minute {
		w.t.Errorf("the check has the deadline %v", end)
	}
	return w.SecretInterface.Get(ctx, name, opts)
}

// The outcome of an interrupted request is checked after its context has ended.
func TestCreate_VerifyOutlivesContext(t *testing.T) {
	tests := []struct {
		name string
		verb string
		do   func(context.Context, corev1client.SecretsGetter) error
	}{
		{"create", "create", func(ctx context.Context, client corev1client.SecretsGetter) error {
			_, err := token.Create(ctx, client, spec(t))
			return err
		}},
		{"create a random one", "create", func(ctx context.Context, client corev1client.SecretsGetter) error {
			_, err := token.CreateRandom(ctx, client, spec(t), fixedRandom(1))
			return err
		}},
		{"delete", "delete", func(ctx context.Context, client corev1client.SecretsGetter) error {
			return token.Delete(ctx, client, token.Read(deletable(t)))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			client := fakeCore(t, deletable(t))
			losing(t, client, test.verb, true, context.Canceled)
			client.PrependReactor(test.verb, "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
				cancel()
				return false, nil, nil
			})
			if err := test.do(ctx, watchful{client, t}); err != nil {
				t.Errorf("error = %v, want none: the request succeeded", err)
			}
			wantVerbs(t, client, test.verb, "get")
		})
	}
}

// deletable returns a token that the tests of a lost response do not create.
func deletable(t *testing.T) *corev1.Secret {
	t.Helper()
	return secretOf(t, func(s *token.Spec) { s.Token = parse(t, strongText) })
}

// generated returns the first n tokens of fixedRandom(1).
func generated(t *testing.T, n int) []token.Token {
	t.Helper()
	random := fixedRandom(1)
	var tokens []token.Token
	for range n {
		tok, err := token.Generate(random)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, tok)
	}
	return tokens
}

// Other tokens have the first IDs that are generated.
func TestCreateRandom_IDsTaken(t *testing.T) {
	const theirs = "ffffffffffffffff"
	tests := []struct {
		name    string
		taken   int
		want    int // which generated token is stored
		wantErr error
	}{
		{"none", 0, 0, nil},
		{"first", 1, 1, nil},
		{"first four", 4, 4, nil},
		{"first five", 5, 0, token.ErrExists},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tokens := generated(t, 6)
			var there []*corev1.Secret
			var verbs []string
			for _, tok := range tokens[:test.taken] {
				there = append(there, spec(t, func(s *token.Spec) { s.Token = parse(t, tok.ID()+"."+theirs) }).Secret())
				verbs = append(verbs, "create", "get")
			}
			client := fakeCore(t, there...)
			info, err := token.CreateRandom(t.Context(), client, spec(t), fixedRandom(1))
			wantError(t, err, test.wantErr)
			if err == nil {
				verbs = append(verbs, "create")
				if want := tokens[test.want]; info.Token.Reveal() != want.Reveal() || info.Groups[0] != token.DefaultGroup {
					t.Errorf("token %s of %q, want number %d", info.Token.Reveal(), info.Groups, test.want)
				}
			}
			noSecrets(t, err, theirs, tokens[0].Secret(), tokens[4].Secret())
			wantVerbs(t, client, verbs...)
			for _, tok := range tokens[:test.taken] {
				if left, err := token.Get(t.Context(), client, tok.ID()); err != nil || left.Token.Secret() != theirs {
					t.Errorf("token %s was replaced (%v)", tok, err)
				}
			}
		})
	}
}

// Each attempt has a new ID and a new secret, so that knowing the first token reveals
// nothing about the second.
func TestCreateRandom_RegeneratesAll(t *testing.T) {
	tokens := generated(t, 5)
	for i := range tokens {
		for j := range i {
			if tokens[i].ID() == tokens[j].ID() || tokens[i].Secret() == tokens[j].Secret() {
				t.Errorf("tokens %d and %d are %s and %s", j, i, tokens[j].Reveal(), tokens[i].Reveal())
			}
		}
	}
}

// A request that the client sent twice finds the token of the first attempt.
func TestCreateRandom_FindsOwn(t *testing.T) {
	client := fakeCore(t)
	losing(t, client, "create", true, apierrors.NewAlreadyExists(corev1.Resource("secrets"), "x"))
	info, err := token.CreateRandom(t.Context(), client, spec(t), fixedRandom(1))
	if want := generated(t, 1)[0]; err != nil || info.Token.Reveal() != want.Reveal() {
		t.Errorf("CreateRandom = %s, %v, want %s", info.Token.Reveal(), err, want.Reveal())
	}
	wantVerbs(t, client, "create", "get")
}

// An error other than a collision is not retried with another token.
func TestCreateRandom_FailsImmediately(t *testing.T) {
	tests := []struct {
		name      string
		change    func(*token.Spec)
		random    io.Reader
		err       error
		wantErr   error
		wantVerbs []string
	}{
		{"success", func(*token.Spec) {}, fixedRandom(1), nil, nil, []string{"create"}},
		{"refused", func(*token.Spec) {}, fixedRandom(1), errForbidden, errForbidden, []string{"create"}},
		{"lost, not stored", func(*token.Spec) {}, fixedRandom(1), errLost, errLost, []string{"create", "get"}},
		{"no randomness", func(*token.Spec) {}, iotest.ErrReader(errRandom), nil, errRandom, nil},
		{"no usage", func(s *token.Spec) { s.Usages = nil }, fixedRandom(1), nil, token.ErrInvalidSpec, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t)
			if test.err != nil {
				losing(t, client, "create", false, test.err)
			}
			_, err := token.CreateRandom(t.Context(), client, spec(t, test.change), test.random)
			wantError(t, err, test.wantErr)
			wantVerbs(t, client, test.wantVerbs...)
		})
	}
}
