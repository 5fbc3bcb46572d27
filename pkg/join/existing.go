package join

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// existing returns the identity on disk, which must be complete and valid, for this node
// and for a cluster that the options trust.
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
		return identity{}, fmt.Errorf("%s: %w: its user does not refer to the certificate and key in %s", path, ErrInvalid, current)
	}
	err = j.readPair(&id)
	return id, err
}

// notJoined returns err, or ErrNotJoined if err means that the file does not exist.
func notJoined(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrNotJoined, path)
	}
	return err
}

// readCluster returns the server in the kubeconfig and the CA certificates in it that are
// trusted.
func (j *joiner) readCluster(cluster *clientcmdapi.Cluster) (id identity, err error) {
	wrap := func(state, err error) error {
		return fmt.Errorf("%s: %w: %w", j.Layout.Kubeconfig(), state, err)
	}
	if id.Server, err = clusterinfo.ParseEndpoint(cluster.Server); err != nil {
		return id, wrap(ErrInvalid, err)
	}
	text := cluster.CertificateAuthorityData
	if len(text) == 0 && cluster.CertificateAuthority != "" { // a bootstrap kubeconfig with a CA file leads to this
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
	switch isMismatch := errors.Is(err, clusterinfo.ErrPinMismatch); {
	case isMismatch && len(j.others(id.Server)) > 0:
		return id, wrap(ErrForeign, err)
	case isMismatch:
		return id, &PinMismatchError{File: j.Layout.Kubeconfig(), Given: j.pins(), Err: err}
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

// parsePair parses and checks the certificate and key, which must be for the node of that
// name, if it is not empty. An expired certificate must also be for that node.
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
		return fmt.Errorf("%w: the certificate is for node %q", ErrForeign, id.Name)
	}
	expired := now.After(leaf.NotAfter)
	if expired {
		now = leaf.NotAfter
	}
	id.leaf, err = id.CheckCertificate(now)
	early, _ := errors.AsType[x509.CertificateInvalidError](err) // its CA has since been renewed with the same key
	renewed := expired && early.Reason == x509.Expired
	if err != nil && !renewed {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if expired {
		return fmt.Errorf("%w, on %s", ErrExpired, leaf.NotAfter.UTC().Format("2006-01-02 at 15:04:05 MST"))
	}
	return nil
}
