package clusterinfo

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/bootctl/bootctl/internal/certpem"
)

// ErrDocument means that a node must not trust the kubeconfig in cluster-info: it
// must have one cluster, an https server, a CA, and nothing else.
var ErrDocument = errors.New("the kubeconfig in cluster-info is invalid")

// Document is the kubeconfig in cluster-info.
type Document struct {
	// Raw is its exact text, which is what the signatures cover.
	Raw []byte
	// Server is the address of the API server for nodes.
	Server Endpoint
	// CAs are the certificates of the cluster's CA bundle.
	CAs []*x509.Certificate
}

// Equivalent reports whether both documents have the same server address and the same
// CA certificates, regardless of how they are written.
func (d Document) Equivalent(other Document) bool {
	return d.Server == other.Server && slices.EqualFunc(d.CAs, other.CAs, (*x509.Certificate).Equal)
}

// document has the only fields that the kubeconfig may have. The fields that only older
// releases write are empty.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Clusters   []struct {
		Name    string `json:"name"`
		Cluster struct {
			Server string `json:"server"`
			CA     []byte `json:"certificate-authority-data"`
		} `json:"cluster"`
	} `json:"clusters"`
	Contexts       []struct{} `json:"contexts"`
	Users          []struct{} `json:"users"`
	Preferences    struct{}   `json:"preferences"`
	CurrentContext string     `json:"current-context"`
}

// ParseDocument reads the kubeconfig in cluster-info. It is strict: an unknown or
// duplicate field, a second cluster or document, a user, a context, or anything other
// than certificates in the CA bundle is an error that matches ErrDocument.
func ParseDocument(raw []byte) (Document, error) {
	var d document
	if err := unmarshalStrict(raw, &d); err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	problem := ""
	switch {
	case d.APIVersion != "v1" || d.Kind != "Config":
		problem = "its apiVersion and kind are not v1 and Config"
	case len(d.Clusters) != 1:
		problem = fmt.Sprintf("it has %d clusters, not one", len(d.Clusters))
	case len(d.Users) > 0:
		problem = "it has users"
	case len(d.Contexts) > 0 || d.CurrentContext != "":
		problem = "it has a context"
	}
	if problem != "" {
		return Document{}, fmt.Errorf("%w: %s", ErrDocument, problem)
	}
	server, err := parseURL(d.Clusters[0].Cluster.Server, "443")
	if err != nil {
		return Document{}, fmt.Errorf("%w: its server: %w", ErrDocument, err)
	}
	cas, err := certpem.Parse(d.Clusters[0].Cluster.CA)
	if err != nil {
		return Document{}, fmt.Errorf("%w: its CA bundle: %w", ErrDocument, err)
	}
	return Document{raw, server, cas}, nil
}

// unmarshalStrict reads one YAML document into v. It rejects unknown fields, duplicate
// fields and fields in another case.
func unmarshalStrict(raw []byte, v any) error {
	text, err := yaml.YAMLToJSONStrict(raw)
	switch {
	case err != nil && strings.Contains(err.Error(), "map key"): // the original error contains Go types
		return errors.New("a key is not a string")
	case err != nil:
		return err
	}
	var misfit *json.UnmarshalTypeError
	err = utiljson.Unmarshal(text, v)
	switch {
	case errors.As(err, &misfit): // its text contains Go types
		return fmt.Errorf("%s has the invalid type %s", cmp.Or(misfit.Field, "the document"), misfit.Value)
	case err != nil:
		return err
	case !isOneDocument(raw):
		return errors.New("it contains more than one YAML document")
	}
	var fields map[string]any
	if err := utiljson.Unmarshal(text, &fields); err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, v, true)
}

// isOneDocument reports whether the text contains exactly one YAML document. The
// conversion to JSON stops at the end of the first document, and does not report
// what follows.
func isOneDocument(text []byte) bool {
	documents := goyaml.NewDecoder(bytes.NewReader(text))
	var document goyaml.Node
	return documents.Decode(&document) == nil && errors.Is(documents.Decode(&document), io.EOF)
}
