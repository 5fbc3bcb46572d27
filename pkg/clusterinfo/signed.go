package clusterinfo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// ErrNotSignedYet means that the bootstrap signer has not signed cluster-info with a
// token that it should sign with.
var ErrNotSignedYet = errors.New("the bootstrap signer has not signed cluster-info with this token")

// SignedWait configures a wait for signatures.
type SignedWait struct {
	Client corev1client.CoreV1Interface
	// Now is the clock for expirations; nil means the system clock.
	Now func() time.Time
	// Observer receives the reason for waiting as Waiting, and again when it changes.
	Observer kubeclient.Observer
}

// Until waits until cluster-info has a valid signature for each of the tokens. At the
// deadline of ctx, its error matches ErrNotSignedYet and explains whether the bootstrap
// signer seems to be stopped or to have missed these tokens.
//
// Access: get on the configmap cluster-info in kube-public; list on secrets in
// kube-system, without which the error has less detail.
func (w SignedWait) Until(ctx context.Context, tokens []token.Info) error {
	w.Now = kubeclient.ClockOrSystem(w.Now)
	begin, detail := w.Now(), ""
	wait := kubeclient.Wait{
		Transient: func(err error) bool { return errors.Is(err, ErrNotSignedYet) || kubeclient.IsTransient(err) },
		Observer: func(event kubeclient.Event) {
			if detail != "" || !errors.Is(event.Waiting, ErrNotSignedYet) {
				w.Observer.Notify(event)
			}
		},
		Slow: kubeclient.ErrNoAnswer,
	}
	var info Info
	var missing []string
	err := kubeclient.Until(ctx, wait, func(ctx context.Context) (err error) {
		if info, err = Fetch(ctx, w.Client); err != nil {
			return err
		}
		if missing = unsignedOf(info, tokens); len(missing) == 0 {
			return nil
		}
		if w.Now().Sub(begin) >= signTimeout {
			detail = cmp.Or(w.explain(ctx, info, missing), detail)
		}
		return notSigned(missing, detail)
	})
	if errors.Is(err, ErrNotSignedYet) && detail == "" && errors.Is(err, context.DeadlineExceeded) {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return &kubeclient.DeadlineError{Last: notSigned(missing, w.explain(last, info, missing))}
	}
	return err
}

// signTimeout is how long the bootstrap signer may take before the wait is reported.
const signTimeout = time.Second

func notSigned(missing []string, detail string) error {
	err := fmt.Errorf("token %s: %w", escape.FirstN(missing, 1, " "), ErrNotSignedYet)
	if detail == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, detail)
}

// unsignedOf returns the IDs of the tokens without a valid signature.
func unsignedOf(info Info, tokens []token.Info) []string {
	var missing []string
	for _, tok := range tokens {
		if Check(info, tok.Token) != Valid {
			missing = append(missing, tok.ID)
		}
	}
	return missing
}

// explain returns what the other tokens reveal about the bootstrap signer; empty if ctx
// ends first.
func (w SignedWait) explain(ctx context.Context, info Info, missing []string) string {
	all, err := token.List(ctx, w.Client)
	switch {
	case ctx.Err() != nil:
		return ""
	case err != nil:
		return "the controller " + Signer + " is slow, is not running, or lacks permission to write cluster-info"
	}
	return signerState(info, all, sets.New(missing...), w.Now())
}

// signerState derives the state of the bootstrap signer from the tokens not waited for.
func signerState(info Info, all []token.Info, waits sets.Set[string], now time.Time) string {
	var since time.Time // when the newest token that is waited for was created
	for _, tok := range all {
		if waits.Has(tok.ID) && tok.Created.After(since) {
			since = tok.Created
		}
	}
	valid, invalid := 0, 0
	for _, tok := range all {
		switch {
		case waits.Has(tok.ID) || !tok.Signs(now):
		case Check(info, tok.Token) != Valid:
			invalid++
		case tok.Created.After(since):
			return fmt.Sprintf("it is running, because it signed with the newer token %s, but it has missed this one", tok.ID)
		default:
			valid++
		}
	}
	switch {
	case valid == 0:
		return "no other token has a valid signature either: the controller " + Signer + " is not running or lacks permission to write cluster-info"
	case invalid == 0:
		return fmt.Sprintf("the signatures of %d other tokens are valid: the controller %s has missed this one, or has stopped since", valid, Signer)
	}
	return fmt.Sprintf("the signatures of %d other tokens are not valid either: the controller %s has stopped or lacks permission to write cluster-info", invalid, Signer)
}
