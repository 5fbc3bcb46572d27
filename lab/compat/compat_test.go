// Package compat compares bootctl's results with those of Kubernetes' own code for the
// same input, byte for byte.
package compat

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	mathrand "math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/cluster-bootstrap/token/jws"
	"k8s.io/cluster-bootstrap/token/util"
	bootstraptokenv1 "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	clusterinfophase "k8s.io/kubernetes/cmd/kubeadm/app/phases/bootstraptoken/clusterinfo"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pubkeypin"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

func newToken(t *testing.T) token.Token {
	t.Helper()
	tok, err := token.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestSign_EqualsUpstream(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	for range 1000 {
		document := make([]byte, random.IntN(2000))
		for i := range document {
			document[i] = byte(random.Uint32())
		}
		tok := newToken(t)
		theirs, err := jws.ComputeDetachedSignature(string(document), tok.ID(), tok.Secret())
		if err != nil {
			t.Fatal(err)
		}
		ours := clusterinfo.Sign(document, tok)
		if ours != theirs {
			t.Fatalf("%q with %s: bootctl signs %s, upstream %s", document, tok.Reveal(), ours, theirs)
		}
		if err := clusterinfo.Verify(document, theirs, tok); err != nil {
			t.Fatal(err)
		}
		if !jws.DetachedTokenIsValid(ours, string(document), tok.ID(), tok.Secret()) {
			t.Fatal("upstream does not accept bootctl's signature")
		}
	}
}

func TestSecret_EqualsKubeadm(t *testing.T) {
	expires := time.Date(2027, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	tests := []struct {
		name string
		spec token.Spec
	}{
		{"everything", token.Spec{
			Usages: []string{token.Signing, token.Authentication}, Groups: []string{token.DefaultGroup, "system:bootstrappers:more"},
			Description: "for a test, with ü", Expires: expires,
		}},
		{"signing only", token.Spec{Usages: []string{token.Signing}}},
		{"authentication without a group", token.Spec{Usages: []string{token.Authentication}, Expires: expires}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.Token = newToken(t)
			theirs := &bootstraptokenv1.BootstrapToken{
				Token:       &bootstraptokenv1.BootstrapTokenString{ID: tt.spec.Token.ID(), Secret: tt.spec.Token.Secret()},
				Description: tt.spec.Description, Usages: tt.spec.Usages, Groups: tt.spec.Groups,
			}
			if !tt.spec.Expires.IsZero() {
				theirs.Expires = &metav1.Time{Time: tt.spec.Expires}
			}
			want := bootstraptokenv1.BootstrapTokenToSecret(theirs)
			got := tt.spec.Secret()
			if !reflect.DeepEqual(got, want) {
				t.Errorf("bootctl's Secret is\n%s\nkubeadm's\n%s", marshal(t, got), marshal(t, want))
			}
			if info := token.Read(want); info.Problem != "" || info.Token.Reveal() != tt.spec.Token.Reveal() {
				t.Errorf("bootctl cannot read kubeadm's Secret: %s", info.Problem)
			}
		})
	}
}

func TestGroups_EqualUpstream(t *testing.T) {
	tok, err := token.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long := "system:bootstrappers:" + strings.Repeat("a", 255)
	for _, group := range []string{
		"system:bootstrappers:a", "system:bootstrappers:", "system:bootstrappers", "system:bootstrappers:a-", "system:bootstrappers:a:",
		"system:bootstrappers:-a", "system:bootstrappers::", "system:bootstrappers:A", "system:bootstrappers:a b", " system:bootstrappers:a",
		"system:bootstrappers:a\n", "system:masters", "", long, long + "b", long + "bc", long + "-",
		"system:bootstrappers:é", "system:bootstrappers:<script>", "system:bootstrappers:a,system:bootstrappers:b",
	} {
		spec := token.Spec{Token: tok, Usages: []string{token.Authentication}, Groups: []string{group}}
		if ours, theirs := spec.Validate(), util.ValidateBootstrapGroupName(group); (ours == nil) != (theirs == nil) {
			t.Errorf("group %q: bootctl returns %v, upstream %v", group, ours, theirs)
		}
	}
}

func TestPin_EqualsKubeadm(t *testing.T) {
	for _, cert := range certificates(t) {
		if ours, theirs := clusterinfo.PinOf(cert).String(), pubkeypin.Hash(cert); ours != theirs {
			t.Errorf("%s: bootctl's pin is %s, kubeadm's %s", cert.PublicKeyAlgorithm, ours, theirs)
		}
		pins := pubkeypin.NewSet()
		if err := pins.Allow(clusterinfo.PinOf(cert).String()); err != nil || pins.CheckAny([]*x509.Certificate{cert}) != nil {
			t.Errorf("kubeadm does not accept bootctl's pin: %v", err)
		}
	}
}

func TestClusterInfo_EqualsKubeadm(t *testing.T) {
	cas := certificates(t)
	ours, err := clusterinfo.Encode("10.0.0.1:6443", cas)
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset()
	err = clusterinfophase.CreateBootstrapConfigMapIfNotExists(client, &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: "https://10.0.0.1:6443", CertificateAuthorityData: certpem.Encode(cas...)}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c"}},
		CurrentContext: "c",
	})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := client.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Data["kubeconfig"] != string(ours) {
		t.Errorf("bootctl publishes\n%s\nkubeadm\n%s", ours, theirs.Data["kubeconfig"])
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
