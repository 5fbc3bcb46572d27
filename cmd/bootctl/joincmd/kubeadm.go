package main

import (
	"errors"

	"github.com/spf13/pflag"
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
	refuse(fs, map[string]string{
		"vmodule":                     oneLog,
		"cri-socket":                  noKubelet,
		"patches":                     noKubelet,
		"skip-phases":                 "bootctl has no phases; the same command again goes on where it stopped",
		"ignore-preflight-errors":     "bootctl has no preflight checks to ignore",
		"control-plane":               noControlPlane,
		"certificate-key":             noControlPlane,
		"apiserver-advertise-address": noControlPlane,
		"apiserver-bind-port":         noControlPlane,
	})
	for _, name := range []string{"token", "discovery-token", "tls-bootstrap-token"} {
		fs.Lookup(name).Hidden = true
	}
}

// oneLog answers kubeadm's --vmodule.
const oneLog = "there is one log, that of API calls: give -v 1"

const noControlPlane = "bootctl joins nodes, not control planes"

// refuse adds flags of kubeadm that mean nothing here. Whoever gives one is told
// why.
func refuse(fs *pflag.FlagSet, reasons map[string]string) {
	for name, why := range reasons {
		fs.AddFlag(&pflag.Flag{Name: name, Usage: "a flag of kubeadm without a meaning here", Value: refused(why), NoOptDefVal: "true", Hidden: true})
	}
}

// refused is the value of a flag that takes none, and why it does not.
type refused string

func (refused) String() string     { return "" }
func (refused) Type() string       { return "refused" }
func (r refused) Set(string) error { return errors.New(string(r)) }
