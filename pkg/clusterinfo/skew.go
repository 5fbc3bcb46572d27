package clusterinfo

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/apiclient"
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
	return fmt.Sprintf("%v; the clock of this machine is %s the server's", e.Err, Skew(e.Behind))
}

// Skew says how far a clock is behind another, or ahead of it when behind is
// negative, such as "5m0s behind".
func Skew(behind time.Duration) string {
	word := "behind"
	if behind < 0 {
		word = "ahead of"
	}
	return fmt.Sprintf("%s %s", behind.Abs().Round(time.Second), word)
}

func (e *SkewError) Unwrap() error { return e.Err }

// toleratedSkew is more than clocks that are kept differ, and less than the
// five minutes that signers date certificates back.
const toleratedSkew = time.Minute

// watchDate returns options that note the server's clock.
func (o Options) watchDate() (Options, *time.Time) {
	var date time.Time
	observe := o.Client.Observe
	o.Client.Observe = func(c apiclient.Call) {
		if !c.Date.IsZero() {
			date = c.Date
		}
		if observe != nil {
			observe(c)
		}
	}
	return o, &date
}

// withSkew adds what is known of the clocks to an error that may come of them.
func withSkew(err error, now, date time.Time) error {
	var invalid x509.CertificateInvalidError
	if !errors.Is(err, ErrUnusableCA) && (!errors.As(err, &invalid) || invalid.Reason != x509.Expired) {
		return err
	}
	if behind := date.Sub(now); !date.IsZero() && behind.Abs() > toleratedSkew {
		return &SkewError{err, behind}
	}
	return err
}
