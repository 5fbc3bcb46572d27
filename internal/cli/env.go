package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Env is the environment of a command: the process, its streams and its flags.
type Env struct {
	Program string // the name under which it was started
	Goos    string
	genericiooptions.IOStreams
	Now        func() time.Time
	Random     io.Reader
	Getenv     func(string) string
	Hostname   func() (string, error)
	Executable func() (string, error)
	IsTerminal func() bool // whether a person can be asked
	Width      func() int  // of the terminal on ErrOut, in columns; 0 if ErrOut is not a terminal
	NewClient  func(*rest.Config, kubeclient.Options) (*kubeclient.Client, error)
	// Redact hides the secrets in a text. They may be in the wrong place on the command
	// line or in an object.
	Redact func(string) string

	Global GlobalOptions
	// AtNode reports whether the command acts as a node, without an administrator's
	// credentials, so that it prints the hints for a node.
	AtNode bool
	// Connection has the flags of the administrator's connection.
	Connection *genericclioptions.ConfigFlags
	args       []string
	// interrupt is closed when the process should end.
	interrupt <-chan struct{}
	lines     lines
	// Line returns the status line of a terminal; nil if there is none.
	Line func() string
}

// RequireUnix returns an error on systems without directory locks and file owners.
func RequireUnix(goos, command string) error {
	if goos == "windows" {
		return fmt.Errorf("%w: bootctl %s runs on Linux and macOS; all other commands work on this system", errors.ErrUnsupported, command)
	}
	return nil
}

// adminConf is where kubeadm writes the administrator's kubeconfig.
const adminConf = "/etc/kubernetes/admin.conf"

// Client returns a client with the administrator's kubeconfig.
func (e *Env) Client() (*kubeclient.Client, error) {
	config, err := e.AdminConfig()
	if err != nil {
		return nil, err
	}
	return e.ClientOf(config)
}

// ClientOf returns a client of the connection.
func (e *Env) ClientOf(config AdminConfig) (*kubeclient.Client, error) {
	client, err := e.NewClient(config.Rest, config.Options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	return client, nil
}

// ClientOptions returns the options of a client whose requests are logged as this user.
func (e *Env) ClientOptions(as string) kubeclient.Options {
	opts := kubeclient.Options{As: as, Now: e.Now, Warn: e.Warn, Timeout: e.Global.RequestTimeout}
	if e.Global.verbosity > 0 {
		opts.Observe = e.observeCall
	}
	return opts
}

// AdminConfig is the administrator's connection and the options of its client.
type AdminConfig struct {
	Rest *rest.Config
	kubeclient.Options
	File string // the kubeconfig file that has the cluster; empty if there is none
}

// AdminConfig finds the administrator's kubeconfig: the flag, $KUBECONFIG,
// ~/.kube/config, kubeadm's admin.conf, the Pod that bootctl runs in. It never falls
// back to a default address.
func (e *Env) AdminConfig() (AdminConfig, error) {
	if err := checkServer(*e.Connection.APIServer); err != nil {
		return AdminConfig{}, err
	}
	loader := e.kubeconfig()
	raw, err := loader.RawConfig()
	if err != nil {
		return AdminConfig{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	if len(raw.Contexts) == 0 {
		if e.Getenv("KUBERNETES_SERVICE_HOST") == "" {
			return AdminConfig{}, fmt.Errorf("%w in %s", failure.ErrNoKubeconfig, strings.Join(loader.ConfigAccess().GetLoadingPrecedence(), " or "))
		}
		if raw, err = inCluster(); err != nil {
			return AdminConfig{}, err
		}
		loader = clientcmd.NewDefaultClientConfig(raw, overrides(e.Connection))
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return AdminConfig{}, fmt.Errorf("%w: %w", failure.ErrInvalidKubeconfig, err)
	}
	context := cmp.Or(*e.Connection.Context, raw.CurrentContext)
	as := "context " + context
	if user := config.Impersonate.UserName; user != "" {
		as = user + ", impersonated in " + as
	}
	admin := AdminConfig{Rest: config, Options: e.ClientOptions(as)}
	if used := raw.Contexts[context]; used != nil && raw.Clusters[used.Cluster] != nil {
		admin.File = raw.Clusters[used.Cluster].LocationOfOrigin
	}
	return admin, nil
}

// kubeconfig returns the loader of the kubeconfig files.
func (e *Env) kubeconfig() clientcmd.ClientConfig {
	paths := filepath.SplitList(e.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if len(paths) == 0 {
		paths = []string{filepath.Join(e.Getenv("HOME"), ".kube", "config"), adminConf}
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: *e.Connection.KubeConfig, Precedence: paths}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides(e.Connection))
}

// withScheme turns the address in --server into an https URL. client-go would use plain
// HTTP.
func withScheme(server string) string {
	if server == "" || strings.Contains(server, "://") {
		return server
	}
	return "https://" + server
}

// checkServer refuses to send credentials and tokens unencrypted over a network.
func checkServer(server string) error {
	u, err := url.Parse(server)
	isProxy := err == nil && u.User == nil && isLoopback(u.Hostname()) // such as kubectl proxy
	return UsageIf(err == nil && u.Scheme == "http" && !isProxy, "--server %s would send tokens unencrypted; use an https URL", server)
}

// isLoopback reports whether only this machine can reach the host.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
