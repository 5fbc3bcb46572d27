package join

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Problems with the node credentials on disk.
var (
	// ErrNotJoined means that there are none, or not all of them.
	ErrNotJoined = errors.New("no node credentials")
	// ErrExpired means that the certificate has expired.
	ErrExpired = errors.New("the node certificate has expired")
	// ErrForeign means that they are for another node or cluster.
	ErrForeign = errors.New("the file belongs to another node or cluster")
	// ErrInvalid means that they do not verify.
	ErrInvalid = errors.New("invalid node credentials")
	// ErrRejected means that the API server does not accept them.
	ErrRejected = errors.New("the API server does not accept the node certificate")
)

// A PinMismatchError means that no CA certificate in the existing kubeconfig has a given
// key, although no other server than the one in the kubeconfig is given. It matches
// clusterinfo.ErrPinMismatch.
type PinMismatchError struct {
	File  string            // the path of the kubeconfig
	Given []clusterinfo.Pin // the pins, and the pins of the CA certificates
	Err   error             // names the pins of the CA certificates in the kubeconfig
}

func (e *PinMismatchError) Error() string {
	given := make([]string, len(e.Given))
	for i, pin := range e.Given {
		given[i] = pin.String()
	}
	return fmt.Sprintf("%s: %v; given: %s", e.File, e.Err, escape.FirstN(given, 3, ", "))
}

// Unwrap returns Err.
func (e *PinMismatchError) Unwrap() error { return e.Err }

// identity is the contents of the files.
type identity struct {
	Node
	leaf *x509.Certificate
}

// shouldReplace reports whether the node joins despite err from the existing identity.
func (j *joiner) shouldReplace(err error) bool {
	if errors.Is(err, ErrNotJoined) || errors.Is(err, ErrExpired) {
		return true
	}
	return j.Force && (errors.Is(err, ErrForeign) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrRejected) ||
		errors.Is(err, clusterinfo.ErrPinMismatch) || errors.Is(err, clusterinfo.ErrUnusableCA) || kubeclient.IsUntrusted(err))
}

// check checks the identity on disk, also with the API server, and repairs the files.
func (j *joiner) check(ctx context.Context) (Result, error) {
	id, err := j.existing()
	if err != nil {
		return Result{}, err
	}
	j.step("checking the existing node credentials")
	result := Result{AlreadyJoined: true, NodeName: id.Name, Server: id.Server, Unused: j.others(id.Server), Roots: id.Roots, Certificate: id.leaf}
	if result, err = j.identify(ctx, result, id.Node); err == nil {
		result.Repaired, err = j.repair(id)
	}
	return result, err
}

// identify checks that the API server accepts the certificate as this node's.
func (j *joiner) identify(ctx context.Context, result Result, node Node) (Result, error) {
	j.step("confirming the identity with the API server")
	client, err := node.Client(j.Discovery.Client)
	if err != nil {
		return result, err
	}
	confirm := func(ctx context.Context) (authenticationv1.UserInfo, error) { return node.Confirm(ctx, client) }
	user, err := kubeclient.Retry(ctx, discovery.Transient, j.Observer, confirm)
	result.Username, result.Groups = user.Username, user.Groups
	return result, err
}
