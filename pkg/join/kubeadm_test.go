package join_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/pkg/join"
)

const kubeadmConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
caCertPath: /etc/kubernetes/pki/ca.crt
discovery:
  bootstrapToken:
    token: abcdef.0123456789abcdef
    apiServerEndpoint: 192.0.2.1:6443
nodeRegistration:
  name: worker-1
  taints: []
  criSocket: unix:///run/containerd/containerd.sock
skipPhases: null
timeouts:
  tlsBootstrap: 2m
  etcdAPICall: 1m
`

func TestParseKubeadmConfig(t *testing.T) {
	config, unused, err := join.ParseKubeadmConfig([]byte(kubeadmConfig))
	if err != nil {
		t.Fatal(err)
	}
	if token := config.Discovery.BootstrapToken; token == nil || token.APIServerEndpoint != "192.0.2.1:6443" || config.NodeRegistration.Name != "worker-1" {
		t.Errorf("config %+v", config)
	}
	if want := []string{"nodeRegistration.criSocket", "nodeRegistration.taints", "timeouts.etcdAPICall"}; !slices.Equal(unused, want) {
		t.Errorf("unused %q, want %q", unused, want)
	}
	if got := config.Timeout(5 * time.Minute); got != 4*time.Minute+30*time.Second {
		t.Errorf("timeout %s, want half of the default and two minutes", got)
	}
}

// Each case differs from a valid file in one thing.
func TestParseKubeadmConfig_Refuses(t *testing.T) {
	tests := []struct{ name, old, now, want string }{
		{"misspelled field", "tlsBootstrap:", "tlsBootstraps:", `"tlsBootstraps"`},
		{"misspelled kubelet field", "criSocket:", "criSockets:", `"criSockets"`},
		{"duplicate field", "skipPhases: null", "caCertPath: x", `"caCertPath" already set`},
		{"other version", "v1beta4", "v1beta3", "must be kubeadm.k8s.io/v1beta4"},
		{"none", "kind: JoinConfiguration", "kind: InitConfiguration", "it has 0 JoinConfigurations"},
		{"two", "kind: KubeletConfiguration", "kind: KubeletConfiguration\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration", "it has 2 JoinConfigurations"},
		{"control plane", "skipPhases: null", "controlPlane: {}", "not control planes"},
		{"other CA file", "pki/ca.crt", "ca.crt", "its caCertPath is not /etc/kubernetes/pki/ca.crt"},
		{"both ways of discovery", "nodeRegistration:", "  file: {kubeConfigPath: x}\nnodeRegistration:", "both bootstrapToken and file"},
		{"no way of discovery", "  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: 192.0.2.1:6443\n", "  tlsBootstrapToken: x\n", "neither bootstrapToken nor file"},
		{"no endpoint", "    apiServerEndpoint: 192.0.2.1:6443\n", "", "no apiServerEndpoint"},
		{"not YAML", "discovery:", "discovery: {", "yaml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(kubeadmConfig, test.old, test.now, 1)
			if text == kubeadmConfig {
				t.Fatal("the file was not changed")
			}
			if _, _, err := join.ParseKubeadmConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}
