package clusterinfo

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/apiclient"
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
// known of the cluster explains more than what is not.
func (e EndpointErrors) Unwrap() []error {
	var answered []error
	for _, err := range e {
		if !apiclient.IsUnreachable(err) {
			answered = append(answered, err)
		}
	}
	if len(answered) > 0 {
		return answered
	}
	return e
}

// race asks every endpoint at once. It returns when one has verified or all have
// failed, and no request is under way any more.
func (o Options) race(ctx context.Context) (Cluster, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		cluster Cluster
		err     error
	}
	outcomes := make(chan outcome)
	for _, endpoint := range o.Endpoints {
		go func() {
			cluster, err := o.discover(ctx, endpoint)
			if err != nil {
				err = fmt.Errorf("%s: %w", endpoint, err)
			}
			outcomes <- outcome{cluster, err}
		}()
	}
	var winner *Cluster
	var answered, unreachable EndpointErrors
	for range o.Endpoints {
		switch got := <-outcomes; {
		case winner != nil: // the rest ends because of the winner
		case got.err == nil:
			got.cluster.Others = answered
			winner = &got.cluster
			cancel()
		case apiclient.IsUnreachable(got.err):
			unreachable = append(unreachable, got.err)
		default:
			answered = append(answered, got.err)
		}
	}
	if winner != nil {
		return *winner, nil
	}
	return Cluster{}, append(answered, unreachable...)
}
