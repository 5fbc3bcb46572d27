package labtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Admin is the administrator of a control plane, who runs the programs that make built.
type Admin struct{ Server *Server }

// NewAdmin starts a control plane without the given controllers, and stops it when the
// test ends.
func NewAdmin(t *testing.T, without ...string) Admin {
	t.Helper()
	server, err := Start(filepath.Join(t.TempDir(), "lab"), without...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return Admin{server}
}

// NewAdminWithoutApprover starts a control plane in which only the test approves CSRs,
// set up as by an operator who approves each node.
func NewAdminWithoutApprover(t *testing.T) Admin {
	t.Helper()
	a := NewAdmin(t, "csrapproving")
	a.MustRun(t, "setup", "--endpoint", a.Server.URL(), "--auto-approve", "none")
	return a
}

// Run runs bootctl and returns its exit code, stdout and stderr.
func (a Admin) Run(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	return a.Exec(t, "bootctl", args...)
}

// Exec runs a program, such as kubectl, and returns its exit code, stdout and stderr.
func (a Admin) Exec(t *testing.T, name string, args ...string) (int, string, string) {
	t.Helper()
	return RunCommand(t, a.Server.Command(name, args...))
}

// MustRun runs bootctl, which has to succeed, and returns its stdout.
func (a Admin) MustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := a.Run(t, args...)
	if code != 0 {
		t.Fatalf("bootctl %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// CreateTokenFile creates a token, writes it to a file and returns the path.
func (a Admin) CreateTokenFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(a.MustRun(t, "token", "create")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// WriteKubeconfig writes the administrator's kubeconfig with a change, and returns
// its path.
func (a Admin) WriteKubeconfig(t *testing.T, change func(*clientcmdapi.Config)) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(a.Server.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		t.Fatal(err)
	}
	change(config)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ClientAs returns a client of the administrator, who impersonates the user if one is
// given.
func (a Admin) ClientAs(t *testing.T, user string, groups ...string) kubernetes.Interface {
	t.Helper()
	client, err := a.Server.Client(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Eventually waits until done reports true, and ends the test if that never happens.
func (a Admin) Eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < Hang; time.Sleep(100 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("after %s: no %s", Hang, what)
}

// WriteProxyKubeconfig writes a kubeconfig with which the administrator reaches the API
// server through the proxy at url, by impersonation: the kubeconfig's CA is the proxy's
// own certificate.
func (a Admin) WriteProxyKubeconfig(t *testing.T, url string) string {
	t.Helper()
	return a.WriteKubeconfig(t, func(config *clientcmdapi.Config) {
		for _, cluster := range config.Clusters {
			cluster.Server = url
		}
		for _, user := range config.AuthInfos {
			user.Impersonate, user.ImpersonateGroups = "through-the-proxy", []string{"system:masters"}
		}
	})
}
