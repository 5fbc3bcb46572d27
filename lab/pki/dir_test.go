package pki_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/pki"
)

func TestEnsure(t *testing.T) {
	day := 24 * time.Hour
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name    string
		later   time.Duration
		spoil   string // a file that is removed first
		renewed []string
	}{
		{name: "same day"},
		{name: "31 days before the expiration", later: 334 * day},
		{name: "29 days before the expiration", later: 336 * day, renewed: []string{"apiserver", "admin", "controller-manager"}},
		{name: "certificate lost", spoil: "admin.crt", renewed: []string{"admin"}},
		{name: "key lost", spoil: "apiserver.key", renewed: []string{"apiserver"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := pki.Dir{Path: filepath.Join(t.TempDir(), lab.PKIDir), Now: start}
			ensure(t, d)
			before := contents(t, d)
			if tt.spoil != "" {
				if err := os.Remove(d.File(tt.spoil)); err != nil {
					t.Fatal(err)
				}
			}
			d.Now = start.Add(tt.later)
			ensure(t, d)
			want := map[string]bool{}
			for _, name := range tt.renewed {
				want[name+".crt"], want[name+".key"] = true, true
			}
			for name, now := range contents(t, d) {
				if bytes.Equal(now, before[name]) == want[name] {
					t.Errorf("%s: renewed %v, want %v", name, !want[name], want[name])
				}
			}
		})
	}
}

// TestEnsure_KeepsCA checks for an error instead of a new CA when the CA's key is missing.
func TestEnsure_KeepsCA(t *testing.T) {
	d := pki.Dir{Path: filepath.Join(t.TempDir(), lab.PKIDir), Now: time.Now()}
	ensure(t, d)
	if err := os.Remove(d.File("ca.key")); err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(); err == nil {
		t.Error("no error")
	}
}

func TestIssue(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	d := pki.Dir{Path: filepath.Join(dir, lab.PKIDir), Now: now}
	ensure(t, d)
	ca, err := pki.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Leaf{CommonName: "proxy", DNSNames: []string{"proxy.test"}, Server: true}, now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Cert)
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: "proxy.test", Roots: roots, CurrentTime: now}); err != nil {
		t.Error(err)
	}
}

func ensure(t *testing.T, d pki.Dir) {
	t.Helper()
	if err := d.Ensure(); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, d pki.Dir) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		data, err := os.ReadFile(d.File(entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = data
	}
	return files
}
