package controlplane_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/lab/labtest"
)

// quiet is the time after which a controller counts as not running.
const quiet = 3 * time.Second

// checkControllers creates work for each controller except the cleaner, and checks
// that it is done exactly if the controller is not in without. Each run has its own
// letter, so that its objects differ from other runs' objects.
func checkControllers(t *testing.T, client kubernetes.Interface, run string, without []string) {
	t.Helper()
	ctx := t.Context()
	// The administrator's group has all permissions, so the approver approves its
	// CSRs for a node certificate.
	approved := makeCSR(t, client, "approve-"+run, "system:node:n"+run, certificatesv1.KubeAPIServerClientKubeletSignerName)
	signed := makeCSR(t, client, "sign-"+run, "someone", certificatesv1.KubeAPIServerClientSignerName)
	approve(t, client, signed)
	makeToken(t, client, run+"aaaaa", time.Now().Add(-time.Hour))
	makeToken(t, client, run+"bbbbb", time.Now().Add(time.Hour))
	makeClusterInfo(t, client)

	done := map[string]func(context.Context) bool{
		"csrapproving": func(ctx context.Context) bool {
			csr, err := client.CertificatesV1().CertificateSigningRequests().Get(ctx, approved, metav1.GetOptions{})
			return err == nil && len(csr.Status.Conditions) > 0
		},
		"csrsigning": func(ctx context.Context) bool {
			csr, err := client.CertificatesV1().CertificateSigningRequests().Get(ctx, signed, metav1.GetOptions{})
			return err == nil && len(csr.Status.Certificate) > 0
		},
		"tokencleaner": func(ctx context.Context) bool {
			_, err := client.CoreV1().Secrets("kube-system").Get(ctx, "bootstrap-token-"+run+"aaaaa", metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		},
		"bootstrapsigner": func(ctx context.Context) bool {
			cm, err := client.CoreV1().ConfigMaps("kube-public").Get(ctx, "cluster-info", metav1.GetOptions{})
			return err == nil && cm.Data["jws-kubeconfig-"+run+"bbbbb"] != ""
		},
	}
	for name, is := range done {
		if !slices.Contains(without, name) {
			eventually(t, name+" did its work", is)
		}
	}
	if len(without) == 0 {
		return
	}
	time.Sleep(quiet)
	for _, name := range without {
		if is := done[name]; is != nil && is(ctx) {
			t.Errorf("%s did its work", name)
		}
	}
}

func eventually(t *testing.T, what string, is func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), labtest.Hang)
	defer cancel()
	for !is(ctx) {
		if ctx.Err() != nil {
			t.Errorf("after %v, not done: %s", labtest.Hang, what)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func makeCSR(t *testing.T, client kubernetes.Interface, name, user, signer string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: user, Organization: []string{"system:nodes"}}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: signer,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		},
	}
	if _, err := client.CertificatesV1().CertificateSigningRequests().Create(t.Context(), csr, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

func approve(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	csrs := client.CertificatesV1().CertificateSigningRequests()
	csr, err := csrs.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	csr.Status.Conditions = append(csr.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "Test"})
	if _, err := csrs.UpdateApproval(t.Context(), name, csr, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// makeExpiredCSR creates a CSR whose certificate has expired, which the cleaner
// deletes in its next round. The first round is at its start.
func makeExpiredCSR(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	makeCSR(t, client, name, "someone", "example.com/none")
	approve(t, client, name)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "someone"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	csrs := client.CertificatesV1().CertificateSigningRequests()
	csr, err := csrs.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	csr.Status.Certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if _, err := csrs.UpdateStatus(t.Context(), csr, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func csrExists(ctx context.Context, t *testing.T, client kubernetes.Interface, name string) bool {
	t.Helper()
	_, err := client.CertificatesV1().CertificateSigningRequests().Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
	return err == nil
}

func makeToken(t *testing.T, client kubernetes.Interface, id string, expires time.Time) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{
			"token-id":                       id,
			"token-secret":                   "0123456789abcdef",
			"expiration":                     expires.UTC().Format(time.RFC3339),
			"usage-bootstrap-signing":        "true",
			"usage-bootstrap-authentication": "true",
		},
	}
	if _, err := client.CoreV1().Secrets("kube-system").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func makeClusterInfo(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cluster-info"}, Data: map[string]string{"kubeconfig": "any text"}}
	_, err := client.CoreV1().ConfigMaps("kube-public").Create(t.Context(), cm, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
