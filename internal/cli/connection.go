package cli

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
)

// defaultRequestTimeout is how long a single request may take.
const defaultRequestTimeout = "30s"

// NewConnection returns the flags of the administrator's connection: kubectl's, except
// those that put a secret on the command line, skip verification, or do not apply.
func NewConnection() *genericclioptions.ConfigFlags {
	timeout := defaultRequestTimeout
	return &genericclioptions.ConfigFlags{
		KubeConfig: new(string), Context: new(string), ClusterName: new(string), AuthInfoName: new(string),
		APIServer: new(string), TLSServerName: new(string), CAFile: new(string), CertFile: new(string), KeyFile: new(string),
		Impersonate: new(string), ImpersonateUID: new(string), ImpersonateGroup: &[]string{},
		Timeout: &timeout,
	}
}

// AddConnectionFlags gives a command the flags of the administrator's connection.
func (e *Env) AddConnectionFlags(cmd *cobra.Command) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	e.Connection.AddFlags(fs)
	fs.Lookup("kubeconfig").Usage = "kubeconfig `file`. Defaults to $KUBECONFIG, ~/.kube/config, " + adminConf + ", or the Pod's credentials"
	fs.Lookup("server").Usage = "`URL` of the API server, in place of the one in the kubeconfig"
	fs.VisitAll(func(flag *pflag.Flag) { GroupFlags(fs, connectionGroup, flag.Name) })
	cmd.Flags().AddFlagSet(fs)
	for flag, names := range map[string]func(clientcmdapi.Config) iter.Seq[string]{
		"context": func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.Contexts) },
		"cluster": func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.Clusters) },
		"user":    func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.AuthInfos) },
	} {
		CompleteWith(cmd, flag, func(*cobra.Command, []string, string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
			kubeconfig, _ := e.kubeconfig().RawConfig() // one that cannot be read offers nothing
			for _, name := range slices.Sorted(names(kubeconfig)) {
				found = append(found, escape.Text(name))
			}
			return found, cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// AddRequestTimeout adds --request-timeout to a command without the other connection flags.
func AddRequestTimeout(fs *pflag.FlagSet, timeout *string) {
	fs.StringVar(timeout, "request-timeout", defaultRequestTimeout, "timeout of a single request, in seconds or as a `duration` such as 1m")
}

// parseRequestTimeout parses --request-timeout like kubectl: a number of seconds, or a
// duration with a unit; 0 is no limit.
func parseRequestTimeout(text string) (time.Duration, error) {
	timeout, err := clientcmd.ParseTimeout(text)
	if err != nil || timeout < 0 {
		return 0, failure.Usagef("--request-timeout accepts seconds, or a duration such as 30s or 5m, not %q", text)
	}
	return timeout, nil
}

// overrides returns the settings that replace the kubeconfig's.
func overrides(c *genericclioptions.ConfigFlags) *clientcmd.ConfigOverrides {
	return &clientcmd.ConfigOverrides{
		CurrentContext: *c.Context,
		Context:        clientcmdapi.Context{Cluster: *c.ClusterName, AuthInfo: *c.AuthInfoName},
		ClusterInfo:    clientcmdapi.Cluster{Server: withScheme(*c.APIServer), TLSServerName: *c.TLSServerName, CertificateAuthority: *c.CAFile},
		AuthInfo: clientcmdapi.AuthInfo{
			ClientCertificate: *c.CertFile, ClientKey: *c.KeyFile,
			Impersonate: *c.Impersonate, ImpersonateUID: *c.ImpersonateUID, ImpersonateGroups: *c.ImpersonateGroup,
		},
	}
}

// inCluster returns the kubeconfig of the Pod that bootctl runs in.
func inCluster() (clientcmdapi.Config, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return clientcmdapi.Config{}, errors.Join(failure.ErrInvalidKubeconfig, err)
	}
	const name = "in-cluster"
	return clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: config.Host, CertificateAuthority: config.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {TokenFile: config.BearerTokenFile}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, nil
}
