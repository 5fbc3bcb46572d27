package csrcmd

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
)

// filterOptions say which requests are meant, where they are not named.
type filterOptions struct {
	csr.Filter // as far as flags give it without being read
	pending    bool
	olderThan  string
}

func (o *filterOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.pending, "pending", false, "only requests that nobody has decided on")
	fs.StringVar(&o.SignerName, "signer", "", "only requests for this `signer`, such as "+csr.KubeletServing)
	fs.StringVar(&o.Requester, "requester", "", "only requests of this `user`, such as system:bootstrap:abcdef")
	fs.StringVar(&o.RequesterGroup, "requester-group", "", "only requests of a user in this `group`")
	fs.StringVar(&o.Node, "node", "", "only requests for the node of this `name`")
	fs.StringVar(&o.olderThan, "older-than", "", "only requests of at least this `age`, such as 10m or 2d")
}

// filter returns the filter for the CSRs that the flags select, or an error when one of
// them has a value that it cannot have.
func (o filterOptions) filter(now time.Time) (filter csr.Filter, err error) {
	filter = o.Filter
	if o.pending {
		filter.Condition = csr.Pending
	}
	err = validateNode(o.Node)
	if err == nil && o.olderThan != "" {
		var age time.Duration
		age, err = cli.ParseDuration("--older-than", o.olderThan)
		filter.Before = now.Add(-age)
	}
	if err == nil && o.Fingerprint != "" {
		filter.Fingerprint, err = csr.ParseFingerprint(o.Fingerprint)
	}
	return filter, err
}
