package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
)

// neverExpires says what a token without end means.
const neverExpires = "never expires: whoever learns it can join nodes until it is deleted"

// endOptions say when a token ends.
type endOptions struct {
	ttl       string
	expiresAt string
}

func (o *endOptions) addFlags(fs *pflag.FlagSet, preset string) {
	fs.StringVar(&o.ttl, "ttl", "", "`lifetime` from now on, such as 2h, 7d, or never (0 means never, too)"+preset)
	fs.StringVar(&o.expiresAt, "expires-at", "", "the `time` when the token ends instead, such as 2026-01-31T18:00:00Z")
}

// time returns when the token ends; the zero time means never. preset is the
// lifetime where no end was given.
func (o endOptions) time(now time.Time, preset string) (time.Time, error) {
	switch {
	case o.ttl != "" && o.expiresAt != "":
		return time.Time{}, fmt.Errorf("%w: --ttl and --expires-at were both given", failure.ErrUsage)
	case o.ttl == "" && o.expiresAt == "" && preset == "":
		return time.Time{}, fmt.Errorf("%w: give --ttl or --expires-at", failure.ErrUsage)
	case o.ttl == "":
		o.ttl = preset
	}
	if o.expiresAt == "" {
		ttl, err := parseTTL(o.ttl)
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
