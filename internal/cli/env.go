package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// env is all that a command has of the process. Tests make their own.
type env struct {
	program string // as it was started
	goos    string
	genericiooptions.IOStreams
	now        func() time.Time
	random     io.Reader
	getenv     func(string) string
	hostname   func() (string, error)
	executable func() (string, error)
	isTerminal func() bool // whether someone can be asked
	width      func() int  // of the terminal on ErrOut, in columns; 0 when that is none
	newClient  func(*rest.Config, apiclient.Options) (*apiclient.Client, error)

	global globalOptions
	// atNode says that the command does what a node does, without an administrator's
	// credentials, and so prints the hints for a node.
	atNode bool
	// connection is what the flags say of the administrator's connection.
	connection *genericclioptions.ConfigFlags
	// interrupt is closed when the process shall end.
	interrupt <-chan struct{}
	events    sync.Mutex // one line at a time: calls are told of from several goroutines
	// line is what a terminal shows meanwhile, nil for nothing, and drawn whether it
	// stands there now.
	line  func() string
	drawn bool
}

// onUnix refuses a command where there are no locks on directories and no owners of
// files.
func (e *env) onUnix(command string) error {
	if e.goos == "windows" {
		return fmt.Errorf("%w: bootctl %s runs on Linux and macOS; from here an administrator can do all the rest", errors.ErrUnsupported, command)
	}
	return nil
}

// adminConf is where kubeadm leaves the kubeconfig of the administrator.
const adminConf = "/etc/kubernetes/admin.conf"

// client returns a client with the administrator's kubeconfig.
func (e *env) client() (*apiclient.Client, error) {
	config, err := e.adminConfig()
	if err != nil {
		return nil, err
	}
	return e.clientOf(config)
}

func (e *env) clientOf(config adminConfig) (*apiclient.Client, error) {
	return e.clientWith(config, e.clientOptions(config.as()))
}

func (e *env) clientWith(config adminConfig, opts apiclient.Options) (*apiclient.Client, error) {
	client, err := e.newClient(config.rest, opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	return client, nil
}

// clientOptions are those of every client, the administrator's and others.
func (e *env) clientOptions(as string) apiclient.Options {
	opts := apiclient.Options{As: as, Now: e.now, Warn: e.warn}
	if e.global.verbosity > 0 {
		opts.Observe = e.call
	}
	return opts
}

type adminConfig struct {
	rest    *rest.Config
	context string
}

// as names who asks.
func (c adminConfig) as() string {
	if user := c.rest.Impersonate.UserName; user != "" {
		return user + ", impersonated in context " + c.context
	}
	return "context " + c.context
}

// adminConfig finds the administrator's kubeconfig: the flag, $KUBECONFIG,
// ~/.kube/config, kubeadm's admin.conf, the Pod that bootctl runs in. It never
// falls back to an address of its own.
func (e *env) adminConfig() (adminConfig, error) {
	if err := checkServer(*e.connection.APIServer); err != nil {
		return adminConfig{}, err
	}
	loader := e.kubeconfig()
	raw, err := loader.RawConfig()
	if err != nil {
		return adminConfig{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	if len(raw.Contexts) == 0 {
		if e.getenv("KUBERNETES_SERVICE_HOST") == "" {
			return adminConfig{}, fmt.Errorf("%w in %s", failure.ErrNoKubeconfig, strings.Join(loader.ConfigAccess().GetLoadingPrecedence(), " or "))
		}
		if raw, err = inCluster(); err != nil {
			return adminConfig{}, err
		}
		loader = clientcmd.NewDefaultClientConfig(raw, e.overrides())
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return adminConfig{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	if e.global.requestTimeout > 0 {
		config.Timeout = e.global.requestTimeout
	}
	return adminConfig{config, cmp.Or(*e.connection.Context, raw.CurrentContext)}, nil
}

// kubeconfig reads the files that may say where the cluster is.
func (e *env) kubeconfig() clientcmd.ClientConfig {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: *e.connection.KubeConfig}
	if paths := e.getenv(clientcmd.RecommendedConfigPathEnvVar); paths != "" {
		rules.Precedence = filepath.SplitList(paths)
	} else {
		rules.Precedence = []string{filepath.Join(e.getenv("HOME"), ".kube", "config"), adminConf}
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, e.overrides())
}

// withScheme makes a URL of the address in --server, for which client-go would
// take plain HTTP.
func withScheme(server string) string {
	if server == "" || strings.Contains(server, "://") {
		return server
	}
	return "https://" + server
}

// checkServer refuses to send credentials and tokens over a network in clear.
func checkServer(server string) error {
	address, plain := strings.CutPrefix(server, "http://")
	if !plain {
		return nil
	}
	if endpoint, err := clusterinfo.ParseEndpoint(strings.TrimRight(address, "/")); err == nil && endpoint.IsLoopback() {
		return nil // kubectl proxy
	}
	return fmt.Errorf("%w: --server %s would send tokens in clear; give an https URL", failure.ErrUsage, server)
}
