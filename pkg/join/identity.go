package join

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
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
	server clusterinfo.Endpoint
	roots  []*x509.Certificate
	chain  []byte // in PEM, the node's own certificate first
	leaf   *x509.Certificate
	key    crypto.Signer
}

// shouldReplace reports whether the node joins despite err from the identity on disk.
func (j *joiner) shouldReplace(err error) bool {
	if errors.Is(err, ErrNotJoined) || errors.Is(err, ErrExpired) {
		return true
	}
	return j.Force && (errors.Is(err, ErrForeign) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrRejected) ||
		errors.Is(err, clusterinfo.ErrUnusableCA) || kubeclient.IsUntrusted(err))
}

// existing returns the identity that stands on disk: complete, valid, of this node
// and of a cluster that the options trust.
func (j *joiner) existing() (identity, error) {
	cluster, user, err := loadContext(j.Layout.Kubeconfig())
	if err != nil {
		return identity{}, err
	}
	id, err := j.readCluster(cluster)
	if err != nil {
		return identity{}, err
	}
	current := j.Layout.Current()
	if user.ClientCertificate == "" || j.Layout.referred(user.ClientCertificate) != current || j.Layout.referred(user.ClientKey) != current {
		return identity{}, fmt.Errorf("%s: %w: its user does not have the certificate and key in %s", j.Layout.Kubeconfig(), ErrInvalid, current)
	}
	return j.readPair(id)
}

// loadContext reads the cluster and the user of a kubeconfig.
func loadContext(path string) (cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo, err error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%w: there is no %s", ErrNotJoined, path)
	case err != nil:
		return nil, nil, err
	}
	config, err := clientcmd.Load(text)
	if err == nil {
		cluster, user, err = currentContext(config)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %w", path, ErrInvalid, err)
	}
	return cluster, user, nil
}

// readCluster returns where the cluster of the kubeconfig is and which of its CA
// certificates to trust.
func (j *joiner) readCluster(cluster *clientcmdapi.Cluster) (id identity, err error) {
	wrap := func(state, err error) error {
		return fmt.Errorf("%s: %w: %w", j.Layout.Kubeconfig(), state, err)
	}
	if id.server, err = clusterinfo.ParseEndpoint(cluster.Server); err != nil {
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
	id.roots, err = j.trusted(bundle)
	switch {
	case errors.Is(err, clusterinfo.ErrPinMismatch):
		return id, wrap(ErrForeign, err)
	case err != nil:
		return id, wrap(ErrInvalid, err)
	}
	return id, nil
}

// readPair adds the certificate and key to the identity, and checks them.
func (j *joiner) readPair(id identity) (identity, error) {
	var text []byte
	path, err := j.Layout.currentPair()
	if err == nil {
		text, err = os.ReadFile(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return id, fmt.Errorf("%w: there is no %s", ErrNotJoined, cmp.Or(path, j.Layout.Current()))
	case err != nil:
		return id, err
	}
	if err := j.parsePair(&id, text); err != nil {
		return id, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}

// parsePair parses and checks certificate and key. The owner of an expired certificate
// is checked as well.
func (j *joiner) parsePair(id *identity, text []byte) (err error) {
	var keyText []byte
	id.chain, keyText = certpem.Split(text)
	if id.key, err = csr.ParseKey(keyText); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	certs, err := certpem.Parse(id.chain)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	leaf := certs[0]
	name, isNode := strings.CutPrefix(leaf.Subject.CommonName, csr.NodeUserPrefix)
	if isNode && j.NodeName != "" && name != j.NodeName {
		return fmt.Errorf("%w: it is of the node %q", ErrForeign, name)
	}
	now := j.Discovery.Client.Now()
	expired := now.After(leaf.NotAfter)
	if expired {
		now = leaf.NotAfter
	}
	expected := csr.ExpectNode(name)
	expected.PublicKey, expected.Roots, expected.Now = id.key.Public(), id.roots, now
	id.leaf, err = csr.CheckCertificate(id.chain, expected)
	var early x509.CertificateInvalidError // its CA was renewed with the same key since
	renewed := expired && errors.As(err, &early) && early.Reason == x509.Expired
	if err != nil && !renewed {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if expired {
		return fmt.Errorf("%w, on %s", ErrExpired, leaf.NotAfter.UTC().Format("2006-01-02 at 15:04:05 MST"))
	}
	return nil
}

// confirm repairs what the identity lacks, and asks the API server whether it
// is good.
func (j *joiner) confirm(ctx context.Context, id identity) (Result, error) {
	result := Result{
		AlreadyJoined: true, NodeName: strings.TrimPrefix(id.leaf.Subject.CommonName, csr.NodeUserPrefix),
		Server: id.server, Roots: id.roots, Certificate: id.leaf,
	}
	result, err := j.identify(ctx, result, id)
	if err != nil {
		return result, err
	}
	result.Repaired, err = j.repair(id)
	return result, err
}

// repair repairs one file.
type repair struct {
	path string
	do   func() error
}

// repair repairs what the identity lacks, and returns the files; in a dry run it only
// does the latter.
func (j *joiner) repair(id identity) (repaired []string, err error) {
	repairs, err := j.repairs(id)
	for _, r := range repairs {
		repaired = append(repaired, r.path)
		if err == nil && !j.DryRun {
			err = r.do()
		}
	}
	return repaired, err
}

// repairs are what a join that died last of all, or a kubelet, has not done: the CA
// file, a key that waits no more, permissions.
func (j *joiner) repairs(id identity) (repairs []repair, err error) {
	bundle, err := j.caFile()
	if err != nil {
		return nil, err
	}
	switch missing := !within(id.roots, bundle); {
	case missing && len(bundle) > 0 && !j.Force:
		return nil, fmt.Errorf("%s: %w: it lacks a CA certificate of %s", j.Layout.CA(), ErrForeign, j.Layout.Kubeconfig())
	case missing:
		repairs = append(repairs, repair{j.Layout.CA(), func() error {
			return durable.WriteFile(j.Layout.CA(), certpem.Encode(id.roots...), 0o644)
		}})
	}
	key, err := csr.EncodeKey(id.key)
	if err != nil {
		return nil, err
	}
	if waiting, err := os.ReadFile(j.Layout.pendingKey()); err == nil && bytes.Equal(bytes.TrimSpace(waiting), bytes.TrimSpace(key)) {
		repairs = append(repairs, repair{j.Layout.pendingKey(), func() error { return os.Remove(j.Layout.pendingKey()) }})
	}
	pair, err := j.Layout.currentPair()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{j.Layout.Kubeconfig(), pair} {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode().Perm()&0o077 != 0 {
			repairs = append(repairs, repair{path, func() error { return os.Chmod(path, 0o600) }})
		}
	}
	return repairs, nil
}
