package controlplane

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/lab/pki"
)

// writeKubeconfig writes a kubeconfig for the server with the PKI's named user. The
// certificates are embedded, so the file can be copied anywhere.
func writeKubeconfig(p pki.Dir, path, server, name string) error {
	var data [3][]byte
	for i, file := range []string{"ca.crt", name + ".crt", name + ".key"} {
		content, err := os.ReadFile(p.File(file))
		if err != nil {
			return err
		}
		data[i] = content
	}
	const cluster = "bootctl-lab"
	config := clientcmdapi.NewConfig()
	config.Clusters[cluster] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: data[0]}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: data[1], ClientKeyData: data[2]}
	context := name + "@" + cluster
	config.Contexts[context] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: name}
	config.CurrentContext = context
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, content, 0o600)
}
