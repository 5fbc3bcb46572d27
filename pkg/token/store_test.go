package token_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1fake "k8s.io/client-go/kubernetes/typed/core/v1/fake"

	"github.com/bootctl/bootctl/pkg/token"
)

var errServer = errors.New("server error")

func TestCreate(t *testing.T) {
	tests := []struct {
		name    string
		spec    token.Spec
		there   []*corev1.Secret
		wantErr error
	}{
		{"new", spec(t), nil, nil},
		{"same ID, other secret", spec(t), []*corev1.Secret{spec(t, func(s *token.Spec) {
			s.Token = parse(t, goodID+".ffffffffffffffff")
		}).Secret()}, token.ErrExists},
		{"no usage", spec(t, func(s *token.Spec) { s.Usages = nil }), nil, token.ErrInvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, test.there...)
			info, err := token.Create(t.Context(), client, test.spec)
			wantError(t, err, test.wantErr)
			if wantProblem := test.wantErr != nil; info.Token.IsZero() != wantProblem {
				t.Errorf("Create returned token %q with the error %v", info.Token, err)
			}
			got, err := client.Secrets("kube-system").Get(t.Context(), "bootstrap-token-abcdef", metav1.GetOptions{})
			switch {
			case test.wantErr == nil && (err != nil || string(got.Data["token-secret"]) != goodSecret):
				t.Errorf("stored %v, %v", got, err)
			case len(test.there) > 0 && string(got.Data["token-secret"]) != "ffffffffffffffff":
				t.Error("the existing token was replaced")
			case errors.Is(test.wantErr, token.ErrInvalidSpec) && err == nil:
				t.Error("an invalid token was stored")
			}
		})
	}
}

func TestList(t *testing.T) {
	second := spec(t, func(s *token.Spec) { s.Token = parse(t, "bbbbbb."+goodSecret) }).Secret()
	broken := second.DeepCopy()
	broken.Name = "bootstrap-token-cccccc"
	opaque := spec(t, func(s *token.Spec) { s.Token = parse(t, "dddddd."+goodSecret) }).Secret()
	opaque.Type = corev1.SecretTypeOpaque
	elsewhere := spec(t, func(s *token.Spec) { s.Token = parse(t, "eeeeee."+goodSecret) }).Secret()
	elsewhere.Namespace = "default"
	infos, err := token.List(t.Context(), fakeCore(t, opaque, broken, second, elsewhere, spec(t).Secret()))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	if want := []string{"abcdef", "bbbbbb", "cccccc"}; !slices.Equal(ids, want) {
		t.Fatalf("IDs = %v, want %v", ids, want)
	}
	if infos[0].Problem != "" || infos[2].Problem == "" {
		t.Errorf("problems = %q and %q, want only the second", infos[0].Problem, infos[2].Problem)
	}
}

func TestDelete(t *testing.T) {
	client := fakeCore(t, spec(t).Secret())
	info, err := token.Get(t.Context(), client, goodID)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Delete(t.Context(), client, info); err != nil {
		t.Fatal(err)
	}
	wantError(t, token.Delete(t.Context(), client, info), token.ErrNotFound)
}

func TestCreate_ServerErrors(t *testing.T) {
	for verb, err := range failures(t, fakeCore(t), errServer) {
		if !errors.Is(err, errServer) {
			t.Errorf("%s: error = %v, want %v", verb, err, errServer)
		}
	}
}

// failures returns the error of each function if the server fails with err.
func failures(t *testing.T, client *corev1fake.FakeCoreV1, err error) map[string]error {
	t.Helper()
	failing(client, "*", err)
	info := token.Read(secretOf(t))
	_, getErr := token.Get(t.Context(), client, goodID)
	_, listErr := token.List(t.Context(), client)
	_, createErr := token.Create(t.Context(), client, spec(t))
	_, extendErr := token.Extend(t.Context(), client, info, time.Time{})
	return map[string]error{
		"get": getErr, "list": listErr, "create": createErr, "extend": extendErr, "delete": token.Delete(t.Context(), client, info),
	}
}

func TestGet(t *testing.T) {
	tests := []struct {
		name    string
		secret  *corev1.Secret
		want    string // the ID
		wantErr error
	}{
		{"found", secretOf(t), goodID, nil},
		{"found, but invalid", func() *corev1.Secret {
			secret := secretOf(t)
			secret.Data["token-secret"] = nil
			return secret
		}(), goodID, nil},
		{"another ID", secretOf(t, func(s *token.Spec) { s.Token = parse(t, "abcdeg."+goodSecret) }), "", token.ErrNotFound},
		{"another namespace", func() *corev1.Secret {
			secret := secretOf(t)
			secret.Namespace = "default"
			return secret
		}(), "", token.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, test.secret)
			info, err := token.Get(t.Context(), client, goodID)
			wantError(t, err, test.wantErr)
			if info.ID != test.want {
				t.Errorf("ID = %q, want %q", info.ID, test.want)
			}
			wantVerbs(t, client, "get")
		})
	}
}
