package discovery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// EndpointErrors are the errors of several endpoints, none of which verified: first
// the endpoints that responded, then the endpoints that could not be reached.
type EndpointErrors []error

func (e EndpointErrors) Error() string {
	texts := make([]string, 0, len(e))
	for _, err := range e {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors of the endpoints that responded, if there are any: they
// explain more than connection errors. Permanent errors come before transient errors.
func (e EndpointErrors) Unwrap() []error {
	unreachable, answered := partition(e, kubeclient.IsUnreachable)
	if len(answered) == 0 {
		return unreachable
	}
	transient, final := partition(answered, Transient)
	return append(final, transient...)
}

// partition returns the errors that match, and the others.
func partition(errs []error, match func(error) bool) (matching, others []error) {
	for _, err := range errs {
		if match(err) {
			matching = append(matching, err)
		} else {
			others = append(others, err)
		}
	}
	return matching, others
}

// race tries every endpoint concurrently. It returns when one has verified or all have
// failed, and all requests have ended.
func (o Options) race(ctx context.Context) (Cluster, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var winner *Cluster
	failed := make([]error, len(o.Endpoints)) // in the order of the endpoints
	var running sync.WaitGroup
	for i, endpoint := range o.Endpoints {
		running.Go(func() {
			cluster, err := explained(ctx, endpoint, o, Options.verified)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case winner != nil: // the other attempts were canceled
			case err == nil:
				winner = &cluster
				cancel()
			default:
				failed[i] = fmt.Errorf("%s: %w", endpoint, err)
			}
		})
	}
	running.Wait()
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	unreachable, answered := partition(failed, kubeclient.IsUnreachable)
	if winner == nil {
		return Cluster{}, EndpointErrors(append(answered, unreachable...))
	}
	winner.Others = answered
	return *winner, nil
}
