package join_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

// probe returns options that only check existing node credentials.
func probe(opts join.Options) join.Options {
	opts.NodeName, opts.DryRun = "", true
	opts.Discovery.Endpoints, opts.Discovery.Pins = nil, nil
	return opts
}

func TestProbe(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*testing.T, *cluster, *join.Options)
		wantErr error
	}{
		{"good", func(*testing.T, *cluster, *join.Options) {}, nil},
		{"another node name", func(_ *testing.T, _ *cluster, o *join.Options) { o.NodeName = "worker-2" }, join.ErrForeign},
		{"no files", func(t *testing.T, _ *cluster, o *join.Options) { t.Helper(); o.Layout = join.OutDir(t.TempDir()) }, join.ErrNotJoined},
		{"expired", func(_ *testing.T, _ *cluster, o *join.Options) {
			o.Discovery.Client.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		}, join.ErrExpired},
		{"rejected", func(_ *testing.T, c *cluster, _ *join.Options) { c.rejectNodes = true }, join.ErrRejected},
		{"authenticated as another node", func(_ *testing.T, c *cluster, _ *join.Options) { c.mistaken = true }, join.ErrRejected},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, _ := joined(t)
			before := files(t, filepath.Dir(opts.Layout.Current()))
			checks := probe(opts)
			test.change(t, cluster, &checks)
			result, err := join.Run(t.Context(), checks)
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			if err == nil && (!result.AlreadyJoined || result.NodeName != "worker-1" || result.Server != cluster.endpoint || len(result.Roots) != 1) {
				t.Errorf("result %+v", result)
			}
			if !maps.Equal(before, files(t, filepath.Dir(opts.Layout.Current()))) {
				t.Error("the files were changed")
			}
		})
	}
}

// A node keeps the address with which it joined, and reports other ones.
func TestJoin_KeepsAddress(t *testing.T) {
	cluster, opts, _ := joined(t)
	other := clusterinfo.Endpoint("192.0.2.1:6443")
	tests := []struct {
		name   string
		change func(*join.Options)
		want   []clusterinfo.Endpoint
	}{
		{"the same", func(*join.Options) {}, nil},
		{"none", func(o *join.Options) { o.Discovery.Endpoints = nil }, nil},
		{"another", func(o *join.Options) { o.Discovery.Endpoints = []clusterinfo.Endpoint{other} }, []clusterinfo.Endpoint{other}},
		{"the same and another", func(o *join.Options) { o.Discovery.Endpoints = append(o.Discovery.Endpoints, other) }, nil},
		{"another in a file", func(o *join.Options) {
			o.File = &join.File{Server: other, CAs: []*x509.Certificate{cluster.ca.Certificate}}
		}, []clusterinfo.Endpoint{other}},
		{"another with force", func(o *join.Options) { o.Force, o.Discovery.Endpoints = true, []clusterinfo.Endpoint{other} }, []clusterinfo.Endpoint{other}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changed := opts
			changed.Discovery.Endpoints = slices.Clone(opts.Discovery.Endpoints)
			test.change(&changed)
			result, err := join.Run(t.Context(), changed)
			if err != nil || !result.AlreadyJoined || result.Server != cluster.endpoint || !slices.Equal(result.Unused, test.want) {
				t.Errorf("server %s, unused %q, error %v, want %s and %q", result.Server, result.Unused, err, cluster.endpoint, test.want)
			}
		})
	}
}

