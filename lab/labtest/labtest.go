// Package labtest starts the programs that make built, in particular bootctl-lab, as
// child processes of a test, so that tests run what users run. Children exit with the
// test. It also has what the packages of lab/e2e share: an Admin who runs bootctl, CSRs
// of any kind, and limits for load tests.
package labtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/pkg/csr"
)

// Hang is the longest time that a test waits for an expected event. It is never reached
// on a busy machine, only by a hang.
const Hang = 5 * time.Minute

// Root returns the root of the repository.
func Root(t testing.TB) string {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// findRoot returns the nearest directory above the working directory that contains the
// lab module.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "lab", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is not in the repository")
		}
		dir = filepath.Dir(dir)
	}
}

// BinDir returns the directory that make builds into.
func BinDir() (string, error) {
	root, err := findRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin")
	for _, name := range []string{"bootctl", "bootctl-lab", "kubeadm", "kubectl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("%w; run: make build lab tools", err)
		}
	}
	return dir, nil
}

// Server is a running control plane.
type Server struct {
	lab.Ready
	// Dir is the lab's directory, PKI and log included.
	Dir string
	cmd *exec.Cmd
}

// Start starts a control plane in dir without the given controllers and returns
// when it is ready.
func Start(dir string, without ...string) (*Server, error) {
	var flags []string
	for _, name := range without {
		flags = append(flags, "--without="+name)
	}
	return StartWith(dir, flags...)
}

// StartWith is Start with the given flags of bootctl-lab serve.
func StartWith(dir string, flags ...string) (*Server, error) {
	bin, err := BinDir()
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, cmd: exec.Command(filepath.Join(bin, "bootctl-lab"), serveArgs(dir, flags)...)} //nolint:gosec // a program of this repository
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

func serveArgs(dir string, flags []string) []string {
	return append([]string{"serve", "--dir", dir}, flags...)
}

// Kill kills the control plane, as in a power failure.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); !errors.As(err, &exit) {
		return err
	}
	return nil
}

// Restart starts a stopped control plane again with its data and its address, and
// returns when it is ready. Like Start, it must be called by a goroutine that outlives
// the control plane.
func (s *Server) Restart() error { return s.restart(s.cmd.Args[1:]) }

// RestartWith is Restart with other flags of bootctl-lab serve.
func (s *Server) RestartWith(flags ...string) error { return s.restart(serveArgs(s.Dir, flags)) }

func (s *Server) restart(args []string) error {
	const tries = 50 // on a busy machine, its port becomes free only after some time
	var err error
	for range tries {
		s.cmd = exec.Command(s.cmd.Path, args...) //nolint:gosec // a program of this repository
		if err = s.start(); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) start() error {
	log, err := os.CreateTemp("", "bootctl-lab-*.log")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name()) //nolint:errcheck // a temporary file
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = childAttributes()
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	// The parent-death signal is bound to the thread that starts the child.
	runtime.LockOSThread()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.Ready)
	}
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return errors.Join(fmt.Errorf("bootctl-lab is not ready: %w\n%s", err, text), s.Stop())
	}
	return nil
}

// Command returns a program that make built, with the administrator's environment.
// kubectl's cache is in the lab's directory.
func (s *Server) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(filepath.Dir(s.cmd.Path), program), args...) //nolint:gosec // a program of this repository
	cmd.Env = []string{"KUBECONFIG=" + s.Kubeconfig, "HOME=" + s.Dir, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// WriteBootstrapKubeconfig writes the file with which a kubelet bootstraps itself.
func (s *Server) WriteBootstrapKubeconfig(path, token string) error {
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: s.URL(), CertificateAuthority: s.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}, path)
}

// Client returns a client of the administrator, who impersonates the user if one
// is given.
func (s *Server) Client(user string, groups ...string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return kubernetes.NewForConfig(config)
}

// SubmitNodes creates n CSRs for nodes whose names begin with prefix, all with one key,
// as a bootstrap token.
func (s *Server) SubmitNodes(ctx context.Context, prefix string, n int) error {
	client, err := s.Client("system:bootstrap:abcdef", "system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated")
	if err != nil {
		return err
	}
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	numbers, errs := make(chan int), make([]error, n)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range numbers {
				var object *certificatesv1.CertificateSigningRequest
				if object, errs[i] = csr.NewNodeRequest(fmt.Sprintf("%s-%d", prefix, i), key, rand.Reader); errs[i] == nil {
					_, errs[i] = client.CertificatesV1().CertificateSigningRequests().Create(ctx, object, metav1.CreateOptions{})
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	return errors.Join(errs...)
}

// URL returns the address of the API server.
func (s *Server) URL() string { return s.Server }

// Stop stops the control plane and waits until it has exited.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.cmd.Wait()
}
