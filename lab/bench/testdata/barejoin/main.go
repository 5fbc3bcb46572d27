// Command barejoin does the minimum of a join with only net/http: it sends the same
// requests as bootctl join and writes the same files, without any checks. bootctl join
// is compared with it.
//
//	barejoin URL CA-FILE TOKEN-FILE NODE DIR
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	clusterInfoPath = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
	requestsPath    = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
	reviewsPath     = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
)

type object struct {
	APIVersion string         `json:"apiVersion,omitempty"`
	Kind       string         `json:"kind,omitempty"`
	Metadata   map[string]any `json:"metadata,omitempty"`
	Spec       any            `json:"spec,omitempty"`
	Status     struct {
		Certificate []byte `json:"certificate,omitempty"`
	} `json:"status,omitzero"`
}

type requestSpec struct {
	Request    []byte   `json:"request"`
	SignerName string   `json:"signerName"`
	Usages     []string `json:"usages"`
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: barejoin URL CA-FILE TOKEN-FILE NODE DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, "barejoin:", err)
		os.Exit(1)
	}
}

func run(server, caFile, tokenFile, node, dir string) error {
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	insecure := client(&tls.Config{InsecureSkipVerify: true})
	if _, err := call(insecure, http.MethodGet, server+clusterInfoPath, "", nil, http.StatusOK); err != nil {
		return err
	}
	verified := client(&tls.Config{RootCAs: roots})
	if _, err := call(verified, http.MethodGet, server+clusterInfoPath, "", nil, http.StatusOK); err != nil {
		return err
	}
	key, request, err := newRequest(node, filepath.Join(dir, "kubelet-client.key.tmp"))
	if err != nil {
		return err
	}
	cert, err := certify(verified, server, strings.TrimSpace(string(token)), request)
	if err != nil {
		return err
	}
	if err := write(dir, server, ca, cert, key); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	asNode := client(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}})
	review, err := call(asNode, http.MethodPost, server+reviewsPath, "", object{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"}, http.StatusCreated)
	if err != nil || !bytes.Contains(review, []byte("system:node:"+node)) {
		return fmt.Errorf("the node is %s (%w)", review, err)
	}
	return nil
}

// client returns a client with its own connections.
func client(config *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
}

func send(c *http.Client, method, address, token string, body any, want int) (io.ReadCloser, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, address, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != want {
		return nil, errors.Join(fmt.Errorf("%s %s: %s", method, address, resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}

func call(c *http.Client, method, address, token string, body any, want int) ([]byte, error) {
	answer, err := send(c, method, address, token, body, want)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer)
	return text, errors.Join(err, answer.Close())
}

// newRequest generates a key, writes it to a file, and returns it with a CSR for it.
func newRequest(node, file string) (keyText, request []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	keyText = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	subject := pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}}
	der, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		return nil, nil, err
	}
	return keyText, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), os.WriteFile(file, keyText, 0o600)
}

// certify creates the CSR and watches it until it has a certificate.
func certify(c *http.Client, server, token string, request []byte) ([]byte, error) {
	wanted := object{
		APIVersion: "certificates.k8s.io/v1", Kind: "CertificateSigningRequest",
		Metadata: map[string]any{"generateName": "node-csr-"},
		Spec:     requestSpec{request, "kubernetes.io/kube-apiserver-client-kubelet", []string{"digital signature", "client auth"}},
	}
	text, err := call(c, http.MethodPost, server+requestsPath, token, wanted, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	var made object
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, err
	}
	query := url.Values{
		"watch": {"true"}, "timeoutSeconds": {"60"}, "fieldSelector": {fmt.Sprint("metadata.name=", made.Metadata["name"])},
		"resourceVersion": {fmt.Sprint(made.Metadata["resourceVersion"])},
	}
	stream, err := send(c, http.MethodGet, server+requestsPath+"?"+query.Encode(), token, nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	for events := json.NewDecoder(stream); ; {
		var event struct{ Object object }
		if err := events.Decode(&event); err != nil {
			return nil, err
		}
		if cert := event.Object.Status.Certificate; len(cert) > 0 {
			return cert, nil
		}
	}
}

// write writes the files of a join.
func write(dir, server string, ca, cert, key []byte) error {
	const pair = "kubelet-client-now.pem"
	kubeconfig := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "default",
		"clusters": []any{map[string]any{"name": "default", "cluster": map[string]any{"server": server, "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": "default", "user": map[string]any{"client-certificate": "kubelet-client-current.pem", "client-key": "kubelet-client-current.pem"}}},
		"contexts": []any{map[string]any{"name": "default", "context": map[string]any{"cluster": "default", "user": "default"}}},
	}
	text, err := json.Marshal(kubeconfig)
	return errors.Join(err,
		os.WriteFile(filepath.Join(dir, pair), append(cert, key...), 0o600),
		os.Symlink(pair, filepath.Join(dir, "kubelet-client-current.pem")),
		os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o644),
		os.WriteFile(filepath.Join(dir, "kubelet.conf"), text, 0o600),
		os.Remove(filepath.Join(dir, "kubelet-client.key.tmp")))
}
