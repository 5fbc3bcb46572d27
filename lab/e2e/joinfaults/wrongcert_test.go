package joinfaults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
)

// certificateSwap is a replacement of the issued certificate in the response.
type certificateSwap struct {
	name string
	// change changes the certificate's content, and signer signs it.
	change           func(*x509.Certificate)
	signer           *pki.CA
	otherKey, asItIs bool
	before, after    string // text around it
}

func certificateSwaps(t *testing.T, ca *pki.CA) []certificateSwap {
	t.Helper()
	made := testca.New(t, time.Now())
	other := &pki.CA{Cert: made.Certificate, Key: made.Key}
	changed := func(name string, change func(*x509.Certificate)) certificateSwap {
		return certificateSwap{name: name, change: change, signer: ca}
	}
	same := func(*x509.Certificate) {}
	return []certificateSwap{
		{name: "unchanged", asItIs: true},
		changed("signed again", same),
		{name: "other key", change: same, signer: ca, otherKey: true},
		{name: "other CA with the same name", change: same, signer: other},
		changed("other CN", func(c *x509.Certificate) { c.Subject.CommonName = "system:node:other" }),
		changed("other O", func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} }),
		changed("second O", func(c *x509.Certificate) { c.Subject.Organization = []string{"system:nodes", "system:masters"} }),
		changed("OU", func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"x"} }),
		changed("a name", func(c *x509.Certificate) { c.DNSNames = []string{"kubernetes"} }),
		changed("an address", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }),
		changed("not yet valid", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }),
		changed("expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		changed("no clientAuth", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		changed("no digital signature", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
		changed("CA:TRUE", func(c *x509.Certificate) { c.IsCA = true }),
		{name: "text before", change: same, signer: ca, before: "text\n"},
		{name: "another block after", change: same, signer: ca, after: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))},
	}
}

// issue issues the certificate for the CSR.
func (s certificateSwap) issue(request []byte) (string, error) {
	block, _ := pem.Decode(request)
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return "", err
	}
	public := parsed.PublicKey
	if s.otherKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		public = key.Public()
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), BasicConstraintsValid: true,
		Subject:   pkix.Name{CommonName: parsed.Subject.CommonName, Organization: parsed.Subject.Organization},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	s.change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, s.signer.Cert, public, s.signer.Key)
	return s.before + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + s.after, err
}

// fault drops each watch, so that the client gets the CSR instead, and replaces the
// certificate in the response.
func (s certificateSwap) fault(r *http.Request) faultproxy.Fault {
	if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/certificatesigningrequests") {
		return faultproxy.Fault{}
	}
	if r.URL.Query().Get("watch") != "" {
		return faultproxy.Fault{Drop: true}
	}
	if s.asItIs {
		return faultproxy.Fault{}
	}
	return faultproxy.Fault{Rewrite: faultproxy.Change(s.swapIn)}
}

// swapIn sets the certificate of the CSR, and approves the CSR.
func (s certificateSwap) swapIn(request *certificatesv1.CertificateSigningRequest) error {
	certificate, err := s.issue(request.Spec.Request)
	setCertificate(request, certificate)
	return err
}

func setCertificate(request *certificatesv1.CertificateSigningRequest, certificate string) {
	request.Status.Certificate = []byte(certificate)
	request.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved", Status: "True", Reason: "x"}}
}

// TestJoin_WrongCertificates joins through a proxy that replaces the certificate: each
// wrong certificate is refused before anything is written.
func TestJoin_WrongCertificates(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdmin(t)
	proxy, err := faultproxy.Before(p.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	ca, err := pki.LoadCA(p.Server.Dir)
	if err != nil {
		t.Fatal(err)
	}
	p.MustRun(t, "setup", "--endpoint", proxy.URL)
	token := p.CreateTokenFile(t)
	for _, s := range certificateSwaps(t, ca) {
		t.Run(s.name, func(t *testing.T) {
			before, dir := proxy.Faults(), t.TempDir()
			proxy.Inject(s.fault)
			defer proxy.Inject(nil)
			node := "swapped-" + strings.ToLower(strings.NewReplacer(" ", "-", ":", "-").Replace(s.name))
			code, _, stderr := p.Run(t, "join", proxy.URL, "--token-file", token, "--ca-file", p.Server.CAFile, "--node-name", node, "--out-dir", dir)
			if proxy.Faults() == before {
				t.Error("no certificate was replaced")
			}
			good := s.asItIs || s.name == "signed again"
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case good && code != 0:
				t.Errorf("exit code %d; stderr\n%s", code, stderr)
			case !good && (code != 4 || !strings.Contains(stderr, "(CertificateInvalid)")):
				t.Errorf("exit code %d, want 4 and CertificateInvalid; stderr\n%s", code, stderr)
			case !good && (len(files) != 1 || !strings.HasSuffix(files[0].Name(), ".key.tmp")):
				t.Errorf("the join wrote %v, want only the pending key", files)
			}
		})
	}
}
