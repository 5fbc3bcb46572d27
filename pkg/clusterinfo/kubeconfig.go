package clusterinfo

import (
	"crypto/x509"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/token"
)

// Encode returns the kubeconfig for cluster-info, byte for byte as kubeadm writes it:
// one cluster without a name, and no user.
func Encode(server Endpoint, cas []*x509.Certificate) ([]byte, error) {
	return encode(clientcmdapi.Config{Clusters: map[string]*clientcmdapi.Cluster{"": cluster(server.URL(), cas)}})
}

// Kubeconfig returns a kubeconfig for a client whose certificate and key are in one
// file, with the names that the kubelet uses. The path of the file may be relative
// to the kubeconfig.
func Kubeconfig(server Endpoint, cas []*x509.Certificate, certFile string) ([]byte, error) {
	return encode(clientcmdapi.Config{
		Clusters:  map[string]*clientcmdapi.Cluster{"default-cluster": cluster(server.URL(), cas)},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"default-auth": {ClientCertificate: certFile, ClientKey: certFile}},
		Contexts: map[string]*clientcmdapi.Context{
			"default-context": {Cluster: "default-cluster", AuthInfo: "default-auth", Namespace: "default"},
		},
		CurrentContext: "default-context",
	})
}

// BootstrapKubeconfig returns a kubeconfig for the kubelet's --bootstrap-kubeconfig
// flag, with which a node authenticates as the token to request its certificate. It
// has the names that kubeadm uses.
func BootstrapKubeconfig(server Endpoint, cas []*x509.Certificate, tok token.Token) ([]byte, error) {
	return UserKubeconfig(server.URL(), cas, "tls-bootstrap-token-user", &clientcmdapi.AuthInfo{Token: tok.Reveal()})
}

// UserKubeconfig returns a kubeconfig for a user of the API server at that URL, with
// the names that kubeadm uses.
func UserKubeconfig(serverURL string, cas []*x509.Certificate, user string, credential *clientcmdapi.AuthInfo) ([]byte, error) {
	context := user + "@kubernetes"
	return encode(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"kubernetes": cluster(serverURL, cas)},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: credential},
		Contexts:       map[string]*clientcmdapi.Context{context: {Cluster: "kubernetes", AuthInfo: user}},
		CurrentContext: context,
	})
}

func cluster(serverURL string, cas []*x509.Certificate) *clientcmdapi.Cluster {
	return &clientcmdapi.Cluster{Server: serverURL, CertificateAuthorityData: certpem.Encode(cas...)}
}

func encode(config clientcmdapi.Config) ([]byte, error) {
	out, err := clientcmd.Write(config)
	if err != nil {
		return nil, fmt.Errorf("encode kubeconfig: %w", err)
	}
	return out, nil
}
