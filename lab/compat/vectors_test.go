package compat

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cluster-bootstrap/token/jws"
	tokenutil "k8s.io/cluster-bootstrap/token/util"
	"k8s.io/cluster-bootstrap/util/secrets"
	bootstraptokenv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pubkeypin"
	"k8s.io/kubernetes/plugin/pkg/auth/authenticator/token/bootstrap"

	"github.com/bootctl/bootctl/internal/certpem"
)

type text struct {
	Text string
	Want bool
}

type secret struct {
	Name, SecretName string
	Data             map[string]string
	Want             *struct{} // kubeadm's result
	Token            string    // for the authenticator
	Deleting         bool
	Groups           []string
}

func (s secret) object() *corev1.Secret {
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.SecretName}, Type: "bootstrap.kubernetes.io/token", Data: map[string][]byte{}}
	if s.Deleting {
		object.DeletionTimestamp = &metav1.Time{}
	}
	for key, value := range s.Data {
		object.Data[key] = []byte(value)
	}
	return object
}

// authenticatorSecrets has one Secret.
type authenticatorSecrets struct{ secret }

func (s authenticatorSecrets) List(labels.Selector) ([]*corev1.Secret, error) {
	return []*corev1.Secret{s.object()}, nil
}

func (s authenticatorSecrets) Get(name string) (*corev1.Secret, error) {
	if name != s.SecretName {
		return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
	}
	return s.object(), nil
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The test vectors of bootctl's parsers agree with Kubernetes' own parsers.
func TestVectors_Tokens(t *testing.T) {
	var v struct {
		Tokens, IDs, Groups, SecretNames []text
		Usages                           []struct {
			List []string
			Want bool
		}
		Kubeadm, Authenticator []secret
	}
	readJSON(t, "../../pkg/token/testdata/upstream.json", &v)
	for _, of := range []struct {
		texts   []text
		accepts func(string) bool
	}{
		{v.Tokens, tokenutil.IsValidBootstrapToken},
		{v.IDs, tokenutil.IsValidBootstrapTokenID},
		{v.Groups, func(s string) bool { return tokenutil.ValidateBootstrapGroupName(s) == nil }},
		{v.SecretNames, func(s string) bool { _, ok := secrets.ParseName(s); return ok }},
	} {
		for _, vector := range of.texts {
			if of.accepts(vector.Text) != vector.Want {
				t.Errorf("%q is recorded wrongly", vector.Text)
			}
		}
	}
	for _, vector := range v.Usages {
		if err := tokenutil.ValidateUsages(vector.List); (err == nil) != vector.Want {
			t.Errorf("%q is recorded wrongly: %v", vector.List, err)
		}
	}
	for _, vector := range v.Kubeadm {
		if _, err := bootstraptokenv1.BootstrapTokenFromSecret(vector.object()); (err == nil) != (vector.Want != nil) {
			t.Errorf("kubeadm, %s: recorded wrongly: %v", vector.Name, err)
		}
	}
	for _, vector := range v.Authenticator {
		response, ok, err := bootstrap.NewTokenAuthenticator(authenticatorSecrets{vector}).AuthenticateToken(t.Context(), vector.Token)
		if err != nil || ok != (vector.Groups != nil) || ok && !slices.Equal(response.User.GetGroups(), vector.Groups) {
			t.Errorf("authenticator, %s: recorded wrongly: %+v, %v", vector.Name, response, err)
		}
	}
}

func TestVectors_ClusterInfo(t *testing.T) {
	var v struct {
		Signatures []struct {
			Content, Token, Signature string
			Want                      bool
		}
		Pins []text
	}
	readJSON(t, "../../pkg/clusterinfo/testdata/upstream.json", &v)
	for _, vector := range v.Signatures {
		if got := jws.DetachedTokenIsValid(vector.Signature, vector.Content, vector.Token[:6], vector.Token[7:]); got != vector.Want {
			t.Errorf("signature %s is recorded wrongly", vector.Signature)
		}
	}
	data, err := os.ReadFile("../../pkg/clusterinfo/testdata/pinned.pem")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := certpem.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, vector := range v.Pins {
		set := pubkeypin.NewSet()
		if err := set.Allow(vector.Text); (err == nil) != vector.Want {
			t.Errorf("pin %s is recorded wrongly: %v", vector.Text, err)
		}
	}
	if got := pubkeypin.Hash(certs[0]); got != v.Pins[3].Text {
		t.Errorf("the pin of pinned.pem is %s", got)
	}
}
