package pki

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

// renewBefore is the remaining lifetime below which a certificate is replaced at start.
const renewBefore = 30 * 24 * time.Hour

// Dir is a directory of keys and certificates, with the same names as kubeadm's.
type Dir struct {
	Path string
	Now  time.Time
}

// File returns the path of the named file.
func (d Dir) File(name string) string { return filepath.Join(d.Path, name) }

// servingLeaf is the API server's certificate. 10.96.0.1 is the address of the
// kubernetes Service, which joined nodes may use.
func servingLeaf() Leaf {
	return Leaf{
		CommonName: "kube-apiserver",
		DNSNames: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local", "localhost"},
		IPs:    []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback, net.IPv4(10, 96, 0, 1).To4()},
		Server: true,
	}
}

// Ensure creates missing files and renews certificates that expire soon. The CA and the
// service account key are never replaced, because what they signed stays valid.
func (d Dir) Ensure() error {
	if err := durable.MkdirAll(d.Path, 0o700); err != nil {
		return err
	}
	ca, err := d.ensureCA()
	if err != nil {
		return err
	}
	if _, err := d.ensureKey("sa.key"); err != nil {
		return err
	}
	leaves := map[string]Leaf{
		"apiserver":          servingLeaf(),
		"admin":              {CommonName: "kubernetes-admin", Organization: []string{"system:masters"}, Client: true},
		"controller-manager": {CommonName: "system:kube-controller-manager", Client: true},
	}
	for name, leaf := range leaves {
		if err := d.ensureLeaf(ca, name, leaf); err != nil {
			return err
		}
	}
	return nil
}

func (d Dir) ensureCA() (*CA, error) {
	_, err := os.Lstat(d.File("ca.crt"))
	if !errors.Is(err, fs.ErrNotExist) {
		return readCA(d.Path)
	}
	key, err := d.ensureKey("ca.key")
	if err != nil {
		return nil, err
	}
	ca, err := newCA(key, d.Now)
	if err != nil {
		return nil, err
	}
	return ca, durable.WriteFile(d.File("ca.crt"), encodeCert(ca.Cert.Raw), 0o644)
}

// ensureKey reads the named key, or generates it.
func (d Dir) ensureKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := readKey(d.File(name))
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
	return key, durable.WriteFile(d.File(name), data, 0o600)
}

func (d Dir) ensureLeaf(ca *CA, name string, leaf Leaf) error {
	certFile, keyFile := d.File(name+".crt"), d.File(name+".key")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && d.serves(ca, pair.Leaf, leaf) {
		return nil
	}
	made, err := ca.Issue(leaf, d.Now)
	if err != nil {
		return err
	}
	// After a kill between the two, the pair does not match and is created again.
	if err := durable.WriteFile(keyFile, made.Key, 0o600); err != nil {
		return err
	}
	return durable.WriteFile(certFile, made.Cert, 0o644)
}

// serves reports whether cert is still valid for the given leaf.
func (d Dir) serves(ca *CA, cert *x509.Certificate, leaf Leaf) bool {
	return cert.CheckSignatureFrom(ca.Cert) == nil &&
		cert.Subject.CommonName == leaf.CommonName &&
		slices.Equal(cert.Subject.Organization, leaf.Organization) &&
		slices.Equal(cert.DNSNames, leaf.DNSNames) &&
		slices.EqualFunc(cert.IPAddresses, leaf.IPs, net.IP.Equal) &&
		d.Now.Before(cert.NotAfter.Add(-renewBefore))
}

func readCA(dir string) (*CA, error) {
	path := filepath.Join(dir, "ca.crt")
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	key, err := readKey(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("read %s: the key next to it does not match", path)
	}
	return &CA{Cert: cert, Key: key}, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	der, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// readPEM returns the content of the first PEM block in a file.
func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("read %s: no PEM block", path)
	}
	return block.Bytes, nil
}
