package tokencmd

import (
	"cmp"
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// neverExpires describes a token without an expiration.
const neverExpires = "never expires: anyone who obtains it can join nodes until it is deleted"

// expiryOptions are the flags for the expiration of a token.
type expiryOptions struct{ ttl, expiresAt string }

func (o *expiryOptions) addFlags(fs *pflag.FlagSet, preset string) {
	fs.StringVar(&o.ttl, "ttl", "", "expire after `lifetime`, such as 2h, 7d, or never (same as 0)"+preset)
	fs.StringVar(&o.expiresAt, "expires-at", "", "expire at `time`, such as 2026-01-31T18:00:00Z")
}

func (o expiryOptions) validate() error {
	return cli.UsageIf(o.ttl != "" && o.expiresAt != "", "--ttl and --expires-at cannot be used together")
}

// time returns when the token expires; the zero time means never. Without either flag
// the token has the default lifetime.
func (o expiryOptions) time(now time.Time) (time.Time, error) {
	if o.expiresAt == "" {
		ttl, err := parseTTL(cmp.Or(o.ttl, defaultTTL))
		if err != nil || ttl == 0 {
			return time.Time{}, err
		}
		return now.Add(ttl), nil
	}
	expires, err := time.Parse(time.RFC3339, o.expiresAt)
	switch {
	case err != nil:
		return time.Time{}, failure.Usagef("--expires-at %q is not a time like 2026-01-31T18:00:00Z", o.expiresAt)
	case expires.Sub(now) < time.Second:
		return time.Time{}, failure.Usagef("--expires-at %s is in the past", o.expiresAt)
	}
	return expires, nil
}

// parseTTL parses a lifetime: a Go duration, whole days such as 7d, or never or 0, for
// which it returns 0.
func parseTTL(s string) (time.Duration, error) {
	if s == "never" {
		return 0, nil
	}
	ttl, err := cli.ParseDuration("--ttl", s)
	if ttl > 0 && ttl < time.Second {
		return 0, failure.Usagef("--ttl %q is shorter than a second; use never for a token that does not expire", s)
	}
	return ttl, err
}
