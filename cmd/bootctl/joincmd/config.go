package joincmd

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// joinConfiguration is kubeadm's, of kubeadm.k8s.io/v1beta4. What has no meaning
// here is read as it is, so that a misspelt field is found.
type joinConfiguration struct {
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
		Name                  string `json:"name"`
		CRISocket             any    `json:"criSocket"`
		Taints                any    `json:"taints"`
		KubeletExtraArgs      any    `json:"kubeletExtraArgs"`
		IgnorePreflightErrors any    `json:"ignorePreflightErrors"`
		ImagePullPolicy       any    `json:"imagePullPolicy"`
		ImagePullSerial       any    `json:"imagePullSerial"`
	} `json:"nodeRegistration"`
	ControlPlane any `json:"controlPlane"`
	SkipPhases   any `json:"skipPhases"`
	Patches      any `json:"patches"`
	Timeouts     struct {
		Discovery                        *metav1.Duration `json:"discovery"`
		TLSBootstrap                     *metav1.Duration `json:"tlsBootstrap"`
		KubernetesAPICall                any              `json:"kubernetesAPICall"`
		KubeletHealthCheck               any              `json:"kubeletHealthCheck"`
		ControlPlaneComponentHealthCheck any              `json:"controlPlaneComponentHealthCheck"`
		EtcdAPICall                      any              `json:"etcdAPICall"`
		UpgradeManifests                 any              `json:"upgradeManifests"`
	} `json:"timeouts"`
}

// readConfig takes from kubeadm's JoinConfiguration, where one is given, what flags
// and arguments say otherwise, and returns the endpoints.
func (o *options) readConfig(e *cli.Env, endpoints []string, timeoutGiven bool) ([]string, error) {
	if o.config == "" {
		return endpoints, nil
	}
	if len(endpoints) > 0 || o.trust.Given() || o.tokenFile+o.token+o.discoveryToken+o.tlsBootstrapToken+o.discoveryFile+o.bootstrapKubeconfig != "" {
		return nil, fmt.Errorf("%w: --config says where the cluster is, whom to trust and who asks; no flag and no ENDPOINT may say so, too", failure.ErrUsage)
	}
	text, err := e.ReadFile(o.config, cli.MaxFile)
	if err != nil {
		return nil, err
	}
	config, err := parseJoinConfiguration(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", failure.ErrUsage, o.config, err)
	}
	if unused := config.unused(); len(unused) > 0 {
		e.Warn("bootctl starts no kubelet, and has no use for these of the JoinConfiguration: " + strings.Join(unused, ", "))
	}
	if !timeoutGiven {
		o.timeout = config.timeout(o.timeout)
	}
	return o.apply(config), nil
}

// parseJoinConfiguration finds the JoinConfiguration among the documents of a file,
// and reads it strictly.
func parseJoinConfiguration(text []byte) (joinConfiguration, error) {
	var found [][]byte
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var kind metav1.TypeMeta
		if err == nil {
			err = yaml.Unmarshal(document, &kind)
		}
		switch {
		case err != nil:
			return joinConfiguration{}, err
		case kind.Kind == "JoinConfiguration" && kind.APIVersion == "kubeadm.k8s.io/v1beta4":
			found = append(found, document)
		case kind.Kind == "JoinConfiguration":
			return joinConfiguration{}, fmt.Errorf("it is of %s, and must be of kubeadm.k8s.io/v1beta4, which kubeadm config migrate makes of it", kind.APIVersion)
		}
	}
	if len(found) != 1 {
		return joinConfiguration{}, fmt.Errorf("it has %d JoinConfigurations, not one", len(found))
	}
	var config joinConfiguration
	if err := yaml.UnmarshalStrict(found[0], &config); err != nil {
		return joinConfiguration{}, err
	}
	return config, config.check()
}

// caPath is where kubeadm and bootctl put the CA certificates of the cluster.
const caPath = "/etc/kubernetes/pki/ca.crt"

func (c joinConfiguration) check() error {
	switch {
	case c.ControlPlane != nil:
		return errors.New("its controlPlane: " + cli.NoControlPlane)
	case c.CACertPath != "" && c.CACertPath != caPath:
		return fmt.Errorf("its caCertPath is not %s, which is where the CA certificates go", caPath)
	case c.Discovery.BootstrapToken != nil && c.Discovery.File != nil:
		return errors.New("its discovery has both bootstrapToken and file")
	case c.Discovery.BootstrapToken == nil && c.Discovery.File == nil:
		return errors.New("its discovery has neither bootstrapToken nor file")
	case c.Discovery.BootstrapToken != nil && c.Discovery.BootstrapToken.APIServerEndpoint == "":
		return errors.New("its discovery.bootstrapToken has no apiServerEndpoint")
	case c.Discovery.File != nil && c.Discovery.File.KubeConfigPath == "":
		return errors.New("its discovery.file has no kubeConfigPath")
	}
	return nil
}

// unused names what is there and has no meaning here.
func (c joinConfiguration) unused() []string {
	var names []string
	for name, value := range map[string]any{
		"nodeRegistration.criSocket": c.NodeRegistration.CRISocket, "nodeRegistration.taints": c.NodeRegistration.Taints,
		"nodeRegistration.kubeletExtraArgs":      c.NodeRegistration.KubeletExtraArgs,
		"nodeRegistration.ignorePreflightErrors": c.NodeRegistration.IgnorePreflightErrors,
		"nodeRegistration.imagePullPolicy":       c.NodeRegistration.ImagePullPolicy,
		"nodeRegistration.imagePullSerial":       c.NodeRegistration.ImagePullSerial,
		"skipPhases":                             c.SkipPhases, "patches": c.Patches,
		"timeouts.kubernetesAPICall": c.Timeouts.KubernetesAPICall, "timeouts.kubeletHealthCheck": c.Timeouts.KubeletHealthCheck,
		"timeouts.controlPlaneComponentHealthCheck": c.Timeouts.ControlPlaneComponentHealthCheck,
		"timeouts.etcdAPICall":                      c.Timeouts.EtcdAPICall, "timeouts.upgradeManifests": c.Timeouts.UpgradeManifests,
	} {
		if value != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// timeout is that of discovery and that of the certificate together; each is half
// of usual where the file does not say.
func (c joinConfiguration) timeout(usual time.Duration) time.Duration {
	var sum time.Duration
	for _, part := range []*metav1.Duration{c.Timeouts.Discovery, c.Timeouts.TLSBootstrap} {
		if part == nil {
			part = &metav1.Duration{Duration: usual / 2}
		}
		sum += part.Duration
	}
	return sum
}

// apply sets the flags that stand for what the file says. A flag --node-name counts
// more.
func (o *options) apply(c joinConfiguration) (endpoints []string) {
	o.dryRun = o.dryRun || c.DryRun
	o.nodeName = cmp.Or(o.nodeName, c.NodeRegistration.Name)
	o.tlsBootstrapToken = c.Discovery.TLSBootstrapToken
	if file := c.Discovery.File; file != nil {
		o.discoveryFile = file.KubeConfigPath
		return nil
	}
	from := c.Discovery.BootstrapToken
	o.discoveryToken, o.trust.CaCertHashes, o.trust.UnsafeSkip = from.Token, from.CACertHashes, from.UnsafeSkipCAVerification
	return []string{from.APIServerEndpoint}
}
