package join_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testctx"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

const pendingName = "kubelet-client.key.tmp"

// joined returns a cluster and the options with which a node has joined it.
func joined(t *testing.T) (*cluster, join.Options, join.Result) {
	t.Helper()
	c := newCluster(t)
	opts := c.options(join.OutDir(t.TempDir()))
	result, err := join.Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return c, opts, result
}

// asked returns the number of certificates that were requested.
func (c *cluster) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func overwrite(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// files returns the text of each file and the target of each link in dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if target, err := os.Readlink(path); err == nil {
			found[entry.Name()] = "-> " + target
			continue
		}
		found[entry.Name()] = string(read(t, path))
	}
	return found
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	return testca.Key(t)
}

func encodeKey(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	text, err := csr.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// identity returns a certificate for worker-1 and its key in PEM, with changes.
func (c ca) identity(t *testing.T, changes ...func(*x509.Certificate)) []byte {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(4),
		Subject:      pkix.Name{CommonName: "system:node:worker-1", Organization: []string{"system:nodes"}},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, change := range changes {
		change(template)
	}
	return append(certpem.Encode(c.Issue(t, template, key.Public())), encodeKey(t, key)...)
}

// After a process died between receiving the certificate and writing all files, with its key
// restored, the same CSR is used again.
func TestJoin_CompletesAfterCrash(t *testing.T) {
	tests := []struct {
		name string
		die  func(*testing.T, join.Layout)
	}{
		{"before the kubeconfig", func(*testing.T, join.Layout) {}},
		{"before the link", func(t *testing.T, l join.Layout) { t.Helper(); remove(t, l.Current()) }},
		{"before the CA", func(t *testing.T, l join.Layout) { t.Helper(); remove(t, l.CA()) }},
		{"with half a file", func(t *testing.T, l join.Layout) {
			t.Helper()
			overwrite(t, filepath.Join(filepath.Dir(l.Current()), ".ca.crt.123.tmp"), []byte("half"))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, before := joined(t)
			_, keyText := certpem.Split(read(t, opts.Layout.Current()))
			remove(t, opts.Layout.Kubeconfig())
			test.die(t, opts.Layout)
			pending := filepath.Join(filepath.Dir(opts.Layout.Current()), pendingName)
			overwrite(t, pending, keyText)
			after, err := join.Run(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			if after.AlreadyJoined || after.RequestName == "" || after.RequestName != before.RequestName || cluster.asked() != 1 {
				t.Errorf("CSR %q after %q, of %d; want the same CSR", after.RequestName, before.RequestName, cluster.asked())
			}
			if _, now := certpem.Split(read(t, opts.Layout.Current())); !bytes.Equal(now, keyText) {
				t.Error("the key has changed")
			}
			if _, err := os.Lstat(pending); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the pending key is left (%v)", err)
			}
			if _, err := os.Lstat(opts.Layout.CA()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A valid pending key is used, and an invalid one is replaced.
func TestJoin_PendingKey(t *testing.T) {
	good := encodeKey(t, newKey(t))
	tests := []struct {
		name string
		text []byte
		kept bool
	}{
		{"good", good, true},
		{"cut off", good[:len(good)/2], false},
		{"garbage", []byte("garbage\n"), false},
		{"certificate", certpem.Encode(newCA(t).Certificate), false},
		{"public key", bytes.ReplaceAll(good, []byte("EC PRIVATE"), []byte("PUBLIC")), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster := newCluster(t)
			opts := cluster.options(join.OutDir(t.TempDir()))
			overwrite(t, filepath.Join(filepath.Dir(opts.Layout.Current()), pendingName), test.text)
			result, err := join.Run(t.Context(), opts)
			if err != nil || result.AlreadyJoined {
				t.Fatalf("result %+v, %v", result, err)
			}
			_, keyText := certpem.Split(read(t, opts.Layout.Current()))
			if got := bytes.Equal(keyText, good); got != test.kept {
				t.Errorf("the key on disk was used: %v, want %v", got, test.kept)
			}
			if _, err := csr.ParseKey(keyText); err != nil {
				t.Error(err)
			}
		})
	}
}

// The issued certificate is for another key or name than the CSR.
func TestJoin_CertificateForOther(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*testing.T, *cluster) // of the stored CSR
		wantErr error
	}{
		{"as requested", func(*testing.T, *cluster) {}, nil},
		{"another key", func(t *testing.T, c *cluster) {
			t.Helper()
			for _, request := range c.requests {
				request.Status.Certificate, _ = certpem.Split(c.ca.identity(t))
			}
		}, csr.ErrCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, _ := joined(t)
			_, keyText := certpem.Split(read(t, opts.Layout.Current()))
			dir := t.TempDir()
			opts.Layout = join.OutDir(dir)
			overwrite(t, filepath.Join(dir, pendingName), keyText)
			cluster.unanswered = true // it has already signed the CSR
			test.change(t, cluster)
			ctx, pass := testctx.WithDeadline(t.Context())
			opts.Observer = func(event kubeclient.Event) {
				if event.Waiting != nil {
					pass()
				}
			} // without the check it would wait forever
			_, err := join.Run(ctx, opts)
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			left := files(t, dir)
			if test.wantErr != nil && (len(left) != 1 || left[pendingName] != string(keyText)) {
				t.Errorf("the directory has %d files, want only the pending key", len(left))
			}
		})
	}
}

// Each case differs from complete node credentials in one thing. Nothing is changed or
// requested unless the node may join again.
func TestJoin_ExistingFiles(t *testing.T) {
	type change = func(*testing.T, *cluster, join.Layout)
	conf := func(old, now string) change {
		return func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			text := string(read(t, l.Kubeconfig()))
			if !strings.Contains(text, old) {
				t.Fatalf("the kubeconfig has no %q", old)
			}
			overwrite(t, l.Kubeconfig(), []byte(strings.ReplaceAll(text, old, now)))
		}
	}
	pair := func(change func(*x509.Certificate)) change {
		return func(t *testing.T, c *cluster, l join.Layout) {
			t.Helper()
			overwrite(t, l.Current(), c.ca.identity(t, change))
		}
	}
	parts := func(change func(t *testing.T, certs, key []byte) []byte) change {
		return func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			certs, key := certpem.Split(read(t, l.Current()))
			overwrite(t, l.Current(), change(t, bytes.Clone(certs), key))
		}
	}
	text := func(text string) func(*testing.T, []byte, []byte) []byte {
		return func(*testing.T, []byte, []byte) []byte { return []byte(text) }
	}
	tests := []struct {
		name    string
		change  change
		again   bool // the node joins again
		wantErr error
	}{
		{"unchanged", func(*testing.T, *cluster, join.Layout) {}, false, nil},
		{"rotated", pair(func(*x509.Certificate) {}), false, nil},
		{"expired", pair(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), true, nil},
		{"expired before its CA was renewed", pair(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = c.NotBefore.Add(-96*time.Hour), time.Now().Add(-72*time.Hour)
		}), true, nil},
		{"no certificate", func(t *testing.T, _ *cluster, l join.Layout) { t.Helper(); remove(t, l.Current()) }, true, nil},
		{"link to nothing", func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			target, err := filepath.EvalSymlinks(l.Current())
			if err != nil {
				t.Fatal(err)
			}
			remove(t, target)
		}, true, nil},
		{"not yet valid", pair(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), false, join.ErrInvalid},
		{"expired certificate of another node", pair(func(c *x509.Certificate) {
			c.Subject.CommonName, c.NotAfter = "system:node:worker-2", time.Now().Add(-time.Minute)
		}), false, join.ErrForeign},
		{"certificate of another node", pair(func(c *x509.Certificate) { c.Subject.CommonName = "system:node:worker-2" }), false, join.ErrForeign},
		{"certificate of an administrator", pair(func(c *x509.Certificate) { c.Subject.Organization = []string{"system:masters"} }), false, join.ErrInvalid},
		{"certificate of another CA", func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			overwrite(t, l.Current(), newCA(t).identity(t))
		}, false, join.ErrInvalid},
		{"expired certificate of another CA", func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			overwrite(t, l.Current(), newCA(t).identity(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))
		}, false, join.ErrInvalid},
		{"another key", parts(func(t *testing.T, certs, _ []byte) []byte {
			t.Helper()
			return append(certs, encodeKey(t, newKey(t))...)
		}), false, join.ErrInvalid},
		{"no key", parts(func(_ *testing.T, certs, _ []byte) []byte { return certs }), false, join.ErrInvalid},
		{"only the key", parts(func(_ *testing.T, _, key []byte) []byte { return key }), false, join.ErrInvalid},
		{"invalid certificate", parts(text("x")), false, join.ErrInvalid},
		{"invalid kubeconfig", func(t *testing.T, _ *cluster, l join.Layout) { t.Helper(); overwrite(t, l.Kubeconfig(), []byte("x")) }, false, join.ErrInvalid},
		{"empty kubeconfig", func(t *testing.T, _ *cluster, l join.Layout) { t.Helper(); overwrite(t, l.Kubeconfig(), nil) }, false, join.ErrInvalid},
		{"other names in the kubeconfig", conf("default-cluster", "kubernetes"), false, nil},
		{"no such context", conf("current-context: default-context", "current-context: other"), false, join.ErrInvalid},
		{"another certificate in the kubeconfig", conf("client-certificate: kubelet", "client-certificate: other"), false, join.ErrInvalid},
		{"another key in the kubeconfig", conf("client-key: kubelet", "client-key: other"), false, join.ErrInvalid},
		{"another CA file", func(t *testing.T, _ *cluster, l join.Layout) {
			t.Helper()
			overwrite(t, l.CA(), certpem.Encode(newCA(t).Certificate))
		}, false, join.ErrForeign},
		{"server without TLS", conf("server: https://", "server: http://"), false, join.ErrInvalid},
		{"no CA", conf("certificate-authority-data: ", "tls-server-name: "), false, join.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, _ := joined(t)
			dir := filepath.Dir(opts.Layout.Current())
			test.change(t, cluster, opts.Layout)
			before := files(t, dir)
			ctx, pass := testctx.WithDeadline(t.Context())
			opts.Observer = func(event kubeclient.Event) {
				if event.Waiting != nil {
					pass()
				}
			} // without the check it would wait forever
			result, err := join.Run(ctx, opts)
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			if want := err == nil && !test.again; result.AlreadyJoined != want {
				t.Errorf("already joined: %v, want %v", result.AlreadyJoined, want)
			}
			if want := map[bool]int{false: 1, true: 2}[test.again]; cluster.asked() != want {
				t.Errorf("%d certificates were requested, want %d", cluster.asked(), want)
			}
			if after := files(t, dir); !test.again && !maps.Equal(before, after) {
				t.Error("the files were changed")
			}
		})
	}
}
