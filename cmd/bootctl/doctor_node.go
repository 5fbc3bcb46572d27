package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/pkg/doctor"
)

// doctorNodeOptions are the flags of doctor that say what a node has.
type doctorNodeOptions struct {
	endpoint  string
	tokenFile string
	trust     trustOptions
}

func (o *doctorNodeOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.endpoint, "endpoint", "", "see what a node sees at this `address`, without a kubeconfig")
	fs.StringVar(&o.tokenFile, "token-file", "", "with --endpoint, the node's token is in this `file` (- is stdin); else $"+tokenVariable)
	o.trust.addFlags(fs)
}

// node returns the look from a node; a token may be absent.
func (o doctorNodeOptions) node(e *env) (doctor.Node, error) {
	opts, err := o.trust.believe(e, []string{o.endpoint})
	if err != nil {
		return doctor.Node{}, err
	}
	opts.Token, err = e.nodeToken(o.tokenFile, "")
	if errors.Is(err, errNoToken) {
		err = nil
	}
	return doctor.Node{Discovery: opts}, err
}
