package clusterinfo_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
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

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

const docServer = "https://10.0.0.1:6443"

// now is when the tests take place; certificates are valid a day around it.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

func parseToken(t testing.TB) token.Token {
	t.Helper()
	tok, err := token.Parse("abcdef.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

type ca struct{ testca.CA }

// newCA makes a CA, its certificate changed by the given functions.
func newCA(t testing.TB, changes ...func(*x509.Certificate)) ca {
	t.Helper()
	return ca{testca.New(t, now, changes...)}
}

// server returns a certificate for host, signed by the CA.
func (c ca) server(t testing.TB, host string) tls.Certificate {
	t.Helper()
	return c.Serving(t, now, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(host)} })
}

func bundle(cas ...ca) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, c := range cas {
		certs = append(certs, c.Certificate)
	}
	return certs
}

// documentOf is what kubeadm 1.37 writes into cluster-info.
func documentOf(caText []byte) string {
	return strings.Join([]string{
		"apiVersion: v1",
		"clusters:",
		"- cluster:",
		"    certificate-authority-data: " + base64.StdEncoding.EncodeToString(caText),
		"    server: " + docServer,
		`  name: ""`,
		"contexts: null",
		`current-context: ""`,
		"kind: Config",
		"users: null",
		"",
	}, "\n")
}

// cluster is an API server that has cluster-info.
type cluster struct {
	*httptest.Server
	// answer returns the status and the data of cluster-info, for the nth
	// request, counted from 1.
	answer func(n int, r *http.Request) (int, map[string]string)
	// review answers who the caller is; nil means the server does not know.
	review func(authorization string) (int, authenticationv1.UserInfo)

	mu             sync.Mutex
	authorizations []string
	open           map[net.Conn]bool // the connections
}

// newCluster starts a server with the given certificate.
func newCluster(t testing.TB, cert tls.Certificate, answer func(n int, r *http.Request) (int, map[string]string)) *cluster {
	t.Helper()
	c := &cluster{answer: answer, open: map[net.Conn]bool{}}
	c.Server = httptest.NewUnstartedServer(c)
	c.Config.ConnState = c.connState
	c.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) connState(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = true
	if state == http.StateClosed {
		delete(c.open, conn)
	}
}

// always answers each request with the same data.
func always(data map[string]string) func(int, *http.Request) (int, map[string]string) {
	return func(int, *http.Request) (int, map[string]string) { return http.StatusOK, data }
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.authorizations = append(c.authorizations, r.Header.Get("Authorization"))
	n := len(c.authorizations)
	c.mu.Unlock()
	if r.URL.Path == "/apis/authentication.k8s.io/v1/selfsubjectreviews" && c.review != nil {
		status, user := c.review(r.Header.Get("Authorization"))
		reply(w, status, authenticationv1.SelfSubjectReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
			Status:   authenticationv1.SelfSubjectReviewStatus{UserInfo: user},
		})
		return
	}
	status, data := c.answer(n, r)
	if r.URL.Path != "/api/v1/namespaces/kube-public/configmaps/cluster-info" || r.Method != http.MethodGet {
		status = http.StatusNotImplemented
	}
	reply(w, status, corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, Data: data})
}

// reply sends the object, or the error that the status stands for.
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

func matching(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

var reasons = map[int]metav1.StatusReason{
	http.StatusUnauthorized: metav1.StatusReasonUnauthorized,
	http.StatusForbidden:    metav1.StatusReasonForbidden,
	http.StatusNotFound:     metav1.StatusReasonNotFound,
}

// requests returns the Authorization header of each request so far.
func (c *cluster) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.authorizations...)
}

// connections returns how many are open.
func (c *cluster) connections() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

func (c *cluster) endpoint(t testing.TB) clusterinfo.Endpoint {
	t.Helper()
	endpoint, err := clusterinfo.ParseEndpoint(strings.Replace(c.URL, "http://", "https://", 1))
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// signedData is the data of a cluster-info of the given CAs, signed with the token.
func signedData(t testing.TB, cas ...ca) map[string]string {
	t.Helper()
	document := documentOf(certpem.Encode(bundle(cas...)...))
	return map[string]string{
		"kubeconfig":            document,
		"jws-kubeconfig-abcdef": clusterinfo.Sign([]byte(document), parseToken(t)),
	}
}

// options are those of a node that has the token and the pins of the CAs.
func options(t testing.TB, c *cluster, cas ...ca) clusterinfo.Options {
	t.Helper()
	return clusterinfo.Options{
		Endpoints: []clusterinfo.Endpoint{c.endpoint(t)},
		Token:     parseToken(t),
		Pins:      clusterinfo.Pins(bundle(cas...)),
		Client:    apiclient.Options{Now: clock},
		Timeout:   time.Minute,
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

func wantRoots(t *testing.T, got []*x509.Certificate, want ...ca) {
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

// publish publishes, and says whether anything changed.
func publish(t *testing.T, client clusterinfo.Client, document []byte) (bool, error) {
	t.Helper()
	change, err := clusterinfo.Writer{Client: client, Now: clock}.Publish(t.Context(), document)
	return err == nil && !change.IsEmpty(), err
}
