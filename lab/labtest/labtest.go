// Package labtest starts what make built, bootctl-lab above all, as children of
// a test, so that tests run what users run. Children die with the test.
package labtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/lab"
)

// BinDir returns the directory that make builds into, from a package directory
// two levels below the repository.
func BinDir() (string, error) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin"))
	if err != nil {
		return "", err
	}
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
	bin, err := BinDir()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--dir", dir}
	for _, name := range without {
		args = append(args, "--without", name)
	}
	s := &Server{Dir: dir, cmd: exec.Command(filepath.Join(bin, "bootctl-lab"), args...)} //nolint:gosec // our own program
	log, err := os.CreateTemp("", "bootctl-lab-*.log")
	if err != nil {
		return nil, err
	}
	defer os.Remove(log.Name()) //nolint:errcheck // a temporary file
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = childAttributes()
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// The parent-death signal is bound to the thread that starts the child.
	runtime.LockOSThread()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.Ready)
	}
	if err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("bootctl-lab is not ready: %w\n%s", err, text), s.Stop())
	}
	return s, nil
}

// Command returns a program that make built, as the administrator runs it. What
// kubectl caches goes into the lab's directory.
func (s *Server) Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(filepath.Dir(s.cmd.Path), program), args...) //nolint:gosec // our own program
	cmd.Env = []string{"KUBECONFIG=" + s.Kubeconfig, "HOME=" + s.Dir, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// WriteBootstrapKubeconfig writes the file by which a kubelet bootstraps itself.
func (s *Server) WriteBootstrapKubeconfig(path, token string) error {
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: s.URL(), CertificateAuthority: s.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}, path)
}

// URL returns the address of the API server.
func (s *Server) URL() string { return s.Server }

// Stop stops the control plane and waits for its end.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.cmd.Wait()
}
