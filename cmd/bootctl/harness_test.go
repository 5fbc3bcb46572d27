package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/testapi"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// planted is the secret of the token in the fake cluster, hostile is a text that a server
// may send, and nodesServer is the address in cluster-info, at which nothing listens.
const (
	plantedID = "plantd"
	planted   = "p1antedsecret123"
	hostile   = "\x1b[31mred\u202e\u200b\r\n\x00\u009b"
	server    = "https://192.0.2.1:6443"

	nodesServer = "https://127.0.0.1:1"
)

// result is what one run of bootctl left.
type result struct {
	code        int
	out, errOut string
}

// invoke runs bootctl in process with a kubeconfig and clients of its own.
func invoke(t *testing.T, objects []runtime.Object, args ...string) result {
	t.Helper()
	return invokeWith(t.Context(), t, objects, args...)
}

// accessKey is where a context holds what the caller may do, if not everything.
type accessKey struct{}

func invokeWith(ctx context.Context, t *testing.T, objects []runtime.Object, args ...string) result {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "none")
	if objects != nil {
		kubeconfig = writeKubeconfig(t, t.TempDir())
	}
	return invokeOn(ctx, t, fake.NewClientset(objects...), kubeconfig, args...)
}

// invokeOn runs bootctl on the cluster behind clientset.
func invokeOn(ctx context.Context, t *testing.T, clientset *fake.Clientset, kubeconfig string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	dir := t.TempDir()
	vars := map[string]string{"HOME": dir, "XDG_STATE_HOME": dir, "KUBECONFIG": kubeconfig}
	testapi.HonorDryRun(clientset)
	clientset.PrependReactor("create", "selfsubjectaccessreviews", access(ctx))
	clientset.PrependReactor("create", "subjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &authorizationv1.SubjectAccessReview{}, nil // nobody else may do anything
	})
	e := &cli.Env{
		Redact:     token.Redact,
		IOStreams:  genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut},
		Now:        time.Now,
		Random:     rand.Reader,
		Getenv:     func(name string) string { return vars[name] },
		Hostname:   func() (string, error) { return "host", nil },
		IsTerminal: func() bool { return false },
		Width:      func() int { return 0 },
		Executable: func() (string, error) { return filepath.Join(dir, "bootctl"), nil },
		NewClient: func(*rest.Config, kubeclient.Options) (*kubeclient.Client, error) {
			return &kubeclient.Client{
				Core: clientset.CoreV1(), Certificates: clientset.CertificatesV1(),
				RBAC: clientset.RbacV1(), Authentication: clientset.AuthenticationV1(),
				Authorization: clientset.AuthorizationV1(),
				Version:       func(context.Context) (version.Info, error) { return version.Info{GitVersion: "v1.37.2"}, nil },
			}, nil
		},
	}
	code := run(ctx, e, args)
	return result{code, out.String(), errOut.String()}
}

// access answers what the caller may do.
func access(ctx context.Context) clienttesting.ReactionFunc {
	allowed, limited := ctx.Value(accessKey{}).(func(*authorizationv1.ResourceAttributes) bool)
	return func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := &authorizationv1.SelfSubjectAccessReview{}
		if create, ok := action.(clienttesting.CreateAction); ok && limited {
			asked, _ := create.GetObject().(*authorizationv1.SelfSubjectAccessReview)
			review.Status.Allowed = allowed(asked.Spec.ResourceAttributes)
		} else {
			review.Status.Allowed = true
		}
		return true, review, nil
	}
}

func writeKubeconfig(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "config")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: server, CertificateAuthorityData: certpem.Encode(testca.New(t, time.Now(), func(c *x509.Certificate) { c.Subject.CommonName += " " + hostile }).Certificate)}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: "none"}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "c",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func hostileCluster(t *testing.T) []runtime.Object {
	t.Helper()
	return clusterSaying(t, hostile)
}

// clusterSaying holds a token with the planted secret, and hostile text wherever the
// API allows it.
func clusterSaying(t *testing.T, hostile string) []runtime.Object {
	t.Helper()
	tok, err := token.Parse(plantedID + "." + planted)
	if err != nil {
		t.Fatal(err)
	}
	spec := token.Spec{
		Token: tok, Usages: []string{token.Signing, token.Authentication}, Groups: []string{token.DefaultGroup},
		Description: hostile, Expires: time.Now().Add(time.Hour),
	}
	malformed := spec.Secret()
	malformed.Name = "bootstrap-token-" + hostile
	document, err := clusterinfo.Encode(clusterinfo.Endpoint(strings.TrimPrefix(nodesServer, "https://")), []*x509.Certificate{testca.New(t, time.Now(), func(c *x509.Certificate) { c.Subject.CommonName += " " + strings.ToValidUTF8(hostile, "") }).Certificate})
	if err != nil {
		t.Fatal(err)
	}
	info := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"},
		Data: map[string]string{
			"kubeconfig":                      string(document),
			"jws-kubeconfig-" + plantedID:     clusterinfo.Sign(document, tok),
			"jws-kubeconfig-" + hostile:       hostile,
			"an entry of someone else's here": hostile,
		},
	}
	denied := nodeRequest(t, "n2")
	denied.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Denied", Status: "True", Reason: hostile, Message: hostile}}
	return []runtime.Object{spec.Secret(), malformed, info, nodeRequest(t, "n1"), hostileRequest(hostile), denied}
}

// nodeRequest is a request that a kubelet may make.
func nodeRequest(t *testing.T, node string) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	object, err := csr.NewNodeRequest(node, key, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	object.Name, object.UID = "request-of-"+node, "uid-1"
	object.Spec.Username = "system:bootstrap:" + plantedID
	object.Spec.Groups = []string{"system:bootstrappers"}
	return object
}

func hostileRequest(hostile string) *certificatesv1.CertificateSigningRequest {
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: hostile, UID: "uid-2"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: []byte(hostile), SignerName: hostile, Username: hostile, Groups: []string{hostile},
			Usages: []certificatesv1.KeyUsage{certificatesv1.KeyUsage(hostile)},
		},
	}
}
