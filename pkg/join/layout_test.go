package join_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

func TestLayout(t *testing.T) {
	tests := []struct {
		name   string
		layout join.Layout
		want   [3]string // kubeconfig, CA, current
	}{
		{"the machine itself", join.RootFS("/"), [3]string{
			"/etc/kubernetes/kubelet.conf", "/etc/kubernetes/pki/ca.crt", "/var/lib/kubelet/pki/kubelet-client-current.pem",
		}},
		{"an image", join.RootFS("/mnt/image/"), [3]string{
			"/mnt/image/etc/kubernetes/kubelet.conf", "/mnt/image/etc/kubernetes/pki/ca.crt", "/mnt/image/var/lib/kubelet/pki/kubelet-client-current.pem",
		}},
		{"a relative root", join.RootFS("image"), [3]string{
			"image/etc/kubernetes/kubelet.conf", "image/etc/kubernetes/pki/ca.crt", "image/var/lib/kubelet/pki/kubelet-client-current.pem",
		}},
		{"one directory", join.OutDir("/out"), [3]string{"/out/kubelet.conf", "/out/ca.crt", "/out/kubelet-client-current.pem"}},
		{"here", join.OutDir("."), [3]string{"kubelet.conf", "ca.crt", "kubelet-client-current.pem"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := [3]string{test.layout.Kubeconfig(), test.layout.CA(), test.layout.Current()}; got != test.want {
				t.Errorf("files = %q, want %q", got, test.want)
			}
		})
	}
}

// The files are valid where they were written and after they were moved.
func TestJoin_RelocatableTree(t *testing.T) {
	for name, layout := range map[string]func(string) join.Layout{"root": join.RootFS, "one directory": join.OutDir} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			before, after := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
			if _, err := join.Run(t.Context(), cluster.options(layout(before))); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(before, after); err != nil {
				t.Fatal(err)
			}
			config, err := clientcmd.BuildConfigFromFlags("", layout(after).Kubeconfig())
			if err != nil {
				t.Fatal(err)
			}
			if config.CertFile != layout(after).Current() || config.KeyFile != layout(after).Current() {
				t.Errorf("certificate %s, key %s, want %s", config.CertFile, config.KeyFile, layout(after).Current())
			}
			if text, err := os.ReadFile(config.CertFile); err != nil || len(text) == 0 {
				t.Errorf("the certificate cannot be read: %v", err)
			}
			result, err := join.Run(t.Context(), cluster.options(layout(after)))
			if err != nil || !result.AlreadyJoined {
				t.Errorf("result %+v, error %v, want it already joined", result, err)
			}
		})
	}
}

func TestJoin_MissingFiles(t *testing.T) {
	for name, file := range map[string]func(join.Layout) string{
		"kubeconfig": join.Layout.Kubeconfig, "current link": join.Layout.Current,
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t)
			opts := cluster.options(join.RootFS(t.TempDir()))
			if _, err := join.Run(t.Context(), opts); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(file(opts.Layout)); err != nil {
				t.Fatal(err)
			}
			result, err := join.Run(t.Context(), opts)
			if err != nil || result.AlreadyJoined || result.Username != "system:node:worker-1" {
				t.Errorf("result %+v, error %v", result, err)
			}
			for _, path := range []string{opts.Layout.Kubeconfig(), opts.Layout.Current(), opts.Layout.CA()} {
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
			}
			if again, err := join.Run(t.Context(), opts); err != nil || !again.AlreadyJoined {
				t.Errorf("second join: %+v, error %v", again, err)
			}
		})
	}
}

func TestJoin_CorruptKey(t *testing.T) {
	key, err := csr.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good, err := csr.EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		kept       bool
	}{
		{"good", string(good), true},
		{"cut short", string(good[:len(good)-20]), false},
		{"not PEM", "garbage\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster := newCluster(t)
			dir := t.TempDir()
			pending := filepath.Join(dir, "kubelet-client.key.tmp")
			if err := os.WriteFile(pending, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			result, err := join.Run(t.Context(), cluster.options(join.OutDir(dir)))
			if err != nil {
				t.Fatal(err)
			}
			if kept := csr.Fingerprint(result.Certificate.PublicKey) == csr.Fingerprint(key.Public()); kept != test.kept {
				t.Errorf("the key on disk was kept: %v, want %v", kept, test.kept)
			}
			if _, err := os.Lstat(pending); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the pending key still exists (%v)", err)
			}
		})
	}
}

func TestJoin_UnreadableIdentity(t *testing.T) {
	tests := []struct {
		name string
		file func(join.Layout) string
		text string
	}{
		{"invalid kubeconfig", join.Layout.Kubeconfig, "{"},
		{"kubeconfig without the cluster", join.Layout.Kubeconfig, "apiVersion: v1\nkind: Config\n"},
		{"certificate file without a key", join.Layout.Current, "garbage"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster := newCluster(t)
			opts := cluster.options(join.OutDir(t.TempDir()))
			if _, err := join.Run(t.Context(), opts); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(test.file(opts.Layout), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := join.Run(t.Context(), opts); !errors.Is(err, join.ErrInvalid) {
				t.Errorf("error = %v, want ErrInvalid", err)
			}
			if text, err := os.ReadFile(test.file(opts.Layout)); err != nil || string(text) != test.text {
				t.Errorf("the file was changed to %q (%v)", text, err)
			}
		})
	}
}
