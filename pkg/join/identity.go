package join

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
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

// Node is who a certificate makes of its holder, and where that counts.
type Node struct {
	Name   string
	Server clusterinfo.Endpoint
	Roots  []*x509.Certificate
	// Chain is in PEM, the node's own certificate first.
	Chain []byte
	Key   crypto.Signer
}

// CheckCertificate returns the node's own certificate, or an error that matches
// csr.ErrCertificate: it must be the client certificate of this node for its key, from
// one of the roots, and valid at that time.
func (n Node) CheckCertificate(now time.Time) (*x509.Certificate, error) {
	want := csr.ExpectNode(n.Name)
	want.PublicKey, want.Roots, want.Now = n.Key.Public(), n.Roots, now
	return csr.CheckCertificate(n.Chain, want)
}

// Client returns a client of the API server as the node.
func (n Node) Client(opts kubeclient.Options) (*kubeclient.Client, error) {
	key, err := csr.EncodeKey(n.Key)
	if err != nil {
		return nil, err
	}
	opts.As = csr.NodeUserPrefix + n.Name
	return kubeclient.New(&rest.Config{
		Host:            n.Server.URL(),
		TLSClientConfig: rest.TLSClientConfig{CAData: certpem.Encode(n.Roots...), CertData: n.Chain, KeyData: key},
	}, opts)
}

// Confirm asks the API server once who the node's client is. It returns an error
// that matches ErrRejected when that is not the node.
//
// Access: create on selfsubjectreviews, which every authenticated user has.
func (n Node) Confirm(ctx context.Context, client *kubeclient.Client) (authenticationv1.UserInfo, error) {
	user, err := client.WhoAmI(ctx)
	switch {
	case apierrors.IsUnauthorized(err):
		err = fmt.Errorf("%s: %w: %w", n.Server, ErrRejected, err)
	case err == nil && user.Username != csr.NodeUserPrefix+n.Name:
		err = fmt.Errorf("%s: %w: it takes it for %q", n.Server, ErrRejected, user.Username)
	}
	return user, err
}

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

// existing returns the identity that stands on disk: complete, valid, of this node
// and of a cluster that the options trust.
func (j *joiner) existing() (identity, error) {
	path, current := j.Layout.Kubeconfig(), j.Layout.Current()
	text, err := os.ReadFile(path)
	if err != nil {
		return identity{}, notJoined(err, path)
	}
	cluster, user, err := currentContext(text)
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w: %w", path, ErrInvalid, err)
	}
	id, err := j.readCluster(cluster)
	if err != nil {
		return identity{}, err
	}
	if user.ClientCertificate == "" || j.Layout.referred(user.ClientCertificate) != current || j.Layout.referred(user.ClientKey) != current {
		return identity{}, fmt.Errorf("%s: %w: its user does not have the certificate and key in %s", path, ErrInvalid, current)
	}
	err = j.readPair(&id)
	return id, err
}

// notJoined is err, or ErrNotJoined where it means that there is no such file.
func notJoined(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s", ErrNotJoined, path)
	}
	return err
}

// readCluster returns where the cluster of the kubeconfig is and which of its CA
// certificates to trust.
func (j *joiner) readCluster(cluster *clientcmdapi.Cluster) (id identity, err error) {
	wrap := func(state, err error) error {
		return fmt.Errorf("%s: %w: %w", j.Layout.Kubeconfig(), state, err)
	}
	if id.Server, err = clusterinfo.ParseEndpoint(cluster.Server); err != nil {
		return id, wrap(ErrInvalid, err)
	}
	text := cluster.CertificateAuthorityData
	if len(text) == 0 && cluster.CertificateAuthority != "" { // as the kubelet has it that was told of a file
		file := j.Layout.referred(cluster.CertificateAuthority)
		if err := durable.CheckReplaceable(file, 0); err != nil {
			return id, err
		}
		if text, err = os.ReadFile(file); err != nil {
			return id, wrap(ErrInvalid, err)
		}
	}
	bundle, err := certpem.Parse(text)
	if err != nil {
		return id, wrap(ErrInvalid, fmt.Errorf("its CA: %w", err))
	}
	id.Roots, err = j.trusted(bundle)
	switch {
	case errors.Is(err, clusterinfo.ErrPinMismatch):
		return id, wrap(ErrForeign, err)
	case err != nil:
		return id, wrap(ErrInvalid, err)
	}
	return id, nil
}

// readPair adds the certificate and key to the identity, and checks them.
func (j *joiner) readPair(id *identity) error {
	path, err := j.Layout.currentPair()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return notJoined(err, path)
	}
	if err := id.parsePair(text, j.NodeName, j.Discovery.Client.Now()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parsePair parses and checks certificate and key, which must be of the node of that
// name, if there is one. The owner of an expired certificate is checked as well.
func (id *identity) parsePair(text []byte, nodeName string, now time.Time) (err error) {
	var keyText []byte
	id.Chain, keyText = certpem.Split(text)
	id.Key, err = csr.ParseKey(keyText)
	certs, badChain := certpem.Parse(id.Chain)
	if err := cmp.Or(err, badChain); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	leaf, isNode := certs[0], false
	id.Name, isNode = strings.CutPrefix(leaf.Subject.CommonName, csr.NodeUserPrefix)
	if isNode && nodeName != "" && id.Name != nodeName {
		return fmt.Errorf("%w: it is of the node %q", ErrForeign, id.Name)
	}
	expired := now.After(leaf.NotAfter)
	if expired {
		now = leaf.NotAfter
	}
	id.leaf, err = id.CheckCertificate(now)
	early, _ := errors.AsType[x509.CertificateInvalidError](err) // its CA was renewed with the same key since
	renewed := expired && early.Reason == x509.Expired
	if err != nil && !renewed {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if expired {
		return fmt.Errorf("%w, on %s", ErrExpired, leaf.NotAfter.UTC().Format("2006-01-02 at 15:04:05 MST"))
	}
	return nil
}
