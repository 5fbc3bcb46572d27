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

// Layout has the paths of a node's credentials. No other code builds these paths.
type Layout struct {
	// root is the directory that contains all paths.
	root                string
	kubeconfig, ca, pki string
}

// RootFS returns the kubelet's layout below root, which is "/" on the machine itself and
// another directory to prepare an image.
func RootFS(root string) Layout {
	return Layout{
		root:       root,
		kubeconfig: filepath.Join(root, "etc", "kubernetes", "kubelet.conf"),
		ca:         filepath.Join(root, "etc", "kubernetes", "pki", "ca.crt"),
		pki:        filepath.Join(root, "var", "lib", "kubelet", "pki"),
	}
}

// OutDir returns the layout of the same files in one directory: kubelet.conf, ca.crt and
// kubelet-client-current.pem, a link to the file with certificate and key. While a join
// waits, and after it failed, the key is in kubelet-client.key.tmp; the next join uses it.
func OutDir(dir string) Layout {
	return Layout{root: dir, kubeconfig: filepath.Join(dir, "kubelet.conf"), ca: filepath.Join(dir, "ca.crt"), pki: dir}
}

// Kubeconfig returns the path of the node's kubeconfig, which refers to its certificate by
// a relative path.
func (l Layout) Kubeconfig() string { return l.kubeconfig }

// CA returns the path of the CA certificates that the node trusts.
func (l Layout) CA() string { return l.ca }

// Current returns the path of the link to the current certificate and key.
func (l Layout) Current() string { return filepath.Join(l.pki, "kubelet-client-current.pem") }

// pendingKey is the file for a key without a certificate, as the kubelet has it.
func (l Layout) pendingKey() string { return filepath.Join(l.pki, "kubelet-client.key.tmp") }

// pair returns the file for the certificate that is valid from the given time, with its
// key. It is always the same file for the same certificate.
func (l Layout) pair(notBefore time.Time) string {
	return filepath.Join(l.pki, "kubelet-client-"+notBefore.UTC().Format("2006-01-02-15-04-05")+".pem")
}

// currentPair returns the file to which Current links, or an error that matches
// ErrNotJoined if there is no link. A link to another directory is not followed.
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

// relocate returns the location of an absolute path that a kubelet has written: the root may
// have been the kubelet's file system root.
func (l Layout) relocate(path string) string {
	root := filepath.Clean(l.root)
	if path == root || strings.HasPrefix(path, strings.TrimSuffix(root, "/")+"/") || l.pki == l.root {
		return filepath.Clean(path)
	}
	return filepath.Join(root, path)
}

// referred returns the file to which a path in the kubeconfig refers.
func (l Layout) referred(path string) string {
	if filepath.IsAbs(path) {
		return l.relocate(path)
	}
	return filepath.Join(filepath.Dir(l.kubeconfig), path)
}

// dirs returns the directories to create.
func (l Layout) dirs() []string {
	return []string{filepath.Dir(l.kubeconfig), filepath.Dir(l.ca), l.pki}
}

// each calls do for each path until it returns an error.
func each(paths []string, do func(path string) error) error {
	for _, path := range paths {
		if err := do(path); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error if a path has a file that join does not replace, or leads out of
// the root. It is called before anything is read.
func (l Layout) check() error {
	if err := each(l.dirs(), func(dir string) error { return durable.CheckWithin(l.root, dir) }); err != nil {
		return err
	}
	files := map[string]fs.FileMode{l.kubeconfig: 0, l.ca: 0, l.pendingKey(): 0, l.Current(): fs.ModeSymlink}
	switch pair, err := l.currentPair(); {
	case err == nil:
		files[pair] = 0
	case errors.Is(err, durable.ErrOutside): // for other errors, the files are checked
		return err
	}
	for path, kind := range files {
		if err := durable.CheckReplaceable(path, kind); err != nil {
			return err
		}
	}
	return nil
}

// writable returns an error if the files cannot be written.
func (l Layout) writable() error { return each(l.dirs(), durable.Writable) }

// create creates the directories, unless the files cannot be written.
func (l Layout) create() error {
	if err := l.writable(); err != nil {
		return err
	}
	return each(l.dirs(), func(dir string) error { return durable.MkdirAll(dir, 0o755) })
}

// removeTempFiles removes incomplete files of a join that was killed.
func (l Layout) removeTempFiles() error {
	paths := []string{l.kubeconfig, l.ca, l.pendingKey(), l.Current(), filepath.Join(l.pki, "kubelet-client-*.pem")} // any pair
	return each(paths, durable.RemoveTempFiles)
}
