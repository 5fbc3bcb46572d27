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

// SkewError means that a certificate is not valid now, and that the server's clock
// differs from this machine's clock. It wraps the certificate error.
type SkewError struct {
	Err error
	// Behind is how far this machine's clock is behind the server's clock, which is
	// not authenticated; negative if this machine's clock is ahead.
	Behind time.Duration
}

func (e *SkewError) Error() string {
	return fmt.Sprintf("the clock of this machine is %s the server's: %v", Skew(e.Behind), e.Err)
}

func (e *SkewError) Unwrap() error { return e.Err }

// Skew describes how far a clock is behind another, or ahead of it if behind is
// negative, such as "5m0s behind".
func Skew(behind time.Duration) string {
	word := "behind"
	if behind < 0 {
		word = "ahead of"
	}
	return fmt.Sprintf("%s %s", behind.Abs().Round(time.Second), word)
}

// toleratedSkew is more than synchronized clocks differ, and less than the five
// minutes by which signers backdate certificates.
const toleratedSkew = time.Minute

// HarmfulSkew is the clock skew at which a newly issued certificate counts as not yet
// valid: signers backdate certificates by that much.
// Source: the controller csrsigning of Kubernetes.
const HarmfulSkew = 5 * time.Minute

// A Clock compares this machine's clock with the clocks of the servers that respond.
type Clock struct {
	// Now is this machine's clock; nil means the system clock.
	Now func() time.Time
	// Observer receives ClockBehind, once.
	Observer kubeclient.Observer

	offset atomic.Int64 // a Duration; 0 if it is within the precision of response dates
}

// Watch returns options with which the clock observes the date of each response.
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

// Behind returns how far this machine's clock is behind the last server that responded;
// negative if it is ahead, and 0 if the difference is at most a minute or unknown.
func (c *Clock) Behind() time.Duration { return notable(time.Duration(c.offset.Load())) }

// notable returns the difference of two clocks, or 0 if it is tolerated.
func notable(offset time.Duration) time.Duration {
	if offset.Abs() <= toleratedSkew {
		return 0
	}
	return offset
}

// ServerTime returns the time by the clock of the last server that responded, which
// determines when tokens expire; this machine's time if no server has responded.
func (c *Clock) ServerTime() time.Time {
	return kubeclient.ClockOrSystem(c.Now)().Add(time.Duration(c.offset.Load()))
}

// dateError is the precision of a response's date: it has whole seconds, and was set
// when the response was sent.
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

// Explain returns a *SkewError if err is a certificate error that may be caused by the
// difference between the clocks.
func (c *Clock) Explain(err error) error {
	_, explained := errors.AsType[*SkewError](err)
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	behind := c.Behind()
	if explained || behind == 0 || !errors.Is(err, clusterinfo.ErrUnusableCA) && (!ok || invalid.Reason != x509.Expired) {
		return err
	}
	return &SkewError{err, behind}
}
