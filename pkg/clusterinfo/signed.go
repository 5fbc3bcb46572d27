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

// ErrNotSignedYet means that the bootstrap signer has not signed cluster-info with
// a token that it should sign with.
var ErrNotSignedYet = errors.New("the bootstrap signer has not signed cluster-info with it")

// SignedWait says how to wait for signatures.
type SignedWait struct {
	Client corev1client.CoreV1Interface
	// Now is the clock that tokens expire by; nil means the system's.
	Now func() time.Time
	// Observer receives what is waited for as Waiting, and again when it changes.
	Observer kubeclient.Observer
}

// Until waits until cluster-info has a good signature of each of the tokens. When
// the deadline of ctx passes, its error matches ErrNotSignedYet and says whether
// the signer seems to do nothing at all or has lost these.
//
// Access: get on the configmap cluster-info in kube-public; list on secrets in
// kube-system, without which the error says less.
func (w SignedWait) Until(ctx context.Context, tokens []token.Info) error {
	w.Now = kubeclient.ClockOrSystem(w.Now)
	begin, why := w.Now(), ""
	wait := kubeclient.Wait{
		Transient: func(err error) bool { return errors.Is(err, ErrNotSignedYet) || kubeclient.IsTransient(err) },
		Observer: func(event kubeclient.Event) {
			if why != "" || !errors.Is(event.Waiting, ErrNotSignedYet) {
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
			why = cmp.Or(w.explain(ctx, info, missing), why)
		}
		return notSigned(missing, why)
	})
	if errors.Is(err, ErrNotSignedYet) && why == "" && errors.Is(err, context.DeadlineExceeded) {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return &kubeclient.DeadlineError{Last: notSigned(missing, w.explain(last, info, missing))}
	}
	return err
}

// signTimeout is how long the signer may take before anyone is told.
const signTimeout = time.Second

func notSigned(missing []string, why string) error {
	err := fmt.Errorf("token %s: %w", escape.FirstN(missing, 1, " "), ErrNotSignedYet)
	if why == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, why)
}

// unsignedOf returns the IDs of the tokens without a good signature.
func unsignedOf(info Info, tokens []token.Info) []string {
	var missing []string
	for _, tok := range tokens {
		if Check(info, tok.Token) != Valid {
			missing = append(missing, tok.ID)
		}
	}
	return missing
}

// explain says what the other tokens tell of the signer; nothing where the time
// runs out before that is known.
func (w SignedWait) explain(ctx context.Context, info Info, missing []string) string {
	all, err := token.List(ctx, w.Client)
	switch {
	case ctx.Err() != nil:
		return ""
	case err != nil:
		return "the controller " + Signer + " is slow, does not run, or may not write"
	}
	return signerState(info, all, sets.New(missing...), w.Now())
}

// signerState tells from the tokens that nobody waits for what the signer does.
func signerState(info Info, all []token.Info, waits sets.Set[string], now time.Time) string {
	var since time.Time // when the last of those that are waited for was made
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
			return fmt.Sprintf("it runs, since it signed with the later token %s, so it has lost this one", tok.ID)
		default:
			valid++
		}
	}
	switch {
	case valid == 0:
		return "no other token has a valid signature either: the controller " + Signer + " does not run, or may not write"
	case invalid == 0:
		return fmt.Sprintf("the signatures of %d other tokens are valid: the controller %s has lost this one, or has stopped since", valid, Signer)
	}
	return fmt.Sprintf("the signatures of %d other tokens are not valid either: the controller %s has stopped, or may not write", invalid, Signer)
}