// Files are repaired, and in a dry run only listed.
func TestJoin_Repairs(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, join.Layout)
		file   func(join.Layout) string // that is repaired
	}{
		{"no CA file", func(t *testing.T, l join.Layout) { t.Helper(); remove(t, l.CA()) }, join.Layout.CA},
		{"kubeconfig readable by everyone", func(t *testing.T, l join.Layout) { t.Helper(); chmod(t, l.Kubeconfig()) }, join.Layout.Kubeconfig},
		{"key readable by everyone", func(t *testing.T, l join.Layout) { t.Helper(); chmod(t, l.Current()) }, pairOf},
		{"pending key with a certificate", func(t *testing.T, l join.Layout) {
			t.Helper()
			_, key := certpem.Split(read(t, l.Current()))
			overwrite(t, waiting(l), key)
		}, waiting},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, opts, _ := joined(t)
			test.change(t, opts.Layout)
			want := []string{test.file(opts.Layout)}
			for _, dry := range []bool{true, false} {
				checks := probe(opts)
				checks.DryRun = dry
				result, err := join.Run(t.Context(), checks)
				if err != nil || !slices.Equal(result.Repaired, want) {
					t.Errorf("dry run %v: repaired %q, want %q (%v)", dry, result.Repaired, want, err)
				}
			}
			result, err := join.Run(t.Context(), probe(opts))
			if err != nil || len(result.Repaired) > 0 {
				t.Errorf("after the repair: repaired %q (%v)", result.Repaired, err)
			}
			for path, mode := range map[string]fs.FileMode{opts.Layout.CA(): 0o644, opts.Layout.Kubeconfig(): 0o600, opts.Layout.Current(): 0o600} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
					t.Errorf("%s: %v, %v", path, info, err)
				}
			}
		})
	}
}

func waiting(l join.Layout) string { return filepath.Join(filepath.Dir(l.Current()), pendingName) }

func pairOf(l join.Layout) string {
	target, err := os.Readlink(l.Current())
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(l.Current()), target)
}

func chmod(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Force replaces files for another node or cluster and invalid files, but not valid ones.
func TestJoin_Force(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, *cluster, *join.Options)
		again  bool
	}{
		{"good", func(*testing.T, *cluster, *join.Options) {}, false},
		{"another node's", func(_ *testing.T, _ *cluster, o *join.Options) { o.NodeName = "worker-2" }, true},
		{"another cluster's", func(t *testing.T, _ *cluster, o *join.Options) {
			t.Helper()
			*o = newCluster(t).options(o.Layout)
		}, true},
		{"garbage", func(t *testing.T, _ *cluster, o *join.Options) {
			t.Helper()
			overwrite(t, o.Layout.Kubeconfig(), []byte("x"))
		}, true},
		{"another CA file", func(t *testing.T, _ *cluster, o *join.Options) {
			t.Helper()
			overwrite(t, o.Layout.CA(), certpem.Encode(newCA(t).Certificate))
			overwrite(t, o.Layout.Kubeconfig(), []byte("x"))
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, _ := joined(t)
			test.change(t, cluster, &opts)
			if _, err := join.Run(t.Context(), opts); (err != nil) != test.again {
				t.Fatalf("without force: %v", err)
			}
			opts.Force = true
			result, err := join.Run(t.Context(), opts)
			if err != nil || result.AlreadyJoined == test.again {
				t.Errorf("result %+v, error %v", result, err)
			}
			opts.Force = false
			if result, err := join.Run(t.Context(), opts); err != nil || !result.AlreadyJoined {
				t.Errorf("after Force: %+v, %v", result, err)
			}
		})
	}
}

// An existing CA file must have the cluster's CA.
func TestJoin_KeepsCAFile(t *testing.T) {
	cluster := newCluster(t)
	opts := cluster.options(join.OutDir(t.TempDir()))
	text := certpem.Encode(cluster.ca.Certificate, newCA(t).Certificate)
	overwrite(t, opts.Layout.CA(), text)
	if _, err := join.Run(t.Context(), opts); !errors.Is(err, join.ErrForeign) || cluster.asked() > 0 {
		t.Errorf("error = %v after %d CSRs, want ErrForeign and no CSR", err, cluster.asked())
	}
	if string(read(t, opts.Layout.CA())) != string(text) {
		t.Error("the CA file was changed")
	}
	overwrite(t, opts.Layout.CA(), certpem.Encode(cluster.ca.Certificate))
	if _, err := join.Run(t.Context(), opts); err != nil {
		t.Error(err)
	}
}

// A dry run creates nothing on this machine or in the cluster.
func TestJoin_DryRun(t *testing.T) {
	cluster := newCluster(t)
	root := filepath.Join(t.TempDir(), "none")
	opts := cluster.options(join.RootFS(root))
	opts.DryRun = true
	result, err := join.Run(t.Context(), opts)
	if err != nil || result.Certificate != nil || result.Requested || !strings.HasPrefix(result.RequestName, "node-csr-") || cluster.asked() > 0 {
		t.Errorf("result %+v, error %v, %d CSRs", result, err, cluster.asked())
	}
	if _, err := os.Lstat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the directory was created")
	}
	opts.Discovery.Pins = []clusterinfo.Pin{{}}
	if _, err := join.Run(t.Context(), opts); !errors.Is(err, clusterinfo.ErrPinMismatch) {
		t.Errorf("error = %v, want ErrPinMismatch", err)
	}
	overwrite(t, root, nil) // a file instead of a directory
	opts = cluster.options(join.RootFS(root))
	opts.DryRun = true
	var path *fs.PathError
	if _, err := join.Run(t.Context(), opts); !errors.As(err, &path) {
		t.Errorf("error = %v, want a path error", err)
	}
}

