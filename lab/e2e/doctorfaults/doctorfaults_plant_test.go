package doctorfaults

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/retry"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/faultproxy"
)

// changeClusterInfo changes the stored cluster-info without any checks.
func (l *doctorLab) changeClusterInfo(t *testing.T, change func(*corev1.ConfigMap)) {
	t.Helper()
	configMaps := l.admin.CoreV1().ConfigMaps(metav1.NamespacePublic)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		info, err := configMaps.Get(t.Context(), "cluster-info", metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(info)
		_, err = configMaps.Update(t.Context(), info, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// plantDocument replaces the kubeconfig in cluster-info.
func plantDocument(change func(t *testing.T, l *doctorLab, text string) string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.changeClusterInfo(t, func(info *corev1.ConfigMap) { info.Data["kubeconfig"] = change(t, l, info.Data["kubeconfig"]) })
	}
}

// replaceCAExpiringIn replaces the cluster's CA certificate with one for the same key that
// expires after the time.
func replaceCAExpiringIn(left time.Duration) func(*testing.T, *doctorLab, string) string {
	return func(t *testing.T, l *doctorLab, text string) string {
		t.Helper()
		template := *l.ca.Cert
		template.NotAfter = time.Now().Add(left)
		template.NotBefore = template.NotAfter.Add(-30 * 24 * time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, &template, &template, l.ca.Key.Public(), l.ca.Key)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(text, encodedPEM(l.ca.Cert.Raw), encodedPEM(der))
		if changed == text {
			t.Fatalf("the CA is missing in\n%s", text)
		}
		return changed
	}
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodedPEM(der []byte) string { return base64.StdEncoding.EncodeToString(certPEM(der)) }

// plantSignatures changes every signature.
func plantSignatures(change func(string) string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.changeClusterInfo(t, func(info *corev1.ConfigMap) {
			for key, signature := range info.Data {
				if strings.HasPrefix(key, "jws-kubeconfig-") {
					info.Data[key] = change(signature)
				}
			}
		})
	}
}

// fillClusterInfo creates extra tokens, and then leaves room in cluster-info for that many
// more signatures.
func fillClusterInfo(tokens, room int) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.MustRun(t, "token", "create", "--description", "surplus", "--count", strconv.Itoa(tokens))
		l.Eventually(t, "signatures", func() bool { code, _, _ := l.Run(t, "cluster-info", "verify"); return code == 0 })
		l.changeClusterInfo(t, func(info *corev1.ConfigMap) {
			const signature = 85 // bytes
			size := room * signature
			for _, value := range info.Data {
				size += len(value)
			}
			info.Data["filler"] = strings.Repeat("x", corev1.MaxSecretSize-size)
		})
	}
}

// deleteExtraTokens deletes the extra tokens, which is the fix, and then the filler in
// cluster-info.
func deleteExtraTokens(t *testing.T, l *doctorLab, fix string) {
	t.Helper()
	_, command, _ := strings.Cut(fix, ", run: bootctl ")
	if listed := l.MustRun(t, strings.Fields(command)...); !strings.Contains(listed, "surplus") {
		t.Errorf("the fix is %q, which lists\n%s", fix, listed)
	}
	ids := l.MustRun(t, "token", "list", "-o", `jsonpath={.items[?(@.description=="surplus")].id}`)
	l.MustRun(t, append([]string{"token", "delete"}, strings.Fields(ids)...)...)
	l.waitForClean(t, "with fewer tokens")
	l.changeClusterInfo(t, func(info *corev1.ConfigMap) { delete(info.Data, "filler") })
}

