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

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/pki"
)

// Options says what to serve.
type Options struct {
	Dir     string   // of the lab; made if missing
	Without []string // names of controllers that shall not run
	Version string   // of the calling program, for the Ready
	Verbose bool     // log what the components inform about, not only errors
}

// Serve runs a control plane until ctx ends, which is no error. When it is
// ready, it writes the lab's ReadyFile and calls ready.
//
// It returns a *lab.UnknownControllerError, a *lab.RunningError, lab.ErrNotALab,
// a *PortError, an error of the file system, or what made a component fail.
func Serve(ctx context.Context, o Options, ready func(lab.Ready) error) error {
	controllers, err := lab.Except(o.Without)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return err
	}
	syscall.Umask(0o077) // for what etcd makes
	lock, err := lab.Acquire(dir)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // the process ends
	if err := os.Chdir(dir); err != nil {
		return err
	}
	if err := os.Remove(lab.ReadyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s := server{dir: dir, controllers: controllers, version: o.Version}
	if err := setLog(o.Verbose); err != nil {
		return err
	}
	err = s.serve(ctx, ready)
	if ctx.Err() != nil {
		return nil // told to stop, maybe while starting
	}
	return err
}

// server is one run of Serve, which has the lock and sits in the directory.
type server struct {
	dir         string
	controllers []string
	version     string

	pki      pki.Dir
	listener net.Listener
	url      string
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

	run, err := newAPIServer(ctx, s.pki, s.listener)
	if err != nil {
		return err
	}
	api := start(ctx, "kube-apiserver", run)
	defer api.stop(2 * time.Second)
	if err := s.awaitAPI(ctx, api); err != nil {
		return err
	}

	manager, err := newControllerManager(ctx, s.pki, s.pki.File("controller-manager.kubeconfig"), s.controllers)
	if err != nil {
		return err
	}
	started := make(chan struct{})
	kcm := start(ctx, "kube-controller-manager", func(ctx context.Context) error {
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
		return fmt.Errorf("etcd ended: %w", err)
	case err := <-api.ended:
		return err
	case err := <-kcm.ended:
		return err
	}
}

// prepare makes the files and takes the port.
func (s *server) prepare() error {
	s.pki = pki.Dir{Path: filepath.Join(s.dir, lab.PKIDir), Now: time.Now()}
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

// announce says, in the file and to the caller, that the lab is ready.
func (s *server) announce(ready func(lab.Ready) error) error {
	r := lab.Ready{
		Event:             "ready",
		Pid:               os.Getpid(),
		Server:            s.url,
		Kubeconfig:        filepath.Join(s.dir, lab.KubeconfigFile),
		CAFile:            s.pki.File("ca.crt"),
		Version:           s.version,
		KubernetesVersion: KubernetesVersion(),
		Controllers:       s.controllers,
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
