package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bootctl/bootctl/internal/durable"
)

// renewBefore is how long before its end a certificate is replaced at start.
const renewBefore = 30 * 24 * time.Hour

// pki is a directory of keys and certificates, named as kubeadm names them.
type pki struct {
	dir string
	now time.Time
}

func (p pki) path(name string) string { return filepath.Join(p.dir, name) }

// servingLeaf is the API server's certificate. 10.96.0.1 is the address of the
// kubernetes service, which joined nodes may have been given.
func servingLeaf() Leaf {
	return Leaf{
		CommonName: "kube-apiserver",
		DNSNames: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local", "localhost"},
		IPs:    []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback, net.IPv4(10, 96, 0, 1).To4()},
		Server: true,
	}
}

// ensure makes what is missing and renews what ends soon. The CA and the
// service-account key are never replaced: what was signed with them lives on.
func (p pki) ensure() error {
	if err := durable.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	ca, err := p.ensureCA()
	if err != nil {
		return err
	}
	if _, err := p.ensureKey("sa.key"); err != nil {
		return err
	}
	leaves := map[string]Leaf{
		"apiserver":          servingLeaf(),
		"admin":              {CommonName: "kubernetes-admin", Organization: []string{"system:masters"}, Client: true},
		"controller-manager": {CommonName: "system:kube-controller-manager", Client: true},
	}
	for name, leaf := range leaves {
		if err := p.ensureLeaf(ca, name, leaf); err != nil {
			return err
		}
	}
	return nil
}

func (p pki) ensureCA() (*CA, error) {
	_, err := os.Lstat(p.path("ca.crt"))
	if !errors.Is(err, fs.ErrNotExist) {
		return readCA(p.dir)
	}
	key, err := p.ensureKey("ca.key")
	if err != nil {
		return nil, err
	}
	ca, err := newCA(key, p.now)
	if err != nil {
		return nil, err
	}
	return ca, durable.WriteFile(p.path("ca.crt"), encodeCert(ca.Cert.Raw), 0o644)
}

// ensureKey reads the named key, or makes it.
func (p pki) ensureKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := readKey(p.path(name))
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, durable.WriteFile(p.path(name), data, 0o600)
}

func (p pki) ensureLeaf(ca *CA, name string, leaf Leaf) error {
	certFile, keyFile := p.path(name+".crt"), p.path(name+".key")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && p.serves(ca, pair.Leaf, leaf) {
		return nil
	}
	made, err := ca.Issue(leaf, p.now)
	if err != nil {
		return err
	}
	// Killed between the two, the pair does not match and is made anew.
	if err := durable.WriteFile(keyFile, made.Key, 0o600); err != nil {
		return err
	}
	return durable.WriteFile(certFile, made.Cert, 0o644)
}

// serves says whether cert is still good as the given leaf.
func (p pki) serves(ca *CA, cert *x509.Certificate, leaf Leaf) bool {
	return cert.CheckSignatureFrom(ca.Cert) == nil &&
		cert.Subject.CommonName == leaf.CommonName &&
		slices.Equal(cert.Subject.Organization, leaf.Organization) &&
		slices.Equal(cert.DNSNames, leaf.DNSNames) &&
		slices.EqualFunc(cert.IPAddresses, leaf.IPs, net.IP.Equal) &&
		p.now.Before(cert.NotAfter.Add(-renewBefore))
}

func readCA(dir string) (*CA, error) {
	path := filepath.Join(dir, "ca.crt")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read %s: no PEM block", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	key, err := readKey(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("read %s: the key beside it is another one's", path)
	}
	return &CA{Cert: cert, key: key}, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read %s: no PEM block", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}