// serveTLS starts a TLS server without content and returns its address.
func (l *doctorLab) serveTLS(t *testing.T, certificate func(*tls.Config)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	certificate(server.TLS)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// writeExpiringCA writes a new CA that expires in ten days, and a bundle of it and the
// cluster's CA.
func (l *doctorLab) writeExpiringCA(t *testing.T) (ca, bundle string) {
	t.Helper()
	made := testca.New(t, time.Now(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(10 * 24 * time.Hour) })
	key, err := x509.MarshalECPrivateKey(made.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, bundle = filepath.Join(dir, "soon"), filepath.Join(dir, "bundle.crt")
	for path, text := range map[string][]byte{
		ca + ".crt": certPEM(made.Raw), ca + ".key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}),
		bundle: append(certPEM(l.ca.Cert.Raw), certPEM(made.Raw)...),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ca, bundle
}

// accessFaults are faults of the user that runs doctor, and of the connection.
func accessFaults() []doctorFault {
	ahead := func(by time.Duration) func(*testing.T, *doctorLab) {
		return func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.proxy.Always(func(resp *http.Response) error {
				resp.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
				return nil
			})
			l.kubeconfig = l.WriteProxyKubeconfig(t, l.proxy.URL)
		}
	}
	return []doctorFault{
		{name: "invalid credentials", plant: withKubeconfig(func(c *clientcmdapi.Config) { replaceUsers(c, clientcmdapi.AuthInfo{Token: "nobody"}) }),
			want: "FAIL Unauthorized server", repair: restoreAdmin},
		{name: "CA of another cluster", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			withKubeconfig(func(c *clientcmdapi.Config) {
				for _, cluster := range c.Clusters {
					cluster.CertificateAuthority, cluster.CertificateAuthorityData = l.other.CAFile, nil
				}
			})(t, l)
		}, want: "FAIL CertificateUntrusted server", repair: restoreAdmin},
		{name: "API server without etcd", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.proxy.Inject(func(*http.Request) faultproxy.Fault {
				return faultproxy.Refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "etcd is unavailable", "")
			})
			l.kubeconfig = l.WriteProxyKubeconfig(t, l.proxy.URL)
		}, want: "FAIL ServerUnavailable server", repair: restoreAdmin},
		{name: "no response", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.proxy.Inject(func(r *http.Request) faultproxy.Fault {
				if strings.HasSuffix(r.URL.Path, "/certificatesigningrequests") {
					return faultproxy.Never()
				}
				return faultproxy.Fault{}
			})
			l.kubeconfig = l.WriteProxyKubeconfig(t, l.proxy.URL)
		}, args: []string{"--timeout", "20s"}, want: "FAIL TimedOut requests", also: []string{"FAIL TimedOut signing-ca"}, repair: restoreAdmin},
		{name: "loopback endpoint seen from another machine", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			at, end, err := faultproxy.StartTunnel(strings.TrimPrefix(l.Server.URL(), "https://"), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(end)
			withKubeconfig(func(c *clientcmdapi.Config) {
				for _, cluster := range c.Clusters {
					cluster.Server, cluster.ProxyURL = "https://kubernetes:6443", "http://"+at
				}
			})(t, l)
		}, want: "WARN EndpointLoopback endpoint", repair: restoreAdmin},
		{name: "clock 10 minutes off", plant: ahead(10 * time.Minute), want: "FAIL ClockSkew clock", repair: restoreAdmin},
		{name: "clock 2 minutes off", plant: ahead(-2 * time.Minute), want: "WARN ClockSkew clock", repair: restoreAdmin},
		{name: "no permission to list tokens", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.kubectl(t, "create", "clusterrole", "e2e:doctor", "--verb=get,list,create", "--resource=configmaps,roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io,certificatesigningrequests.certificates.k8s.io,subjectaccessreviews.authorization.k8s.io")
			l.kubectl(t, "create", "clusterrolebinding", "e2e:doctor", "--clusterrole=e2e:doctor", "--user=e2e:doctor")
			withKubeconfig(func(c *clientcmdapi.Config) {
				for _, user := range c.AuthInfos {
					user.Impersonate = "e2e:doctor"
				}
			})(t, l)
		}, want: "WARN Forbidden tokens", also: []string{"WARN Forbidden token-authentication", "WARN Forbidden signatures", "WARN Forbidden signer", "WARN Forbidden cleaner", "WARN Forbidden capacity"},
			repair: restoreAdmin},
	}
}

// restoreAdmin makes doctor use the administrator's kubeconfig again.
func restoreAdmin(_ *testing.T, l *doctorLab, _ string) {
	l.kubeconfig = ""
	l.proxy.Inject(nil)
	l.proxy.Always(func(*http.Response) error { return nil })
}

// withKubeconfig makes doctor use a changed kubeconfig.
func withKubeconfig(change func(*clientcmdapi.Config)) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.kubeconfig = l.WriteKubeconfig(t, change)
	}
}

func replaceUsers(c *clientcmdapi.Config, user clientcmdapi.AuthInfo) {
	for name := range c.AuthInfos {
		c.AuthInfos[name] = &user
	}
}
