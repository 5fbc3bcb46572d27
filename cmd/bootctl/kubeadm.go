package main

import (
	"fmt"

	"github.com/spf13/pflag"
)

// addKubeadmAliases lets kubeadm's command lines work with the word replaced.
func addKubeadmAliases(fs *pflag.FlagSet) {
	aliases := []struct{ name, to string }{
		{"discovery-token", "token"},
		{"tls-bootstrap-token", "token"},
		{"discovery-token-ca-cert-hash", "ca-cert-hash"},
		{"discovery-token-unsafe-skip-ca-verification", "unsafe-skip-ca-verification"},
	}
	for _, alias := range aliases {
		flag := fs.Lookup(alias.to)
		fs.AddFlag(&pflag.Flag{Name: alias.name, Usage: "kubeadm's name for --" + alias.to, Value: flag.Value, NoOptDefVal: flag.NoOptDefVal, Hidden: true})
	}
	for name := range kubeadmOnly() {
		fs.String(name, "", "a flag of kubeadm without a meaning here")
		fs.Lookup(name).NoOptDefVal = "true"
		fs.Lookup(name).Hidden = true
	}
	fs.Lookup("token").Hidden = true
}

// kubeadmOnly are flags of kubeadm join that mean nothing here, and why.
func kubeadmOnly() map[string]string {
	const noKubelet = "bootctl starts no kubelet and needs no container runtime"
	const noControlPlane = "bootctl joins nodes, not control planes"
	return map[string]string{
		"cri-socket":                  noKubelet,
		"patches":                     noKubelet,
		"skip-phases":                 "bootctl has no phases; the same command again goes on where it stopped",
		"ignore-preflight-errors":     "bootctl has no preflight checks to ignore",
		"control-plane":               noControlPlane,
		"certificate-key":             noControlPlane,
		"apiserver-advertise-address": noControlPlane,
		"apiserver-bind-port":         noControlPlane,
	}
}

func refuseKubeadmFlags(fs *pflag.FlagSet) error {
	for name, why := range kubeadmOnly() {
		if fs.Changed(name) {
			return fmt.Errorf("%w: --%s: %s", errInput, name, why)
		}
	}
	return nil
}
