package csrcmd

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
)

// filterOptions select CSRs that are not named.
type filterOptions struct {
	csr.Filter // the fields that need no parsing
	pending    bool
	olderThan  string
}

func (o *filterOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.pending, "pending", false, "only pending CSRs")
	fs.StringVar(&o.SignerName, "signer", "", "only CSRs for this `signer`, such as "+csr.KubeletServing)
	fs.StringVar(&o.Requester, "requester", "", "only CSRs created by this `user`, such as system:bootstrap:abcdef")
	fs.StringVar(&o.RequesterGroup, "requester-group", "", "only CSRs created by a user in this `group`")
	fs.StringVar(&o.Node, "node", "", "only CSRs for the node with this `name`")
	fs.StringVar(&o.olderThan, "older-than", "", "only CSRs of at least this `age`, such as 10m or 2d")
}

// filter returns the filter for the CSRs that the flags select, or an error if the value
// of a flag is invalid.
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
