package discovery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// Trust specifies which CA certificates may be trusted.
type Trust struct {
	// Pins and CAs specify the keys that may be trusted; if both are set, a key must be
	// in both.
	Pins []clusterinfo.Pin
	CAs  []*x509.Certificate
	// SkipVerification trusts every CA of a document with a valid signature: anyone who
	// knows the token can then impersonate the cluster. Pins and CAs still apply if
	// they are set.
	SkipVerification bool
}

// Validate returns ErrNoTrust if no CA to trust is specified.
func (t Trust) Validate() error {
	if len(t.Pins) == 0 && len(t.CAs) == 0 && !t.SkipVerification {
		return ErrNoTrust
	}
	return nil
}

// Check verifies cluster-info without any connection: its document, the CA certificates
// that may be trusted, and the signature of the token. With an error that matches
// ErrUnsigned it also returns the other results, because a connection that the roots
// verify can reveal why the signature is missing.
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

// unsigned adds the number of other signatures to an error about a missing signature.
func unsigned(seen clusterinfo.Info, tok token.Token, err error) error {
	if !errors.Is(err, ErrUnsigned) && !errors.Is(err, ErrTokenNotSigned) {
		return err
	}
	switch n := len(seen.Signatures); n {
	case 0:
		return fmt.Errorf("token %s: %w; cluster-info has no signatures: the bootstrap signer may not be running", tok.ID(), err)
	case 1:
		return fmt.Errorf("token %s: %w; cluster-info has a signature for 1 other token", tok.ID(), err)
	default:
		return fmt.Errorf("token %s: %w; cluster-info has signatures for %d other tokens", tok.ID(), err, n)
	}
}
