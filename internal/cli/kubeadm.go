package cli

import (
	"errors"

	"github.com/spf13/pflag"
)

// VModuleUnsupported answers kubeadm's --vmodule.
const VModuleUnsupported = "there is one log, that of API calls: give -v 1"

// NoControlPlane is the answer to kubeadm's flags about control planes.
const NoControlPlane = "bootctl joins nodes, not control planes"

// RejectFlags adds flags of kubeadm that mean nothing here. Whoever gives one is told
// why.
func RejectFlags(fs *pflag.FlagSet, reasons map[string]string) {
	for name, why := range reasons {
		fs.AddFlag(&pflag.Flag{Name: name, Usage: "a flag of kubeadm without a meaning here", Value: rejectedFlag(why), NoOptDefVal: "true", Hidden: true})
	}
}

// rejectedFlag is the value of a flag that takes none, and why it does not.
type rejectedFlag string

func (rejectedFlag) String() string { return "" }

func (rejectedFlag) Type() string { return "refused" }

func (r rejectedFlag) Set(string) error { return errors.New(string(r)) }
