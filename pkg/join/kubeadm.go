package join

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kubeadmVersion is the version of kubeadm's JoinConfiguration that is read.
const kubeadmVersion = "kubeadm.k8s.io/v1beta4"

// KubeadmConfig is kubeadm's JoinConfiguration, without the fields that have no effect when
// no kubelet is started.
type KubeadmConfig struct {
	metav1.TypeMeta `json:",inline"`
	DryRun          bool   `json:"dryRun"`
	CACertPath      string `json:"caCertPath"`
	Discovery       struct {
		BootstrapToken *struct {
			Token                    string   `json:"token"`
			APIServerEndpoint        string   `json:"apiServerEndpoint"`
			CACertHashes             []string `json:"caCertHashes"`
			UnsafeSkipCAVerification bool     `json:"unsafeSkipCAVerification"`
		} `json:"bootstrapToken"`
		File *struct {
			KubeConfigPath string `json:"kubeConfigPath"`
		} `json:"file"`
		TLSBootstrapToken string `json:"tlsBootstrapToken"`
	} `json:"discovery"`
	NodeRegistration struct {
		Name string `json:"name"`
	} `json:"nodeRegistration"`
	ControlPlane any `json:"controlPlane"`
	Timeouts     struct {
		Discovery    *metav1.Duration `json:"discovery"`
		TLSBootstrap *metav1.Duration `json:"tlsBootstrap"`
	} `json:"timeouts"`
}

// kubeletFields are the fields of a JoinConfiguration that have no effect here.
var kubeletFields = []string{
	"nodeRegistration.criSocket", "nodeRegistration.ignorePreflightErrors", "nodeRegistration.imagePullPolicy",
	"nodeRegistration.imagePullSerial", "nodeRegistration.kubeletExtraArgs", "nodeRegistration.taints", "patches", "skipPhases",
	"timeouts.controlPlaneComponentHealthCheck", "timeouts.etcdAPICall", "timeouts.kubeletHealthCheck",
	"timeouts.kubernetesAPICall", "timeouts.upgradeManifests",
}

// ParseKubeadmConfig strictly reads the JoinConfiguration among the documents of a YAML
// file, so that a misspelled field is found. It also returns the names of the fields that
// are set but have no effect here.
func ParseKubeadmConfig(text []byte) (config KubeadmConfig, unused []string, err error) {
	document, err := findJoinConfiguration(text)
	if err != nil {
		return config, nil, err
	}
	var fields map[string]any
	if err := yaml.UnmarshalStrict(document, &fields); err != nil {
		return config, nil, err
	}
	for _, name := range kubeletFields {
		path := strings.Split(name, ".")
		if value, _, _ := unstructured.NestedFieldNoCopy(fields, path...); value != nil {
			unused = append(unused, name)
		}
		unstructured.RemoveNestedField(fields, path...)
	}
	if document, err = yaml.Marshal(fields); err == nil {
		err = yaml.UnmarshalStrict(document, &config)
	}
	if err == nil {
		err = config.check()
	}
	return config, unused, err
}

func findJoinConfiguration(text []byte) ([]byte, error) {
	var found [][]byte
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for document, err := documents.Read(); !errors.Is(err, io.EOF); document, err = documents.Read() {
		var kind metav1.TypeMeta
		if err == nil {
			err = yaml.Unmarshal(document, &kind)
		}
		switch {
		case err != nil:
			return nil, err
		case kind.Kind != "JoinConfiguration":
		case kind.APIVersion != kubeadmVersion:
			return nil, fmt.Errorf("its apiVersion is %s and must be %s; to convert the file, run: kubeadm config migrate", kind.APIVersion, kubeadmVersion)
		default:
			found = append(found, document)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("it has %d JoinConfigurations instead of one", len(found))
	}
	return found[0], nil
}

func (c KubeadmConfig) check() error {
	token, file := c.Discovery.BootstrapToken, c.Discovery.File
	switch ca := RootFS("/").CA(); {
	case c.ControlPlane != nil:
		return errors.New("it has controlPlane: bootctl joins nodes, not control planes")
	case c.CACertPath != "" && c.CACertPath != ca:
		return fmt.Errorf("its caCertPath is not %s, the only supported path of the CA certificates", ca)
	case token != nil && file != nil:
		return errors.New("its discovery has both bootstrapToken and file")
	case token == nil && file == nil:
		return errors.New("its discovery has neither bootstrapToken nor file")
	case token != nil && token.APIServerEndpoint == "":
		return errors.New("its discovery.bootstrapToken has no apiServerEndpoint")
	case file != nil && file.KubeConfigPath == "":
		return errors.New("its discovery.file has no kubeConfigPath")
	}
	return nil
}

// Timeout returns the sum of the timeouts for discovery and for the certificate; each
// defaults to half of usual.
func (c KubeadmConfig) Timeout(usual time.Duration) time.Duration {
	half := &metav1.Duration{Duration: usual / 2}
	return cmp.Or(c.Timeouts.Discovery, half).Duration + cmp.Or(c.Timeouts.TLSBootstrap, half).Duration
}
