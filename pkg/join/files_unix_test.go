//go:build unix

package join_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/join"
)

func TestJoin_KubeletFiles(t *testing.T) {
	for _, umask := range []int{0, 0o077} {
		cluster := newCluster(t)
		root := t.TempDir()
		layout := join.RootFS(root)
		old := syscall.Umask(umask)
		result, err := join.Run(t.Context(), cluster.options(layout))
		syscall.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if result.AlreadyJoined || result.Username != "system:node:worker-1" || result.Certificate == nil {
			t.Errorf("result %+v", result)
		}
		for path, mode := range map[string]fs.FileMode{layout.Kubeconfig(): 0o600, layout.Current(): 0o600, layout.CA(): 0o644} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("umask %o: %s has mode %v, want %v (%v)", umask, path, info.Mode(), mode, err)
			}
		}
		text, err := os.ReadFile(layout.Kubeconfig())
		if err != nil || !strings.Contains(string(text), "client-key: ../../var/lib/kubelet/pki/kubelet-client-current.pem") {
			t.Errorf("the kubeconfig has no relative path (%v):\n%s", err, text)
		}
		if link, err := os.Readlink(layout.Current()); err != nil || link != filepath.Base(link) {
			t.Errorf("the link leads to %q (%v)", link, err)
		}
		if left, _ := filepath.Glob(filepath.Join(root, "var/lib/kubelet/pki/*.tmp")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		nothingHoldsTheToken(t, root)
	}
}

func TestJoin_NotAFile(t *testing.T) {
	tests := []struct {
		name, file string
		make       func(string) error
	}{
		{"a pipe for the kubeconfig", "kubelet.conf", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a link for the kubeconfig", "kubelet.conf", func(path string) error { return os.Symlink("elsewhere", path) }},
		{"a link for the pending key", "kubelet-client.key.tmp", func(path string) error { return os.Symlink("elsewhere", path) }},
		{"a directory for the CA", "ca.crt", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a file for the current link", "kubelet-client-current.pem", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := newCluster(t)
			dir := t.TempDir()
			if err := tt.make(filepath.Join(dir, tt.file)); err != nil {
				t.Fatal(err)
			}
			if _, err := join.Run(t.Context(), cluster.options(join.OutDir(dir))); !errors.Is(err, durable.ErrNotRegular) {
				t.Errorf("error = %v, want ErrNotRegular", err)
			}
			if len(cluster.requests) > 0 {
				t.Error("a CSR was submitted")
			}
		})
	}
}
