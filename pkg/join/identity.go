package join

import (
	"context"
	"crypto/x509"
	"errors"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// What an identity on disk may be instead of one that is good.
var (
	// ErrNotJoined means that there is none, or not all of it.
	ErrNotJoined = errors.New("no identity is here")
	// ErrExpired means that its certificate has expired.
	ErrExpired = errors.New("the identity here has expired")
	// ErrForeign means that it is of another node or cluster.
	ErrForeign = errors.New("the identity on disk is another one")
	// ErrInvalid means that it does not verify.
	ErrInvalid = errors.New("the identity on disk does not verify")
	// ErrRejected means that the API server does not accept it.
	ErrRejected = errors.New("the API server does not accept the identity")
)

// identity is all that the files hold.
type identity struct {
	Node
	leaf *x509.Certificate
}

// shouldReplace reports whether the node joins despite err from the identity on disk.
func (j *joiner) shouldReplace(err error) bool {
	if errors.Is(err, ErrNotJoined) || errors.Is(err, ErrExpired) {
		return true
	}
	return j.Force && (errors.Is(err, ErrForeign) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrRejected) ||
		errors.Is(err, clusterinfo.ErrUnusableCA) || kubeclient.IsUntrusted(err))
}

// check asks the API server whether the identity that stands on disk is good, and
// repairs what it lacks.
func (j *joiner) check(ctx context.Context) (Result, error) {
	id, err := j.existing()
	if err != nil {
		return Result{}, err
	}
	j.step("checking the identity that is here")
	result := Result{AlreadyJoined: true, NodeName: id.Name, Server: id.Server, Roots: id.Roots, Certificate: id.leaf}
	if result, err = j.identify(ctx, result, id.Node); err == nil {
		result.Repaired, err = j.repair(id)
	}
	return result, err
}

// identify asks the API server who the identity makes us, which must be the node.
func (j *joiner) identify(ctx context.Context, result Result, node Node) (Result, error) {
	j.step("asking the API server who this is")
	client, err := node.Client(j.Discovery.Client)
	if err != nil {
		return result, err
	}
	confirm := func(ctx context.Context) (authenticationv1.UserInfo, error) { return node.Confirm(ctx, client) }
	user, err := kubeclient.Retry(ctx, discovery.Transient, j.Observer, confirm)
	result.Username, result.Groups = user.Username, user.Groups
	return result, err
}
