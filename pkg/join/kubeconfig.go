package join

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// flatten reads the files that a cluster and its user refer to, relative to dir.
func flatten(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo, dir string) error {
	var tokenText []byte
	err := cmp.Or(
		clientcmdapi.FlattenContent(&user.TokenFile, &tokenText, dir),
		clientcmdapi.FlattenContent(&user.ClientCertificate, &user.ClientCertificateData, dir),
		clientcmdapi.FlattenContent(&user.ClientKey, &user.ClientKeyData, dir),
		clientcmdapi.FlattenContent(&cluster.CertificateAuthority, &cluster.CertificateAuthorityData, dir),
	)
	if tokenText != nil {
		user.Token = strings.TrimSpace(string(tokenText))
	}
	return err
}

// currentContext returns the cluster and the user of a kubeconfig's current context.
func currentContext(text []byte) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, nil, err
	}
	if config.CurrentContext == "" {
		for _, cluster := range config.Clusters {
			if len(config.Clusters) == 1 && len(config.AuthInfos) == 0 {
				return cluster, clientcmdapi.NewAuthInfo(), nil
			}
		}
		return nil, nil, fmt.Errorf("it has no current context, but %d clusters and %d users", len(config.Clusters), len(config.AuthInfos))
	}
	context := config.Contexts[config.CurrentContext]
	if context == nil {
		return nil, nil, errors.New("its current context is missing")
	}
	cluster, user := config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo]
	switch {
	case cluster == nil:
		return nil, nil, errors.New("the cluster of its current context is missing")
	case user == nil && context.AuthInfo != "":
		return nil, nil, errors.New("the user of its current context is missing")
	case user == nil:
		user = clientcmdapi.NewAuthInfo()
	}
	return cluster, user, nil
}

// checkFields returns an error if the kubeconfig has fields that a node cannot use.
func checkFields(cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) error {
	switch {
	case cluster.InsecureSkipTLSVerify:
		return errors.New("it has insecure-skip-tls-verify")
	case cluster.ProxyURL != "":
		return errors.New("it has a proxy-url, which kubelet.conf would not have; set HTTPS_PROXY")
	case cluster.TLSServerName != "":
		return errors.New("it has a tls-server-name, which kubelet.conf would not have")
	case user.Exec != nil || user.AuthProvider != nil:
		return errors.New("its user has a credential plugin")
	case user.Username != "" || user.Password != "" || user.Impersonate != "":
		return errors.New("its user is not a token or a client certificate")
	case (user.Token != "" || user.TokenFile != "") && (user.ClientCertificate != "" || len(user.ClientCertificateData) > 0):
		return errors.New("its user has both a token and a client certificate")
	}
	return nil
}