// A deleted CSR is submitted once more, with the same key.
func TestJoin_ResubmitsCSR(t *testing.T) {
	for deletions, wantErr := range []error{nil, nil, csr.ErrNotFound} {
		cluster := newCluster(t)
		cluster.deletes = deletions
		opts := cluster.options(join.OutDir(t.TempDir()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := join.Run(ctx, opts); !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			t.Errorf("after %d deletions: %v, want %v", deletions, err, wantErr)
		}
		if cluster.asked() > 1 {
			t.Errorf("after %d deletions: %d CSRs, want one name", deletions, cluster.asked())
		}
	}
}

// Nothing is read or written through a link that leads out of the root.
func TestLayout_WithinRoot(t *testing.T) {
	outside := t.TempDir()
	tests := []struct {
		name string
		link string // below the root
		to   string
		want error
	}{
		{"inside", "var/lib/kubelet", "../../data", nil},
		{"outside", "var/lib/kubelet", outside, durable.ErrOutside},
		{"outside, parent directory", "etc", outside, durable.ErrOutside},
		{"current, to another directory", "var/lib/kubelet/pki/kubelet-client-current.pem", filepath.Join(outside, "x.pem"), durable.ErrOutside},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster := newCluster(t)
			root := t.TempDir()
			link := filepath.Join(root, test.link)
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.MkdirAll(filepath.Join(root, "data"), 0o755), os.Symlink(test.to, link)); err != nil {
				t.Fatal(err)
			}
			_, err := join.Run(t.Context(), cluster.options(join.RootFS(root)))
			if !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
			if left := files(t, outside); len(left) > 0 {
				t.Errorf("files outside the root: %v", left)
			}
			if test.want != nil && cluster.asked() > 0 {
				t.Error("a CSR was submitted")
			}
		})
	}
}

// Absolute paths that a kubelet inside the root has written are relative to the root.
func TestJoin_KubeletPaths(t *testing.T) {
	cluster := newCluster(t)
	root := t.TempDir()
	opts := cluster.options(join.RootFS(root))
	if _, err := join.Run(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	pair := filepath.Base(pairOf(opts.Layout))
	text := strings.ReplaceAll(string(read(t, opts.Layout.Kubeconfig())), "../../var/lib", "/var/lib")
	overwrite(t, opts.Layout.Kubeconfig(), []byte(text))
	for _, dir := range []string{"/var/lib/kubelet/pki", filepath.Join(root, "var/lib/kubelet/pki")} {
		remove(t, opts.Layout.Current())
		if err := os.Symlink(filepath.Join(dir, pair), opts.Layout.Current()); err != nil {
			t.Fatal(err)
		}
		if result, err := join.Run(t.Context(), probe(opts)); err != nil || !result.AlreadyJoined {
			t.Errorf("link to %s: %+v, %v", dir, result, err)
		}
	}
}

func TestJoin_RemovesTempFiles(t *testing.T) {
	cluster := newCluster(t)
	dir := t.TempDir()
	other := filepath.Join(dir, ".mine.1.tmp")
	overwrite(t, other, nil)
	for _, name := range []string{".kubelet.conf.1.tmp", ".ca.crt.22.tmp", ".kubelet-client.key.tmp.3.tmp", ".kubelet-client-2026-01-01-00-00-00.pem.4.tmp"} {
		overwrite(t, filepath.Join(dir, name), []byte("half"))
	}
	if err := os.MkdirAll(filepath.Join(dir, ".kubelet-client-current.pem.5.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := join.Run(t.Context(), cluster.options(join.OutDir(dir))); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 1 || left[0] != other {
		t.Errorf("left: %v (%v)", left, err)
	}
}
