package join

import (
	"io/fs"
	"path/filepath"
	"time"
)

// Layout says where the files of a node's identity are. No other code joins
// their paths.
type Layout struct {
	kubeconfig, ca, pki string
	// fromKubeconfig leads from the directory of the kubeconfig to pki.
	fromKubeconfig string
}

// RootFS is the layout of the kubelet below root, which is "/" on the machine
// itself and another directory when an image is prepared.
func RootFS(root string) Layout {
	return Layout{
		kubeconfig:     filepath.Join(root, "etc", "kubernetes", "kubelet.conf"),
		ca:             filepath.Join(root, "etc", "kubernetes", "pki", "ca.crt"),
		pki:            filepath.Join(root, "var", "lib", "kubelet", "pki"),
		fromKubeconfig: filepath.Join("..", "..", "var", "lib", "kubelet", "pki"),
	}
}

// OutDir is the same files in one directory.
func OutDir(dir string) Layout {
	return Layout{kubeconfig: filepath.Join(dir, "kubelet.conf"), ca: filepath.Join(dir, "ca.crt"), pki: dir}
}

// Kubeconfig is the kubeconfig of the node, which refers to its certificate by a
// relative path.
func (l Layout) Kubeconfig() string { return l.kubeconfig }

// CA is the CA certificates that the node trusts.
func (l Layout) CA() string { return l.ca }

// Current is the link to the certificate and key in use.
func (l Layout) Current() string { return filepath.Join(l.pki, currentName) }

const currentName = "kubelet-client-current.pem"

// pendingKey is where the kubelet, too, keeps a key that has no certificate yet.
func (l Layout) pendingKey() string { return filepath.Join(l.pki, "kubelet-client.key.tmp") }

// pair is the file for a certificate that came at the given time, with its key.
func (l Layout) pair(at time.Time) string {
	return filepath.Join(l.pki, "kubelet-client-"+at.Format("2006-01-02-15-04-05")+".pem")
}

// currentFromKubeconfig is the path of Current as the kubeconfig has it.
func (l Layout) currentFromKubeconfig() string {
	return filepath.Join(l.fromKubeconfig, currentName)
}

// files are the files to write, with the type of each.
func (l Layout) files() map[string]fs.FileMode {
	return map[string]fs.FileMode{l.kubeconfig: 0, l.ca: 0, l.pendingKey(): 0, l.Current(): fs.ModeSymlink}
}

// dirs are the directories to create.
func (l Layout) dirs() []string {
	return []string{filepath.Dir(l.kubeconfig), filepath.Dir(l.ca), l.pki}
}
