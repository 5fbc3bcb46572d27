package token_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/token"
)

// vectors are the inputs and results in the tests of Kubernetes.
type vectors struct {
	Tokens, IDs, Groups, SecretNames []textVector
	Usages                           []struct {
		List []string
		Want bool
	}
	Kubeadm []struct {
		secretVector
		Want *kubeadmToken // nil: kubeadm rejects it
	}
	Authenticator []struct {
		secretVector
		Token    string
		Deleting bool
		User     string
		Groups   []string // nil: the token does not authenticate
	}
	Signer []struct {
		secretVector
		Want bool
	}
	// Written are the Secrets that kubeadm creates for a token.
	Written []struct {
		secretVector
		Spec kubeadmToken
	}
	Cleaner []struct {
		secretVector
		Now  time.Time
		Want bool // whether the Secret is deleted
	}
}

type textVector struct {
	Text string
	Want bool
}

type secretVector struct {
	Name, SecretName string
	Data             map[string]string
	// Stricter names the row of docs/stricter.md that explains why bootctl rejects
	// what Kubernetes accepts.
	Stricter string
}

type kubeadmToken struct {
	Token, Description string
	Expires            time.Time
	Usages, Groups     []string
}

func (v secretVector) secret() *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: v.SecretName, Namespace: "kube-system"}, Type: "bootstrap.kubernetes.io/token", Data: map[string][]byte{}}
	for key, value := range v.Data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

// compare compares a result of bootctl with the result of Kubernetes. bootctl may
// reject what Kubernetes accepts only if docs/stricter.md explains why.
func (v secretVector) compare(t *testing.T, got, want bool, problem string) {
	t.Helper()
	if v.Stricter != "" {
		table, err := os.ReadFile("../../docs/stricter.md")
		if err != nil || !strings.Contains(string(table), "| "+v.Stricter+" |") {
			t.Errorf("docs/stricter.md has no row %s (%v)", v.Stricter, err)
		}
		want = false
	}
	if got != want {
		t.Errorf("got %v, want %v (problem %q)", got, want, problem)
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/upstream.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParse_Upstream(t *testing.T) {
	v := readVectors(t)
	tests := []struct {
		name    string
		vectors []textVector
		accepts func(string) bool
	}{
		{"token", v.Tokens, func(s string) bool { _, err := token.Parse(s); return err == nil }},
		{"ID", v.IDs, func(s string) bool { _, err := token.ParseID(s); return err == nil }},
		{"group", v.Groups, func(s string) bool {
			return spec(t, func(spec *token.Spec) { spec.Groups = []string{s} }).Validate() == nil
		}},
		{"Secret name", v.SecretNames, func(s string) bool { return token.Read(secretVector{SecretName: s}.secret()).ID != "" }},
	}
	for _, test := range tests {
		if len(test.vectors) == 0 {
			t.Errorf("no vectors for a %s", test.name)
		}
		for _, vector := range test.vectors {
			if got := test.accepts(vector.Text); got != vector.Want {
				t.Errorf("%s %q: got %v, want %v", test.name, vector.Text, got, vector.Want)
			}
		}
	}
	for _, vector := range v.Usages {
		err := spec(t, func(s *token.Spec) { s.Usages = vector.List; s.Groups = nil }).Validate()
		if (err == nil) != vector.Want {
			t.Errorf("usages %q: %v, want %v", vector.List, err, vector.Want)
		}
	}
}

func TestRead_KubeadmSecrets(t *testing.T) {
	for _, vector := range readVectors(t).Kubeadm {
		t.Run(vector.Name, func(t *testing.T) {
			info := token.Read(vector.secret())
			vector.compare(t, info.Problem == "", vector.Want != nil, info.Problem)
			if vector.Want == nil {
				return
			}
			want := *vector.Want
			if info.Token.Reveal() != want.Token || info.Description != want.Description || !info.Expires.Equal(want.Expires) ||
				!slices.Equal(info.Usages, want.Usages) || !slices.Equal(info.Groups, want.Groups) {
				t.Errorf("read %+v, want %+v", info, want)
			}
		})
	}
}

func TestRead_AuthenticatorSecrets(t *testing.T) {
	for _, vector := range readVectors(t).Authenticator {
		t.Run(vector.Name, func(t *testing.T) {
			secret := vector.secret()
			if vector.Deleting {
				deleting(secret)
			}
			info := token.Read(secret)
			status := info.Evaluate(testTime)
			authenticates := status.Rejected == "" && info.Token.Reveal() == vector.Token
			vector.compare(t, authenticates, vector.Groups != nil, status.Rejected)
			if authenticates && (status.User != vector.User || !slices.Equal(status.Groups, vector.Groups)) {
				t.Errorf("user %q of %q, want %q of %q", status.User, status.Groups, vector.User, vector.Groups)
			}
			if info.Authenticates(testTime) != (status.Rejected == "") {
				t.Errorf("Authenticates disagrees with Evaluate: %q", status.Rejected)
			}
		})
	}
}

func TestRead_SignerSecrets(t *testing.T) {
	for _, vector := range readVectors(t).Signer {
		t.Run(vector.Name, func(t *testing.T) {
			info := token.Read(vector.secret())
			status := info.Evaluate(testTime)
			vector.compare(t, status.Unsigned == "", vector.Want, status.Unsigned)
			if info.Signs(testTime) != (status.Unsigned == "") {
				t.Errorf("Signs disagrees with Evaluate: %q", status.Unsigned)
			}
		})
	}
}

func TestRead_CleanerSecrets(t *testing.T) {
	vectors := readVectors(t).Cleaner
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			at := token.Read(vector.secret()).Evaluate(vector.Now).DeletedAt
			vector.compare(t, !at.IsZero() && !at.After(vector.Now), vector.Want, "")
		})
	}
}

// Validate rejects some of the vectors; kubeadm writes the others identically.
func TestRead_WrittenByKubeadm(t *testing.T) {
	vectors := readVectors(t).Written
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, vector := range vectors {
		t.Run(vector.Name, func(t *testing.T) {
			secret := token.Spec{
				Token: parse(t, vector.Spec.Token), Description: vector.Spec.Description, Expires: vector.Spec.Expires,
				Usages: vector.Spec.Usages, Groups: vector.Spec.Groups,
			}.Secret()
			if want := vector.secret(); secret.Name != want.Name || secret.Namespace != want.Namespace || secret.Type != want.Type {
				t.Errorf("secret is %s/%s of type %s, want %s/%s of type %s", secret.Namespace, secret.Name, secret.Type, want.Namespace, want.Name, want.Type)
			}
			wantData(t, secret, vector.Data)
		})
	}
}
