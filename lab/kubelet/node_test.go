//go:build kubelet

package kubelet

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cri-client/pkg/fake"

	"github.com/bootctl/bootctl/lab/labtest"
)

// The files that join writes below a root directory.
const (
	kubeconfigFile = "etc/kubernetes/kubelet.conf"
	caFile         = "etc/kubernetes/pki/ca.crt"
	currentFile    = "var/lib/kubelet/pki/kubelet-client-current.pem"
	pendingFile    = "var/lib/kubelet/pki/kubelet-client.key.tmp"
)

// cluster is a prepared control plane.
type cluster struct {
	*labtest.Server
	pin string
}

// start starts a control plane without the given controllers, and prepares it.
func start(t *testing.T, without ...string) cluster {
	t.Helper()
	server, err := labtest.Start(filepath.Join(t.TempDir(), "lab"), without...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := cluster{Server: server}
	c.run(t, "bootctl", "setup", "--endpoint", c.URL())
	c.pin = c.run(t, "bootctl", "cluster-info", "show", "-o", "jsonpath={.caCertificates[0].pin}")
	return c
}

func (c cluster) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := c.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// token writes a new token to a file and returns the file.
func (c cluster) token(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(c.run(t, "bootctl", "token", "create")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c cluster) joinArgs(name, token, root string) []string {
	return []string{"join", c.URL(), "--token-file", token, "--ca-cert-hash", c.pin, "--node-name", name, "--rootfs", root}
}

// requests returns the names of the node's CSRs.
func (c cluster) requests(t *testing.T, node string) []string {
	t.Helper()
	return strings.Fields(c.run(t, "bootctl", "csr", "list", "-o",
		fmt.Sprintf(`go-template={{range .items}}{{if eq .nodeName %q}}{{.name}} {{end}}{{end}}`, node)))
}

// root returns a new directory with a path that is short enough for the kubelet's
// sockets.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "node") //nolint:usetesting // the path of t.TempDir is too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "root")
}

// whoami returns the user that the kubeconfig in root authenticates as.
func (c cluster) whoami(t *testing.T, root string) string {
	t.Helper()
	return c.run(t, "kubectl", "auth", "whoami", "--kubeconfig", filepath.Join(root, kubeconfigFile), "-o", "jsonpath={.status.userInfo.username}")
}

// runtime starts a container runtime that responds to the kubelet and runs nothing.
func runtime(t *testing.T, socket string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	r := fake.NewFakeRemoteRuntime()
	if err := r.Start("unix://" + socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
}

// node is where and how a kubelet runs.
type node struct {
	name, root string
	chroot     string   // equal to root if the kubelet runs inside it
	clientCA   string   // verifies the kubelet's clients, if join has not written a CA
	rotate     bool     // rotateCertificates
	args       []string // additional flags
}

// path returns the path below root from the kubelet's view.
func (n node) path(below string) string {
	if n.chroot != "" {
		return "/" + below
	}
	return filepath.Join(n.root, below)
}

// kubelet starts the kubelet and kills it when the test ends, or when the
// returned function is called.
func (n node) kubelet(t *testing.T) (kill func()) {
	t.Helper()
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	runtime(t, filepath.Join(n.root, "run/cri.sock"))
	n.configure(t)
	args := append([]string{
		"--config", n.path("kubelet.yaml"), "--kubeconfig", n.path(kubeconfigFile), "--hostname-override", n.name,
		"--cert-dir", n.path("var/lib/kubelet/pki"), "--root-dir", n.path("var/lib/kubelet"), "--v", "2",
	}, n.args...)
	cmd := n.isolated(t, filepath.Join(bin, "kubelet"), args)
	log, err := os.Create(filepath.Join(t.TempDir(), "kubelet.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		kill()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the end of the kubelet's log:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return kill
}

// isolated returns the kubelet's command in its own mount namespace, with a separate
// directory for device plugins, which no flag can change.
func (n node) isolated(t *testing.T, kubelet string, args []string) *exec.Cmd {
	t.Helper()
	for _, tool := range []string{"unshare", "mount", "chroot"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("BOOTCTL_NO_SKIP") == "" {
			t.Skip(err)
		}
	}
	script := `mkdir -p /var/lib/kubelet; mount -t tmpfs none /var/lib/kubelet; exec "$@"`
	if n.chroot != "" {
		n.furnish(t, kubelet)
		kubelet = "/kubelet"
		script = `mount --bind "$ROOT" "$ROOT"; for dir in proc sys dev; do mount --rbind "/$dir" "$ROOT/$dir"; done; exec chroot "$ROOT" "$@"`
	}
	cmd := exec.Command("unshare", append([]string{"-m", "sh", "-euc", script, "sh", kubelet}, args...)...)
	cmd.Env = append(os.Environ(), "ROOT="+n.chroot)
	return cmd
}

// furnish creates what a kubelet needs in addition to the files of join.
func (n node) furnish(t *testing.T, kubelet string) {
	t.Helper()
	text, err := os.ReadFile(kubelet)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.root, "kubelet"), text, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"proc", "sys", "dev", "tmp"} {
		if err := os.MkdirAll(filepath.Join(n.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0::/:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(n.root, "etc", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// configure writes a kubelet configuration that works without a container runtime and
// without cgroups.
func (n node) configure(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port // listen created it
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	clientCA := n.clientCA
	if clientCA == "" {
		clientCA = n.path(caFile)
	}
	text := fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: %d
healthzPort: 0
authentication:
  anonymous:
    enabled: false
  x509:
    clientCAFile: %s
containerRuntimeEndpoint: unix://%s
podLogsDir: %s
volumePluginDir: %s
rotateCertificates: %v
failSwapOn: false
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
`, port, clientCA, n.path("run/cri.sock"), n.path("var/log/pods"), n.path("var/lib/kubelet/plugins"), n.rotate)
	if err := os.WriteFile(filepath.Join(n.root, "kubelet.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for an effect of the kubelet.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(labtest.Hang); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("after %s: no %s", labtest.Hang, what)
}
