package discovery

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// EndpointErrors say why each of several endpoints did not verify: first those
// that answered, then those that could not be reached.
type EndpointErrors []error

func (e EndpointErrors) Error() string {
	texts := make([]string, 0, len(e))
	for _, err := range e {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors of the endpoints that answered, if any did: what is
// known of the cluster explains more than what is not. Those that will stay come
// before those that a later attempt may not meet.
func (e EndpointErrors) Unwrap() []error {
	answered, unreachable := e.split()
	if len(answered) == 0 {
		return unreachable
	}
	var final, transient []error
	for _, err := range answered {
		if Transient(err) {
			transient = append(transient, err)
		} else {
			final = append(final, err)
		}
	}
	return append(final, transient...)
}

// race asks every endpoint at once. It returns when one has verified or all have
// failed, and no request is under way any more.
func (d discoverer) race(ctx context.Context) (Cluster, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		i       int
		cluster Cluster
		err     error
	}
	outcomes := make(chan outcome)
	for i, endpoint := range d.Endpoints {
		go func() {
			cluster, err := d.discover(ctx, endpoint)
			if err != nil {
				err = fmt.Errorf("%s: %w", endpoint, err)
			}
			outcomes <- outcome{i, cluster, err}
		}()
	}
	var winner *Cluster
	failed := make(EndpointErrors, len(d.Endpoints)) // in their order, whichever failed first
	for range d.Endpoints {
		switch got := <-outcomes; {
		case winner != nil: // the rest ends because of the winner
		case got.err == nil:
			winner = &got.cluster
			winner.Others, _ = failed.split()
			cancel()
		default:
			failed[got.i] = got.err
		}
	}
	if winner != nil {
		return *winner, nil
	}
	answered, unreachable := failed.split()
	return Cluster{}, append(answered, unreachable...)
}

// split returns the errors of endpoints that answered, and those of the others.
func (e EndpointErrors) split() (answered, unreachable EndpointErrors) {
	for _, err := range e {
		switch {
		case err == nil:
		case kubeclient.IsUnreachable(err):
			unreachable = append(unreachable, err)
		default:
			answered = append(answered, err)
		}
	}
	return answered, unreachable
}
