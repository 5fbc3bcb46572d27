package joinfaults

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

const (
	pendingName = "kubelet-client.key.tmp"
	oldPair     = "kubelet-client-2024-01-02-03-04-05.pem"
)

// joiner joins nodes to a control plane after setup, with one token.
type joiner struct {
	labtest.Admin
	token string // the file
	ca    []byte
}

func newJoiner(t *testing.T) joiner {
	t.Helper()
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	j := joiner{p, p.CreateTokenFile(t), labtest.ReadFile(t, p.Server.CAFile)}
	p.Eventually(t, "signature", func() bool { code, _, _ := p.Run(t, "cluster-info", "verify"); return code == 0 })
	return j
}

func (j joiner) args(node string, flags ...string) []string {
	return append([]string{"join", j.Server.URL(), "--token-file", j.token, "--ca-file", j.Server.CAFile, "--node-name", node, "--timeout", labtest.Hang.String()}, flags...)
}

// wantLocalFileError checks that a join ended with a LocalFile error and an empty stdout.
func wantLocalFileError(t *testing.T, what string, code int, stdout, stderr string) {
	t.Helper()
	if code != 10 || stdout != "" || !strings.Contains(stderr, "(LocalFile)") {
		t.Errorf("%s: exit code %d, want 10 and LocalFile, stdout %q, stderr\n%s", what, code, stdout, stderr)
	}
}

// writeExpiredIdentity writes node credentials that have just expired.
func (j joiner) writeExpiredIdentity(t *testing.T, node string, l join.Layout, kubeconfig []byte) {
	t.Helper()
	ca, err := pki.LoadCA(j.Server.Dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(pki.Leaf{CommonName: csr.NodeUserPrefix + node, Organization: []string{"system:nodes"}, Client: true}, time.Now().Add(-365*24*time.Hour-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Dir(l.Current())
	for path, text := range map[string][]byte{
		l.Kubeconfig(): kubeconfig, l.CA(): j.ca, filepath.Join(keys, oldPair): append(pair.Cert, pair.Key...),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o600)
		if path == l.CA() {
			mode = 0o644
		}
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(oldPair, l.Current()); err != nil {
		t.Fatal(err)
	}
}

// fileProblems returns the problems of the files of a join that may have been killed: each
// file must be missing or complete, and the kubeconfig must not refer to a missing file.
func (j joiner) fileProblems(l join.Layout) (wrong []string) {
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	mode := func(path string, want fs.FileMode) bool {
		info, err := os.Stat(path)
		if err == nil && info.Mode() != want {
			report("%s has mode %s", path, info.Mode())
		}
		return err == nil
	}
	keys := filepath.Dir(l.Current())
	if pending := filepath.Join(keys, pendingName); mode(pending, 0o600) {
		text, _ := os.ReadFile(pending)
		if _, err := csr.ParseKey(text); err != nil {
			report("the pending key: %v", err)
		}
	}
	pairs, _ := filepath.Glob(filepath.Join(keys, "kubelet-client-*.pem"))
	for _, pair := range pairs { // includes the link to one of them
		mode(pair, 0o600)
		if _, err := tls.LoadX509KeyPair(pair, pair); err != nil {
			report("%v", err)
		}
	}
	if mode(l.CA(), 0o644) {
		if text, _ := os.ReadFile(l.CA()); !bytes.Equal(text, j.ca) {
			report("ca.crt is %q", text)
		}
	}
	if !mode(l.Kubeconfig(), 0o600) {
		return wrong
	}
	config, err := clientcmd.LoadFromFile(l.Kubeconfig())
	if err != nil || len(config.AuthInfos) != 1 || len(config.Clusters) != 1 {
		return append(wrong, fmt.Sprintf("the kubeconfig: %v", err))
	}
	for _, user := range config.AuthInfos {
		for _, path := range []string{user.ClientCertificate, user.ClientKey} {
			if filepath.Join(filepath.Dir(l.Kubeconfig()), path) != l.Current() {
				report("the kubeconfig names %s", path)
			}
		}
	}
	if len(pairs) < 2 {
		report("there is a kubeconfig and %q", pairs)
	}
	if _, err := os.Stat(l.CA()); err != nil {
		report("there is a kubeconfig and no ca.crt")
	}
	return wrong
}

// incompleteFiles returns the problems of the files of a join that succeeded.
func (j joiner) incompleteFiles(l join.Layout) []string {
	wrong := j.fileProblems(l)
	if _, err := os.Stat(l.Kubeconfig()); err != nil {
		wrong = append(wrong, err.Error())
	}
	for _, dir := range []string{filepath.Dir(l.Kubeconfig()), filepath.Dir(l.CA()), filepath.Dir(l.Current())} {
		left, _ := filepath.Glob(filepath.Join(dir, "*.tmp"))
		for _, path := range left {
			wrong = append(wrong, "left behind: "+path)
		}
	}
	return wrong
}
