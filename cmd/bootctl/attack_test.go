package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// attacked is a cluster, its token, and a man-in-the-middle attacker.
type attacked struct {
	real, evil testca.CA
	token      token.Token
	// document is the cluster-info of the cluster, and signatures are its signatures.
	document   string
	signatures map[string]string
	// leaf is a serving certificate signed by the real CA.
	leaf *x509.Certificate
}

func newAttacked(t *testing.T) attacked {
	t.Helper()
	tok, err := token.Parse(plantedID + "." + planted)
	if err != nil {
		t.Fatal(err)
	}
	a := attacked{real: testca.New(t, time.Now()), evil: testca.New(t, time.Now()), token: tok}
	document, err := clusterinfo.Encode("192.0.2.1:6443", []*x509.Certificate{a.real.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	a.document = string(document)
	a.signatures = map[string]string{plantedID: clusterinfo.Sign(document, tok)}
	a.leaf = a.real.Serving(t, time.Now()).Leaf
	return a
}

// attack describes what the attacker does. The zero value is no attack: it serves the
// cluster's responses with a certificate signed by the cluster's CA.
type attack struct {
	name   string
	reason string
	// message is a part of the message, if another attack has the same reason code.
	message string
	// document changes the document before it is signed, as an attacker who knows the
	// token can; signature changes the signature, as any attacker can.
	document  func(a attacked, text string) string
	signature func(a attacked, signature string) string
	// serving returns the serving certificate; pins returns the pins that the node trusts.
	serving func(t *testing.T, a attacked) tls.Certificate
	pins    func(a attacked) []clusterinfo.Pin
	// answer replaces the response if it returns true; n counts the requests from 1.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool
	// config changes the TLS configuration of the server.
	config func(*tls.Config)
}

// attacker performs the attack and records the credentials that it receives.
type attacker struct {
	*httptest.Server
	mu             sync.Mutex
	authorizations []string
}

func (x attack) start(t *testing.T, a attacked) *attacker {
	t.Helper()
	document := a.document
	if x.document != nil {
		document = x.document(a, document)
	}
	signature := clusterinfo.Sign([]byte(document), a.token)
	if x.signature != nil {
		signature = x.signature(a, signature)
	}
	data := map[string]string{"kubeconfig": document, "jws-kubeconfig-" + plantedID: signature}
	if signature == "" {
		delete(data, "jws-kubeconfig-"+plantedID)
	}
	s := &attacker{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.authorizations = append(s.authorizations, r.Header.Get("Authorization"))
		n := len(s.authorizations)
		s.mu.Unlock()
		if x.answer != nil && x.answer(w, r, n) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, Data: data})
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	cert := a.real.Serving(t, time.Now())
	if x.serving != nil {
		cert = x.serving(t, a)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}
	if x.config != nil {
		x.config(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// replaced replaces a part of the document. It panics if the document lacks the part.
func replaced(old, now string) func(attacked, string) string {
	return func(_ attacked, text string) string {
		if !strings.Contains(text, old) {
			panic("the document has no " + old)
		}
		return strings.Replace(text, old, now, 1)
	}
}

// bundled replaces the CA bundle in the document.
func bundled(bundle func(attacked) []byte) func(attacked, string) string {
	return func(a attacked, text string) string {
		return strings.Replace(text, base64.StdEncoding.EncodeToString(certpem.Encode(a.real.Certificate)), base64.StdEncoding.EncodeToString(bundle(a)), 1)
	}
}

// signedAs builds a signature from the header and the MAC of the valid one.
func signedAs(change func(header, mac string) string) func(attacked, string) string {
	return func(_ attacked, signature string) string {
		header, mac, _ := strings.Cut(signature, "..")
		return change(header, mac)
	}
}

func header(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func status(code int, body string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, body)
		return true
	}
}

func evilServing(t *testing.T, a attacked) tls.Certificate {
	t.Helper()
	return a.evil.Serving(t, time.Now())
}

// documentAttacks returns attacks with a changed document that is signed with the token.
func documentAttacks() []attack {
	const bad = "DocumentInvalid"
	at := "    server: https://192.0.2.1:6443"
	return []attack{
		{name: "second cluster", reason: bad, document: replaced("contexts:", "- cluster:\n    server: https://203.0.113.9\n  name: b\ncontexts:")},
		{name: "user with a token", reason: bad, document: replaced("users: null", "users:\n- name: a\n  user: {token: x}")},
		{name: "user with exec", reason: bad, document: replaced("users: null", "users:\n- name: a\n  user: {exec: {command: sh}}")},
		{name: "user with auth-provider", reason: bad, document: replaced("users: null", "users:\n- name: a\n  user: {auth-provider: {name: oidc}}")},
		{name: "user with impersonation", reason: bad, document: replaced("users: null", "users:\n- name: a\n  user: {as: admin}")},
		{name: "contexts", reason: bad, document: replaced("contexts: null", "contexts:\n- name: a\n  context: {cluster: ''}")},
		{name: "current-context", reason: bad, document: replaced(`current-context: ""`, "current-context: a")},
		{name: "proxy-url", reason: bad, document: replaced(at, "    proxy-url: http://203.0.113.9\n"+at)},
		{name: "insecure-skip-tls-verify", reason: bad, document: replaced(at, "    insecure-skip-tls-verify: true\n"+at)},
		{name: "tls-server-name", reason: bad, document: replaced(at, "    tls-server-name: evil\n"+at)},
		{name: "CA file on the node", reason: bad, document: replaced(at, "    certificate-authority: /etc/ca.crt\n"+at)},
		{name: "unknown field", reason: bad, document: replaced("kind: Config", "kind: Config\nunknown: 1")},
		{name: "field name in another case", reason: bad, document: replaced(at, "    Server: https://203.0.113.9\n"+at)},
		{name: "server twice", reason: bad, document: replaced(at, "    server: https://203.0.113.9\n"+at)},
		{name: "second YAML document", reason: bad, document: replaced("users: null\n", "users: null\n---\nkind: Config\n")},
		{name: "http server", reason: bad, document: replaced("https://192", "http://192")},
		{name: "server with a user", reason: bad, document: replaced("https://", "https://admin@")},
		{name: "server with a path", reason: bad, document: replaced(":6443", ":6443/evil")},
		{name: "server with a query", reason: bad, document: replaced(":6443", ":6443?a=b")},
		{name: "server with port 0", reason: bad, document: replaced(":6443", ":0")},
		{name: "server with a zone", reason: bad, document: replaced("192.0.2.1", `"[fe80::1%25eth0]"`)},
		{name: "server in hexadecimal form", reason: bad, document: replaced("192.0.2.1", "0x7f000001")},
		{name: "empty", reason: "ClusterInfoNotFound", document: func(attacked, string) string { return "" }},
		{name: "list", reason: bad, document: func(attacked, string) string { return "- a\n" }},
		{name: "Status", reason: bad, document: func(attacked, string) string { return "kind: Status\napiVersion: v1\n" }},
		{name: "alias bomb", reason: bad, document: func(attacked, string) string {
			return "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
		}},
		{name: "no CA", reason: bad, document: bundled(func(attacked) []byte { return nil })},
		{name: "private key after the CA", reason: bad, document: bundled(func(a attacked) []byte {
			return append(certpem.Encode(a.real.Certificate), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"...)
		})},
		{name: "PEM headers", reason: bad, document: bundled(func(a attacked) []byte {
			return bytes.Replace(certpem.Encode(a.real.Certificate), []byte("-----\n"), []byte("-----\nA: b\n\n"), 1)
		})},
		{name: "another CA", reason: "PinMismatch", document: bundled(func(a attacked) []byte { return certpem.Encode(a.evil.Certificate) })},
		{name: "pinned leaf", reason: "CAInvalid", document: bundled(func(a attacked) []byte { return certpem.Encode(a.leaf) }),
			pins: func(a attacked) []clusterinfo.Pin { return clusterinfo.Pins([]*x509.Certificate{a.leaf}) }},
	}
}

// signatureAttacks returns attacks with a signature that the token did not create.
func signatureAttacks() []attack {
	const bad = "SignatureInvalid"
	signatureFor := func(text string) func(attacked, string) string {
		return func(a attacked, _ string) string { return clusterinfo.Sign([]byte(text), a.token) }
	}
	return []attack{
		{name: "alg none", reason: bad, signature: signedAs(func(string, string) string { return header(`{"alg":"none","kid":"plantd"}`) + ".." })},
		{name: "alg HS384", reason: bad, signature: signedAs(func(_, mac string) string { return header(`{"alg":"HS384","kid":"plantd"}`) + ".." + mac })},
		{name: "alg RS256", reason: bad, signature: signedAs(func(_, mac string) string { return header(`{"alg":"RS256","kid":"plantd"}`) + ".." + mac })},
		{name: "another kid", reason: bad, signature: signedAs(func(_, mac string) string { return header(`{"alg":"HS256","kid":"abcdef"}`) + ".." + mac })},
		{name: "no kid", reason: bad, signature: signedAs(func(_, mac string) string { return header(`{"alg":"HS256"}`) + ".." + mac })},
		{name: "crit", reason: bad, signature: signedAs(func(_, mac string) string {
			return header(`{"alg":"HS256","kid":"plantd","crit":["b64"],"b64":false}`) + ".." + mac
		})},
		{name: "header in another order", reason: bad, signature: signedAs(func(_, mac string) string { return header(`{"kid":"plantd","alg":"HS256"}`) + ".." + mac })},
		{name: "attached payload", reason: bad, signature: signedAs(func(h, mac string) string { return h + ".aGVsbG8." + mac })},
		{name: "padding", reason: bad, signature: signedAs(func(h, mac string) string { return h + ".." + mac + "=" })},
		{name: "trailing line feed", reason: bad, signature: signedAs(func(h, mac string) string { return h + ".." + mac + "\n" })},
		{name: "truncated MAC", reason: bad, signature: signedAs(func(h, mac string) string { return h + ".." + mac[:len(mac)-1] })},
		{name: "last bits differ", reason: bad, signature: signedAs(func(h, mac string) string { return h + ".." + mac[:len(mac)-1] + string(mac[len(mac)-1]+1) })},
		{name: "no MAC", reason: bad, signature: signedAs(func(h, _ string) string { return h + ".." })},
		{name: "dots only", reason: bad, signature: func(attacked, string) string { return ".." }},
		{name: "signature for another text", reason: bad, signature: signatureFor("hello")},
		{name: "signature for the text with CRLF", reason: bad, signature: func(a attacked, _ string) string {
			return clusterinfo.Sign([]byte(strings.ReplaceAll(a.document, "\n", "\r\n")), a.token)
		}},
	}
}

// connectionAttacks returns attacks on the connection.
func connectionAttacks() []attack {
	unsigned := func(attacked, string) string { return "" }
	return []attack{
		{name: "replay", reason: "CertificateUntrusted", serving: evilServing},
		{name: "replay without the signature", reason: "CertificateUntrusted", serving: evilServing, signature: unsigned},
		{name: "certificate for another address", reason: "CertificateUntrusted", serving: func(t *testing.T, a attacked) tls.Certificate {
			t.Helper()
			return a.real.Serving(t, time.Now(), func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
		}},
		{name: "expired certificate", reason: "CertificateUntrusted", serving: func(t *testing.T, a attacked) tls.Certificate {
			t.Helper()
			return a.real.Serving(t, time.Now(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		}},
		{name: "client certificate", reason: "CertificateUntrusted", serving: func(t *testing.T, a attacked) tls.Certificate {
			t.Helper()
			return a.real.Serving(t, time.Now(), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
		}},
		{name: "another document over the verified connection", reason: "ClusterInfoChanged", answer: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			w.Header().Set("Content-Type", "application/json")
			return n == 2 && status(http.StatusOK, `{"kind":"ConfigMap","apiVersion":"v1","data":{"kubeconfig":"x"}}`)(w, nil, n)
		}},
		{name: "redirect", reason: "NotAnAPIServer", message: kubeclient.ErrRedirect.Error(), answer: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return true
		}},
		{name: "401 to anonymous requests", reason: "AnonymousDisabled", answer: status(http.StatusUnauthorized, "")},
		{name: "403 to anonymous requests", reason: "AnonymousForbidden", answer: status(http.StatusForbidden, "")},
		{name: "404", reason: "ClusterInfoNotFound", answer: status(http.StatusNotFound, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)},
		{name: "endless body", reason: "NotAnAPIServer", message: kubeclient.ErrTooLarge.Error(), answer: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					break
				}
			}
			return true
		}},
		{name: "gzip bomb", reason: "NotAnAPIServer", message: kubeclient.ErrTooLarge.Error(), answer: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "{")
			for range 1 << 7 {
				if _, err := z.Write(make([]byte, 1<<16)); err != nil {
					break
				}
			}
			return z.Close() == nil || true
		}},
		{name: "web page", reason: "NotAnAPIServer", message: kubeclient.ErrNotAPIServer.Error(), answer: status(http.StatusOK, "<html>log in</html>")},
		{name: "invalid JSON", reason: "NotAnAPIServer", message: kubeclient.ErrNotAPIServer.Error(), answer: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			w.Header().Set("Content-Type", "application/json")
			return status(http.StatusOK, "{")(w, nil, n)
		}},
		{name: "another object", reason: "ClusterInfoNotFound", answer: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			w.Header().Set("Content-Type", "application/json")
			return status(http.StatusOK, `{"kind":"Secret","apiVersion":"v1","data":{}}`)(w, nil, n)
		}},
		{name: "TLS 1.1", reason: "Unreachable", config: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }},
	}
}

