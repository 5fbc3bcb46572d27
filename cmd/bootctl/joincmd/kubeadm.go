package joincmd

import (
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
)

// addKubeadmAliases lets kubeadm's command lines work with the word replaced.
func addKubeadmAliases(fs *pflag.FlagSet) {
	aliases := []struct{ name, to string }{
		{"discovery-token-ca-cert-hash", "ca-cert-hash"},
		{"discovery-token-unsafe-skip-ca-verification", "unsafe-skip-ca-verification"},
	}
	for _, alias := range aliases {
		flag := fs.Lookup(alias.to)
		fs.AddFlag(&pflag.Flag{Name: alias.name, Usage: "kubeadm's name for --" + alias.to, Value: flag.Value, NoOptDefVal: flag.NoOptDefVal, Hidden: true})
	}
	const noKubelet = "bootctl starts no kubelet and needs no container runtime"
	cli.RejectFlags(fs, map[string]string{
		"vmodule":                     cli.VModuleUnsupported,
		"cri-socket":                  noKubelet,
		"patches":                     noKubelet,
		"skip-phases":                 "bootctl has no phases; the same command again goes on where it stopped",
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
