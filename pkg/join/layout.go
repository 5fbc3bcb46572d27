package join

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/durable"
)

// Layout says where the files of a node's identity are. No other code joins
// their paths.
type Layout struct {
	// root is what no path may leave.
	root                string
	kubeconfig, ca, pki string
}

// RootFS is the layout of the kubelet below root, which is "/" on the machine
// itself and another directory when an image is prepared.
func RootFS(root string) Layout {
	return Layout{
		root:       root,
		kubeconfig: filepath.Join(root, "etc", "kubernetes", "kubelet.conf"),
		ca:         filepath.Join(root, "etc", "kubernetes", "pki", "ca.crt"),
		pki:        filepath.Join(root, "var", "lib", "kubelet", "pki"),
	}
}

// OutDir is the layout of the same files in one directory: kubelet.conf, ca.crt and
// kubelet-client-current.pem, a link to the pair of certificate and key. While a join
// waits, and after one that failed, the key is in kubelet-client.key.tmp; the next join
// uses it.
func OutDir(dir string) Layout {
	return Layout{root: dir, kubeconfig: filepath.Join(dir, "kubelet.conf"), ca: filepath.Join(dir, "ca.crt"), pki: dir}
}

// Kubeconfig is the kubeconfig of the node, which refers to its certificate by a
// relative path.
func (l Layout) Kubeconfig() string { return l.kubeconfig }

// CA is the CA certificates that the node trusts.
func (l Layout) CA() string { return l.ca }

// Current is the link to the certificate and key in use.
func (l Layout) Current() string { return filepath.Join(l.pki, "kubelet-client-current.pem") }

// pendingKey is where the kubelet, too, keeps a key that has no certificate yet.
func (l Layout) pendingKey() string { return filepath.Join(l.pki, "kubelet-client.key.tmp") }

// pair is the file for the certificate that is valid from the given time, with its
// key: the same one whenever that certificate is stored.
func (l Layout) pair(notBefore time.Time) string {
	return filepath.Join(l.pki, "kubelet-client-"+notBefore.UTC().Format("2006-01-02-15-04-05")+".pem")
}

// currentPair is the file that Current leads to. A link that leads out of its
// directory is not followed. It returns an error that matches ErrNotJoined when there is
// none.
func (l Layout) currentPair() (string, error) {
	target, err := os.Readlink(l.Current())
	if err != nil {
		return "", notJoined(err, l.Current())
	}
	if dir := filepath.Dir(target); dir != "." && l.relocate(dir) != filepath.Clean(l.pki) {
		return "", fmt.Errorf("%s: %w %s, to %s", l.Current(), durable.ErrOutside, l.pki, target)
	}
	return filepath.Join(l.pki, filepath.Base(target)), nil
}

// relocate is where an absolute path that a kubelet has written is found: the kubelet
// may have seen the tree from inside.
func (l Layout) relocate(path string) string {
	root := filepath.Clean(l.root)
	if path == root || strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/") || l.pki == l.root {
		return filepath.Clean(path)
	}
	return filepath.Join(root, path)
}

// referred is the file that the kubeconfig means by a path.
func (l Layout) referred(path string) string {
	if filepath.IsAbs(path) {
		return l.relocate(path)
	}
	return filepath.Join(filepath.Dir(l.kubeconfig), path)
}

// dirs are the directories to create.
func (l Layout) dirs() []string {
	return []string{filepath.Dir(l.kubeconfig), filepath.Dir(l.ca), l.pki}
}

// each calls do for one path after the other, until it returns an error.
func each(paths []string, do func(path string) error) error {
	for _, path := range paths {
		if err := do(path); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error when something that join would not replace stands in the
// way, or a path leads out of the root. Nothing is read before that.
func (l Layout) check() error {
	if err := each(l.dirs(), func(dir string) error { return durable.CheckWithin(l.root, dir) }); err != nil {
		return err
	}
	files := map[string]fs.FileMode{l.kubeconfig: 0, l.ca: 0, l.pendingKey(): 0, l.Current(): fs.ModeSymlink}
	switch pair, err := l.currentPair(); {
	case err == nil:
		files[pair] = 0
	case errors.Is(err, durable.ErrOutside): // else the files tell what it is
		return err
	}
	for path, kind := range files {
		if err := durable.CheckReplaceable(path, kind); err != nil {
			return err
		}
	}
	return nil
}

// writable returns an error when the files could not be written.
func (l Layout) writable() error { return each(l.dirs(), durable.Writable) }

// create makes the directories, unless the files could not be written.
func (l Layout) create() error {
	if err := l.writable(); err != nil {
		return err
	}
	return each(l.dirs(), func(dir string) error { return durable.MkdirAll(dir, 0o755) })
}

// removeTempFiles removes what a join that was killed left half written.
func (l Layout) removeTempFiles() error {
	paths := []string{l.kubeconfig, l.ca, l.pendingKey(), l.Current(), filepath.Join(l.pki, "kubelet-client-*.pem")} // any pair
	return each(paths, durable.RemoveTempFiles)
}