// TestDiscovery_Attacks attacks a node that verifies a cluster, over real TLS. The node
// rejects each attack with the expected reason code and sends no token.
func TestDiscovery_Attacks(t *testing.T) {
	attacks := append(append(documentAttacks(), signatureAttacks()...), connectionAttacks()...)
	if len(attacks) < 40 {
		t.Errorf("%d attacks", len(attacks))
	}
	a := newAttacked(t)
	tokenFile := writeFile(t, "token", a.token.Reveal())
	for _, x := range append(attacks, attack{name: "no attack"}) {
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t, a)
			pins := clusterinfo.Pins([]*x509.Certificate{a.real.Certificate})
			if x.pins != nil {
				pins = x.pins(a)
			}
			got := verifyAsNode(t, s.Listener.Addr().String(), tokenFile, pins[0].String())
			if (x.reason == "") != (got.code == 0) || (x.reason != "" && got.out != "") {
				t.Fatalf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
			}
			if reason := lastReason(t, got.errOut); reason != x.reason || !strings.Contains(got.errOut, x.message) {
				t.Errorf("reason %s, want %s and %q: %s", reason, x.reason, x.message, got.errOut)
			}
			for _, authorization := range s.authorizations {
				if authorization != "" {
					t.Error("the token was sent")
				}
			}
		})
	}
}

// verifyAsNode runs bootctl cluster-info verify as a node, over real connections.
func verifyAsNode(t *testing.T, endpoint, tokenFile, pin string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	e := &cli.Env{
		Redact:    token.Redact,
		IOStreams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}, Now: time.Now, Random: rand.Reader,
		Getenv: func(string) string { return "" }, NewClient: kubeclient.New,
	}
	code := run(t.Context(), e, []string{"cluster-info", "verify", "--endpoint", endpoint, "--token-file", tokenFile, "--ca-cert-hash", pin, "-o", "json"})
	return result{code, out.String(), errOut.String()}
}

// lastReason returns the reason code of the last event, empty if there is none.
func lastReason(t *testing.T, events string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(events), "\n")
	var event output.Event
	if last := lines[len(lines)-1]; last != "" {
		if err := json.Unmarshal([]byte(last), &event); err != nil {
			t.Fatal(err)
		}
	}
	return event.Reason
}
