package joincmd

import (
	"cmp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/join"
)

// addKubeadmAliases adds the flags of kubeadm join, so that its command lines work.
func addKubeadmAliases(fs *pflag.FlagSet) {
	for _, name := range []string{"ca-cert-hash", "unsafe-skip-ca-verification"} {
		flag := fs.Lookup(name)
		fs.AddFlag(&pflag.Flag{Name: "discovery-token-" + name, Usage: "kubeadm's name for --" + name, Value: flag.Value, NoOptDefVal: flag.NoOptDefVal, Hidden: true})
	}
	const noKubelet = "bootctl does not start a kubelet and needs no container runtime"
	cli.RejectFlags(fs, map[string]string{
		"vmodule":                     cli.VModuleUnsupported,
		"cri-socket":                  noKubelet,
		"patches":                     noKubelet,
		"skip-phases":                 "bootctl has no phases; run the same command again to resume",
		"ignore-preflight-errors":     "bootctl has no preflight checks to ignore",
		"control-plane":               cli.NoControlPlane,
		"certificate-key":             cli.NoControlPlane,
		"apiserver-advertise-address": cli.NoControlPlane,
		"apiserver-bind-port":         cli.NoControlPlane,
	})
	for _, name := range []string{"token", "discovery-token", "tls-bootstrap-token"} {
		fs.Lookup(name).Hidden = true
	}
}

// readConfig reads the kubeadm JoinConfiguration, which replaces flags and arguments.
func (o *options) readConfig(e *cli.Env, timeoutGiven bool) error {
	if len(o.endpoints) > 0 || o.trust.Given() || o.givenToken()+o.discoveryFile+o.bootstrapKubeconfig != "" {
		return failure.Usagef("--config cannot be used with an ENDPOINT or with flags for discovery, trust, or tokens")
	}
	text, err := e.ReadFile(o.config, cli.MaxFile)
	if err != nil {
		return err
	}
	config, unused, err := join.ParseKubeadmConfig(text)
	if err != nil {
		return failure.Usagef("%s: %w", o.config, err)
	}
	if len(unused) > 0 {
		e.Warn("bootctl does not start a kubelet and ignores these fields of the JoinConfiguration: " + strings.Join(unused, ", "))
	}
	if !timeoutGiven {
		o.timeout = config.Timeout(o.timeout)
	}
	o.DryRun = o.DryRun || config.DryRun
	o.NodeName = cmp.Or(o.NodeName, config.NodeRegistration.Name) // --node-name takes precedence
	o.tlsBootstrapToken = config.Discovery.TLSBootstrapToken
	if file := config.Discovery.File; file != nil {
		o.discoveryFile = file.KubeConfigPath
		return nil
	}
	from := config.Discovery.BootstrapToken
	o.endpoints, o.trust.CaCertHashes = []string{from.APIServerEndpoint}, from.CACertHashes
	o.discoveryToken, o.trust.UnsafeSkip = from.Token, from.UnsafeSkipCAVerification
	return nil
}
