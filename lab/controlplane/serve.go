package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/pki"
)

// Options are the options of Serve.
type Options struct {
	Dir     string   // the lab directory, created if missing
	Without []string // names of controllers that are not started
	// Flags of the components, each FLAG=VALUE, take precedence over the lab's own.
	APIServerArgs, ControllerManagerArgs []string

	Version string // the calling program's version, for the Ready
	Verbose bool   // log the components' informational messages also
}

// Serve runs a control plane until ctx is done, which is not an error. When the
// control plane is ready, it writes the lab's ReadyFile and calls ready.
//
// It returns a *lab.UnknownControllerError, a *FlagError, a *lab.RunningError,
// lab.ErrNotALab, a *PortError, a file system error, or the error of a failed
// component.
func Serve(ctx context.Context, o Options, ready func(lab.Ready) error) error {
	controllers, err := lab.Except(o.Without)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	config := lab.NewConfig(controllers, o.APIServerArgs, o.ControllerManagerArgs)
	s, err := newServer(dir, config)
	if err != nil {
		return err
	}
	s.version = o.Version
	syscall.Umask(0o077) // for the files of etcd
	lock, err := lab.Acquire(dir)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the process exits
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := os.Remove(lab.ReadyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := setLog(o.Verbose); err != nil {
		return err
	}
	err = s.serve(ctx, ready)
	if ctx.Err() != nil {
		return nil // stopped, possibly during the start
	}
	return err
}

// server is one run of Serve, which has the lock and whose working directory is the lab's.
type server struct {
	dir     string
	config  lab.Config
	version string

	pki       pki.Dir
	apiserver *apiserveroptions.ServerRunOptions
	manager   *manageroptions.KubeControllerManagerOptions
	listener  net.Listener
	url       string
}

// newServer parses the flags and changes no files.
func newServer(dir string, config lab.Config) (*server, error) {
	s := &server{dir: dir, config: config, pki: pki.Dir{Path: filepath.Join(dir, lab.PKIDir), Now: time.Now()}}
	var err error
	if s.apiserver, err = apiserverOptions(s.pki, config.APIServerArgs); err != nil {
		return nil, err
	}
	s.manager, err = controllerManagerOptions(s.pki, config.Controllers, config.ControllerManagerArgs)
	return s, err
}

func (s *server) serve(ctx context.Context, ready func(lab.Ready) error) error {
	if err := s.prepare(); err != nil {
		return err
	}
	defer s.listener.Close() //nolint:errcheck // the API server closes it
	etcd, err := startEtcd(ctx)
	if err != nil {
		return err
	}
	defer within(time.Second, etcd.Close)

	run, err := newAPIServer(ctx, s.apiserver, s.listener)
	if err != nil {
		return err
	}
	api := start(ctx, apiserverName, run)
	defer api.stop(2 * time.Second)
	if err := s.awaitAPI(ctx, api); err != nil {
		return err
	}

	manager, err := newControllerManager(ctx, s.manager)
	if err != nil {
		return err
	}
	started := make(chan struct{})
	kcm := start(ctx, controllerManagerName, func(ctx context.Context) error {
		return runControllers(ctx, manager, func() { close(started) })
	})
	defer kcm.stop(time.Second)
	select {
	case <-started:
	case err := <-kcm.ended:
		return err
	case <-ctx.Done():
		return nil
	}
	if err := s.announce(ready); err != nil {
		return err
	}
	return firstEnd(ctx, etcd, api, kcm)
}

func firstEnd(ctx context.Context, etcd *embed.Etcd, api, kcm *component) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-etcd.Err():
		return fmt.Errorf("etcd exited: %w", err)
	case err := <-api.ended:
		return err
	case err := <-kcm.ended:
		return err
	}
}

// prepare creates the files and opens the port.
func (s *server) prepare() error {
	if err := s.pki.Ensure(); err != nil {
		return err
	}
	listener, err := listen(lab.RecordFile)
	if err != nil {
		return err
	}
	s.listener, s.url = listener, "https://"+listener.Addr().String()
	kubeconfigs := map[string]string{
		filepath.Join(s.dir, lab.KubeconfigFile):    "admin",
		s.pki.File("controller-manager.kubeconfig"): "controller-manager",
	}
	for path, user := range kubeconfigs {
		if err := writeKubeconfig(s.pki, path, s.url, user); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	return nil
}

// announce reports to the file and to the caller that the lab is ready.
func (s *server) announce(ready func(lab.Ready) error) error {
	r := lab.Ready{
		Event:             "ready",
		Pid:               os.Getpid(),
		Server:            s.url,
		Kubeconfig:        filepath.Join(s.dir, lab.KubeconfigFile),
		CAFile:            s.pki.File("ca.crt"),
		Version:           s.version,
		KubernetesVersion: KubernetesVersion(),
		Config:            s.config,
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(lab.ReadyFile, append(line, '\n'), 0o600); err != nil {
		return err
	}
	return ready(r)
}
