package tokencmd

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// neverExpires says what a token without end means.
const neverExpires = "never expires: whoever learns it can join nodes until it is deleted"

// expiryOptions say when a token ends.
type expiryOptions struct{ ttl, expiresAt string }

func (o *expiryOptions) addFlags(fs *pflag.FlagSet, preset string) {
	fs.StringVar(&o.ttl, "ttl", "", "`lifetime` from now on, such as 2h, 7d, or never (0 means never, too)"+preset)
	fs.StringVar(&o.expiresAt, "expires-at", "", "the `time` when the token ends instead, such as 2026-01-31T18:00:00Z")
}

func (o expiryOptions) validate() error {
	return cli.UsageIf(o.ttl != "" && o.expiresAt != "", "--ttl and --expires-at were both given")
}

// time returns when the token expires; the zero time means never. Without either
// flag it is after the default lifetime.
func (o expiryOptions) time(now time.Time) (time.Time, error) {
	if o.expiresAt == "" {
		ttl, err := parseTTL(cmp.Or(o.ttl, defaultTTL))
		if err != nil || ttl == 0 {
			return time.Time{}, err
		}
		return now.Add(ttl), nil
	}
	end, err := time.Parse(time.RFC3339, o.expiresAt)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%w: --expires-at %q is not a time like 2026-01-31T18:00:00Z", failure.ErrUsage, o.expiresAt)
	case end.Sub(now) < time.Second:
		return time.Time{}, fmt.Errorf("%w: --expires-at %s is past", failure.ErrUsage, o.expiresAt)
	}
	return end, nil
}

// parseTTL reads a lifetime: a Go duration, whole days such as 7d, or never or 0
// for none, which it returns as 0.
func parseTTL(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	ttl, err := cli.ParseDuration("--ttl", s)
	if ttl > 0 && ttl < time.Second {
		return 0, fmt.Errorf("%w: --ttl %q ends before the token can be used; never makes one without end", failure.ErrUsage, s)
	}
	return ttl, err
}
