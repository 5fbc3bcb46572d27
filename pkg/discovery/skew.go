package discovery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// SkewError says that a certificate is not valid now, and that the server's
// clock differs from this machine's. It wraps the error of the certificate.
type SkewError struct {
	Err error
	// Behind is how far this machine is behind the server; negative when it
	// is ahead. Nothing vouches for the server's clock.
	Behind time.Duration
}

func (e *SkewError) Error() string {
	return fmt.Sprintf("the clock of this machine is %s the server's: %v", Skew(e.Behind), e.Err)
}

func (e *SkewError) Unwrap() error { return e.Err }

// Skew says how far a clock is behind another, or ahead of it when behind is
// negative, such as "5m0s behind".
func Skew(behind time.Duration) string {
	word := "behind"
	if behind < 0 {
		word = "ahead of"
	}
	return fmt.Sprintf("%s %s", behind.Abs().Round(time.Second), word)
}

// toleratedSkew is more than clocks that are kept differ, and less than the
// five minutes that signers date certificates back.
const toleratedSkew = time.Minute

// HarmfulSkew is how far a clock may be off until a certificate that was just
// issued counts as not yet valid: signers date certificates back by that much.
// Source: the controller csrsigning of Kubernetes.
const HarmfulSkew = 5 * time.Minute

// A Clock compares this machine's clock with those of the servers that answer.
type Clock struct {
	// Now is this machine's; nil means the system's.
	Now func() time.Time
	// Observer receives ClockBehind, once.
	Observer kubeclient.Observer

	offset atomic.Int64 // a Duration; 0 unless it is more than the dates of answers are off by
}

// Watch returns options with which the clock hears of each answer.
func (c *Clock) Watch(opts kubeclient.Options) kubeclient.Options {
	observe := opts.Observe
	opts.Observe = func(call kubeclient.Call) {
		c.observe(call.Date)
		if observe != nil {
			observe(call)
		}
	}
	return opts
}

// Behind returns how far this machine is behind the last server that answered,
// negative when it is ahead; 0 when that is up to a minute, or nothing answered.
func (c *Clock) Behind() time.Duration { return notable(time.Duration(c.offset.Load())) }

// notable returns the difference of two clocks, or 0 if it is tolerated.
func notable(offset time.Duration) time.Duration {
	if offset.Abs() <= toleratedSkew {
		return 0
	}
	return offset
}

// ServerTime returns what time it is by the clock of the last server that answered,
// which is what it judges tokens by; this machine's where nothing answered.
func (c *Clock) ServerTime() time.Time {
	return kubeclient.ClockOrSystem(c.Now)().Add(time.Duration(c.offset.Load()))
}

// dateError is how much the date of an answer may be off: it has whole seconds, and
// is as old as the answer was under way.
const dateError = 2 * time.Second

func (c *Clock) observe(date time.Time) {
	if date.IsZero() {
		return
	}
	offset := date.Sub(kubeclient.ClockOrSystem(c.Now)())
	if offset.Abs() <= dateError {
		offset = 0
	}
	before := time.Duration(c.offset.Swap(int64(offset)))
	if notable(offset) != 0 && notable(before) == 0 {
		c.Observer.Notify(kubeclient.Event{ClockBehind: offset})
	}
}

// Explain adds what is known of the clocks to an error that may come of them: it is
// then a *SkewError.
func (c *Clock) Explain(err error) error {
	_, explained := errors.AsType[*SkewError](err)
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	behind := c.Behind()
	if explained || behind == 0 || !errors.Is(err, clusterinfo.ErrUnusableCA) && (!ok || invalid.Reason != x509.Expired) {
		return err
	}
	return &SkewError{err, behind}
}
