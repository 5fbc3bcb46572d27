package join_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

const (
	id     = "abcdef"
	secret = "p1antedsecret123"
)

func clientOptions() kubeclient.Options { return kubeclient.Options{Timeout: time.Minute} }

type ca struct{ testca.CA }

func newCA(t *testing.T) ca {
	t.Helper()
	return ca{testca.New(t, time.Now())}
}

// cluster is an API server for joining nodes, over TLS.
type cluster struct {
	t        *testing.T
	ca       ca
	endpoint clusterinfo.Endpoint

	mu          sync.Mutex
	requests    map[string]*certificatesv1.CertificateSigningRequest
	signer      ca            // signs the CSRs
	lifetime    time.Duration // of the certificates
	unanswered  bool          // CSRs stay pending
	rejectToken bool          // requests with the token get 401
	rejectNodes bool          // requests with a certificate get 401
	mistaken    bool          // certificates authenticate as another node
	deletes     int           // how many CSRs disappear while a node waits for them
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, ca: newCA(t), lifetime: time.Hour, requests: map[string]*certificatesv1.CertificateSigningRequest{}}
	c.signer = c.ca
	server := httptest.NewUnstartedServer(c)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{c.ca.Serving(t, time.Now(), func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(24 * time.Hour) })},
		ClientAuth:   tls.RequestClientCert, MinVersion: tls.VersionTLS12,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	c.endpoint = clusterinfo.Endpoint(server.Listener.Addr().String())
	return c
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/configmaps/cluster-info"):
		c.answer(w, c.clusterInfo())
	case strings.HasSuffix(path, "/selfsubjectreviews") && c.rejectNodes:
		c.fail(w, apierrors.NewUnauthorized("no"))
	case strings.HasSuffix(path, "/selfsubjectreviews"):
		review := &authenticationv1.SelfSubjectReview{}
		review.Status.UserInfo.Username = r.TLS.PeerCertificates[0].Subject.CommonName
		if c.mistaken {
			review.Status.UserInfo.Username += "0"
		}
		c.answer(w, review)
	case c.rejectToken || r.Header.Get("Authorization") != "Bearer "+id+"."+secret:
		c.fail(w, apierrors.NewUnauthorized("no"))
	case r.Method == http.MethodPost:
		c.create(w, r)
	case r.URL.Query().Get("watch") == "true":
		w.Header().Set("Content-Type", "application/json") // a watch that ends immediately
		if c.deletes > 0 {
			c.deletes--
			clear(c.requests)
		}
	default:
		name := path[strings.LastIndex(path, "/")+1:]
		if c.requests[name] == nil {
			c.fail(w, apierrors.NewNotFound(schema.GroupResource{}, name))
			return
		}
		c.answer(w, c.requests[name])
	}
}

func (c *cluster) clusterInfo() *corev1.ConfigMap {
	document, err := clusterinfo.Encode(c.endpoint, []*x509.Certificate{c.ca.Certificate})
	if err != nil {
		c.t.Error(err)
	}
	tok, err := token.Parse(id + "." + secret)
	if err != nil {
		c.t.Error(err)
	}
	return &corev1.ConfigMap{Data: map[string]string{
		"kubeconfig": string(document), "jws-kubeconfig-" + id: clusterinfo.Sign(document, tok),
	}}
}

// create stores a CSR, and approves and signs it unless unanswered is set.
func (c *cluster) create(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	request, ok := object.(*certificatesv1.CertificateSigningRequest)
	if err != nil || !ok {
		c.t.Errorf("request body: %v", err)
		return
	}
	if old := c.requests[request.Name]; old != nil {
		if !c.unanswered && c.deletes == 0 {
			c.sign(old)
		}
		c.fail(w, apierrors.NewAlreadyExists(schema.GroupResource{Resource: "certificatesigningrequests"}, request.Name))
		return
	}
	request.UID = types.UID("uid-" + request.Name)
	if !c.unanswered && c.deletes == 0 {
		c.sign(request)
	}
	if r.URL.Query().Has("dryRun") {
		c.answer(w, request)
		return
	}
	c.requests[request.Name] = request
	c.answer(w, request)
}

func (c *cluster) sign(request *certificatesv1.CertificateSigningRequest) {
	parsed, err := csr.ParseRequest(request.Spec.Request)
	if err != nil {
		c.t.Error(err)
		return
	}
	cert := c.signer.Issue(c.t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: parsed.Subject,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(c.lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, parsed.PublicKey)
	request.Status.Certificate = certpem.Encode(cert)
	request.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{
		{Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue},
	}
}

func (c *cluster) answer(w http.ResponseWriter, object runtime.Object) {
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	if err != nil {
		c.t.Error(err)
	}
	object.GetObjectKind().SetGroupVersionKind(kinds[0])
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(object); err != nil {
		c.t.Error(err)
	}
}

func (c *cluster) fail(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	if err := json.NewEncoder(w).Encode(status); err != nil {
		c.t.Error(err)
	}
}
