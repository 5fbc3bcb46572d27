package discovery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// Trust says which CA certificates may be trusted.
type Trust struct {
	// Pins and CAs name the keys that may be trusted; where both are given, a
	// key must be among both.
	Pins []clusterinfo.Pin
	CAs  []*x509.Certificate
	// SkipVerification trusts every CA of a document with a good signature:
	// anyone who knows the token can then pose as the cluster. Pins and CAs that
	// are given count all the same.
	SkipVerification bool
}

// Validate returns ErrNoTrust if nothing says which CA certificates to trust.
func (t Trust) Validate() error {
	if len(t.Pins) == 0 && len(t.CAs) == 0 && !t.SkipVerification {
		return ErrNoTrust
	}
	return nil
}

// Check verifies cluster-info by itself, without any connection: its document,
// which CA certificates of it may be trusted, and the signature of the token. An
// error that matches ErrUnsigned comes with the other results, since a
// connection that the roots verify can tell more.
func (t Trust) Check(info clusterinfo.Info, tok token.Token, now time.Time) (clusterinfo.Document, []*x509.Certificate, error) {
	document, err := clusterinfo.ParseDocument(info.Raw)
	if err != nil {
		return clusterinfo.Document{}, nil, err
	}
	roots, err := t.Trusted(document.CAs, now)
	if err != nil {
		return clusterinfo.Document{}, nil, err
	}
	signature, isSigned := info.Signatures[tok.ID()]
	if !isSigned {
		return document, roots, unsigned(info, tok, ErrUnsigned)
	}
	if err := clusterinfo.Verify(info.Raw, signature, tok); err != nil {
		return clusterinfo.Document{}, nil, err
	}
	return document, roots, nil
}

// trustsAnyCA reports whether only the signature makes a CA trusted.
func (t Trust) trustsAnyCA() bool {
	return t.SkipVerification && len(t.Pins) == 0 && len(t.CAs) == 0
}

// Trusted returns the CA certificates of the bundle that may be trusted.
func (t Trust) Trusted(bundle []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	pins := t.Pins
	switch {
	case t.trustsAnyCA():
		pins = clusterinfo.Pins(bundle)
	case len(t.CAs) > 0:
		pins = clusterinfo.Pins(t.CAs)
	}
	roots, err := clusterinfo.Trusted(bundle, pins, now)
	if err != nil || len(t.CAs) == 0 || len(t.Pins) == 0 {
		return roots, err
	}
	return clusterinfo.Trusted(roots, t.Pins, now)
}

// unsigned says what is known of a missing signature.
func unsigned(seen clusterinfo.Info, tok token.Token, err error) error {
	if !errors.Is(err, ErrUnsigned) && !errors.Is(err, ErrTokenNotSigned) {
		return err
	}
	switch n := len(seen.Signatures); n {
	case 0:
		return fmt.Errorf("token %s: %w; it has no signature at all: the bootstrap signer may not be running", tok.ID(), err)
	case 1:
		return fmt.Errorf("token %s: %w; it has the signature of 1 other token", tok.ID(), err)
	default:
		return fmt.Errorf("token %s: %w; it has the signatures of %d other tokens", tok.ID(), err, n)
	}
}
