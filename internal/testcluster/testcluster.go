// Package testcluster serves cluster-info as an API server does, for tests of its
// readers.
package testcluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// DocServer is the address in the document.
const DocServer = "https://10.0.0.1:6443"

// Now is the time of the tests; certificates are valid from a day before to a day after.
var Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock returns Now.
func Clock() time.Time { return Now }

// ParseToken returns the token of the tests.
func ParseToken(t testing.TB) token.Token {
	t.Helper()
	tok, err := token.Parse("abcdef.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// CA is a CA of the cluster.
type CA struct{ testca.CA }

// NewCA creates a CA with a certificate that is changed by the given functions.
func NewCA(t testing.TB, changes ...func(*x509.Certificate)) CA {
	t.Helper()
	return CA{testca.New(t, Now, changes...)}
}

// Server returns a certificate for host, signed by the CA.
func (c CA) Server(t testing.TB, host string) tls.Certificate {
	t.Helper()
	return c.Serving(t, Now, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(host)} })
}

// Bundle returns the certificates of the CAs.
func Bundle(cas ...CA) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, c := range cas {
		certs = append(certs, c.Certificate)
	}
	return certs
}

// DocumentOf returns the kubeconfig that kubeadm 1.37 writes to cluster-info.
func DocumentOf(caText []byte) string {
	return strings.Join([]string{
		"apiVersion: v1",
		"clusters:",
		"- cluster:",
		"    certificate-authority-data: " + base64.StdEncoding.EncodeToString(caText),
		"    server: " + DocServer,
		`  name: ""`,
		"contexts: null",
		`current-context: ""`,
		"kind: Config",
		"users: null",
		"",
	}, "\n")
}

// Cluster is an API server with cluster-info.
type Cluster struct {
	*httptest.Server
	// Answer returns the status and the data of cluster-info for the nth request, counted
	// from 1.
	Answer func(n int, r *http.Request) (int, map[string]string)
	// Review returns the status and the user of the caller; nil rejects the request.
	Review func(authorization string) (int, authenticationv1.UserInfo)

	mu             sync.Mutex
	authorizations []string
	open           map[net.Conn]bool // the connections
}

// NewCluster starts a server with the given certificate.
func NewCluster(t testing.TB, cert tls.Certificate, answer func(n int, r *http.Request) (int, map[string]string)) *Cluster {
	t.Helper()
	c := &Cluster{Answer: answer, open: map[net.Conn]bool{}}
	c.Server = httptest.NewUnstartedServer(c)
	c.Config.ConnState = c.connState
	c.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

func (c *Cluster) connState(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = true
	if state == http.StateClosed {
		delete(c.open, conn)
	}
}

// Always responds to each request with the same data.
func Always(data map[string]string) func(int, *http.Request) (int, map[string]string) {
	return func(int, *http.Request) (int, map[string]string) { return http.StatusOK, data }
}

func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.authorizations = append(c.authorizations, r.Header.Get("Authorization"))
	n := len(c.authorizations)
	c.mu.Unlock()
	if r.URL.Path == "/apis/authentication.k8s.io/v1/selfsubjectreviews" && c.Review != nil {
		status, user := c.Review(r.Header.Get("Authorization"))
		reply(w, status, authenticationv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
			Status:   authenticationv1.SelfSubjectReviewStatus{UserInfo: user},
		})
		return
	}
	status, data := c.Answer(n, r)
	if r.URL.Path != "/api/v1/namespaces/kube-public/configmaps/cluster-info" || r.Method != http.MethodGet {
		status = http.StatusNotImplemented
	}
	reply(w, status, corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, Data: data})
}

// reply sends the object, or the error for the status.
func reply(w http.ResponseWriter, status int, object any) {
	if status != http.StatusOK {
		object = metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
			Code: int32(status), Reason: reasons[status],
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

// Matching returns a predicate that reports whether an error matches target.
func Matching(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

var reasons = map[int]metav1.StatusReason{
	http.StatusUnauthorized: metav1.StatusReasonUnauthorized,
	http.StatusForbidden:    metav1.StatusReasonForbidden,
	http.StatusNotFound:     metav1.StatusReasonNotFound,
}

// Requests returns the Authorization header of each request so far.
func (c *Cluster) Requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.authorizations...)
}

// Connections returns the number of open connections.
func (c *Cluster) Connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// Endpoint returns the address of the server.
func (c *Cluster) Endpoint(t testing.TB) clusterinfo.Endpoint {
	t.Helper()
	endpoint, err := clusterinfo.ParseEndpoint(strings.Replace(c.URL, "http://", "https://", 1))
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// SignedData returns the data of a cluster-info with the given CAs, signed with the token.
func SignedData(t testing.TB, cas ...CA) map[string]string {
	t.Helper()
	document := DocumentOf(certpem.Encode(Bundle(cas...)...))
	return map[string]string{
		"kubeconfig":            document,
		"jws-kubeconfig-abcdef": clusterinfo.Sign([]byte(document), ParseToken(t)),
	}
}

// Options returns the options of a node that has the token and the pins of the CAs.
func Options(t testing.TB, c *Cluster, cas ...CA) discovery.Options {
	t.Helper()
	return discovery.Options{
		Endpoints: []clusterinfo.Endpoint{c.Endpoint(t)},
		Token:     ParseToken(t),
		Trust:     discovery.Trust{Pins: clusterinfo.Pins(Bundle(cas...))},
		Client:    kubeclient.Options{Now: Clock, Timeout: time.Minute},
	}
}

// WantError fails the test unless err matches want.
func WantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

// WantRoots fails the test unless the certificates are the certificates of the CAs.
func WantRoots(t *testing.T, got []*x509.Certificate, want ...CA) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d roots, want %d", len(got), len(want))
	}
	for i := range want {
		if !got[i].Equal(want[i].Certificate) {
			t.Errorf("root %d is not the expected CA", i)
		}
	}
}

// Publish publishes the document, and reports whether anything changed.
func Publish(t *testing.T, client clusterinfo.Client, document []byte) (bool, error) {
	t.Helper()
	change, err := clusterinfo.Writer{Client: client, Now: Clock}.Publish(t.Context(), document)
	return err == nil && !change.IsEmpty(), err
}

// Renewed returns another certificate for the same key.
func (c CA) Renewed(t testing.TB, change func(*x509.Certificate)) CA {
	t.Helper()
	template := *c.Certificate
	template.SerialNumber = big.NewInt(3)
	change(&template)
	self := testca.CA{Certificate: &template, Key: c.Key}
	return CA{testca.CA{Certificate: self.Issue(t, &template, c.Key.Public()), Key: c.Key}}
}

// Record records a request that ServeHTTP does not see.
func (c *Cluster) Record(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.authorizations = append(c.authorizations, r.Header.Get("Authorization"))
}
