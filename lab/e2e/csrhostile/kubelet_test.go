package csrhostile

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/certificate"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletcertificate "k8s.io/kubernetes/pkg/kubelet/certificate"
	"k8s.io/kubernetes/pkg/kubelet/certificate/bootstrap"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// kubeletManagers run the kubelet's own code, without the kubelet.
type kubeletManagers struct {
	labtest.Admin
	dir       string
	bootstrap string // the kubeconfig file of a bootstrap token
}

// TestApprove_KubeletCSRs requests each kind of kubelet certificate with the kubelet's
// own code, and approves all CSRs with the policy.
func TestApprove_KubeletCSRs(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	k := kubeletManagers{p, t.TempDir(), filepath.Join(t.TempDir(), "bootstrap.conf")}
	if err := p.Server.WriteBootstrapKubeconfig(k.bootstrap, p.MustRun(t, "token", "create")); err != nil {
		t.Fatal(err)
	}
	approved := 0

	const loaded, managed = 8, 4
	var loading sync.WaitGroup
	for i := range loaded {
		loading.Go(func() { k.loadCertificate(t, fmt.Sprintf("loaded-%d", i)) })
	}
	var waiting []renewal
	for i := range managed {
		waiting = append(waiting, k.clientManager(t, fmt.Sprintf("managed-%d", i), nil))
	}
	approved += k.approveAll(t, loaded+managed, "system:bootstrap:", "--pending", "--yes")
	loading.Wait()
	k.waitForCertificates(t, waiting)

	addresses := nodeAddresses()
	for i, list := range addresses {
		k.register(t, fmt.Sprintf("loaded-%d", i), list)
	}
	waiting = nil
	for i := range managed {
		name := fmt.Sprintf("loaded-%d", i)
		current, err := os.ReadFile(filepath.Join(k.dir, name, "kubelet-client-current.pem"))
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, k.clientManager(t, name, current))
	}
	approved += k.approveAll(t, managed, csr.NodeUserPrefix, "--pending", "--yes")
	k.waitForCertificates(t, waiting)

	waiting = nil
	for i, list := range addresses {
		waiting = append(waiting, k.serverManager(t, fmt.Sprintf("loaded-%d", i), list))
	}
	k.waitForPending(t, len(addresses), csr.NodeUserPrefix)
	for node, hosts := range map[string]string{"loaded-3": "loaded-3.internal,loaded-3.example.com", "loaded-5": "loaded-5.example.com"} {
		if code, _ := approveWithBootctl(t, k.Admin, "--signer", csr.KubeletServing, "--node", node); code != 5 {
			t.Errorf("node %s with host names that are not its name: exit code %d", node, code)
		}
		approved += k.approve(t, 1, "--signer", csr.KubeletServing, "--node", node, "--allow-address", hosts)
	}
	approved += k.approve(t, len(addresses)-2, "--signer", csr.KubeletServing, "--pending", "--yes")
	k.waitForCertificates(t, waiting)
	t.Logf("%d genuine CSRs were approved", approved)
	if approved < 20 {
		t.Error("too few CSRs to prove anything")
	}
}

// loadCertificate is the kubelet's first start without rotation.
func (k kubeletManagers) loadCertificate(t *testing.T, name string) {
	t.Helper()
	dir := filepath.Join(k.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Error(err)
	}
	if err := bootstrap.LoadClientCert(t.Context(), k.kubeconfig(name), k.bootstrap, dir, types.NodeName(name)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func (k kubeletManagers) kubeconfig(name string) string { return filepath.Join(k.dir, name+".conf") }

// clientManager is the kubelet with rotation: at its first start with the token, or for
// a renewal with its current certificate.
func (k kubeletManagers) clientManager(t *testing.T, name string, current []byte) renewal {
	t.Helper()
	kubeconfig, store := k.bootstrap, "bootstrapped"
	if current != nil {
		kubeconfig, store = k.kubeconfig(name), "renewed"
	}
	certs, key := certpem.Split(current)
	clients := func(*tls.Certificate) (kubernetes.Interface, error) { return kubeletClient(kubeconfig) }
	manager, err := kubeletcertificate.NewKubeletClientCertificateManager(
		filepath.Join(k.dir, store, name), types.NodeName(name), certs, key, "", "", clients)
	if err != nil {
		t.Fatal(err)
	}
	return startManager(t, manager)
}

// serverManager is the kubelet with serverTLSBootstrap.
func (k kubeletManagers) serverManager(t *testing.T, name string, addresses []corev1.NodeAddress) renewal {
	t.Helper()
	client, err := kubeletClient(k.kubeconfig(name))
	if err != nil {
		t.Fatal(err)
	}
	forgetMetrics()
	manager, err := kubeletcertificate.NewKubeletServerCertificateManager(client, &kubeletconfig.KubeletConfiguration{}, types.NodeName(name),
		func() []corev1.NodeAddress { return addresses }, filepath.Join(k.dir, "serving", name))
	if err != nil {
		t.Fatal(err)
	}
	return startManager(t, manager)
}

// forgetMetrics unregisters the metrics of a serving certificate manager, so that this
// process can create another one.
func forgetMetrics() {
	for _, name := range []string{
		"kubelet_server_expiration_renew_errors",
		"kubelet_certificate_manager_server_rotation_seconds",
		"kubelet_certificate_manager_server_ttl_seconds",
	} {
		legacyregistry.Registerer().Unregister(metrics.NewGaugeFunc(&metrics.GaugeOpts{Name: name}, func() float64 { return 0 }))
	}
}

// renewal is a certificate manager that renews its certificate.
type renewal struct {
	certificate.Manager
	before *tls.Certificate
}

func startManager(t *testing.T, manager certificate.Manager) renewal {
	t.Helper()
	a := renewal{manager, manager.Current()}
	manager.Start()
	t.Cleanup(manager.Stop)
	return a
}

func kubeletClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(rest.AddUserAgent(config, "kubelet"))
}

// nodeAddresses returns typical addresses of Nodes.
func nodeAddresses() [][]corev1.NodeAddress {
	host := func(kind corev1.NodeAddressType, address string) corev1.NodeAddress {
		return corev1.NodeAddress{Type: kind, Address: address}
	}
	return [][]corev1.NodeAddress{
		{host(corev1.NodeHostName, "loaded-0"), host(corev1.NodeInternalIP, "192.0.2.10")},
		{host(corev1.NodeHostName, "192.0.2.11"), host(corev1.NodeInternalIP, "192.0.2.11")},
		{host(corev1.NodeInternalIP, "2001:db8::2"), host(corev1.NodeInternalIP, "192.0.2.12"), host(corev1.NodeHostName, "loaded-2")},
		{host(corev1.NodeInternalIP, "192.0.2.13"), host(corev1.NodeExternalIP, "198.51.100.13"), host(corev1.NodeInternalDNS, "loaded-3.internal"), host(corev1.NodeExternalDNS, "loaded-3.example.com")},
		{host(corev1.NodeInternalIP, "2001:DB8:0:0::4"), host(corev1.NodeHostName, "loaded-4")},
		{host(corev1.NodeInternalIP, "192.0.2.15"), host(corev1.NodeHostName, "Loaded-5.Example.COM")},
	}
}

// register creates the Node, like the kubelet and the cloud provider.
func (k kubeletManagers) register(t *testing.T, name string, addresses []corev1.NodeAddress) {
	t.Helper()
	nodes := k.ClientAs(t, "").CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Status.Addresses = addresses
	if _, err := nodes.UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// approveAll waits for the given number of pending CSRs from the requesters and approves
// exactly these. It returns the number of approved CSRs.
func (k kubeletManagers) approveAll(t *testing.T, want int, requester string, args ...string) int {
	t.Helper()
	k.waitForPending(t, want, requester)
	return k.approve(t, want, args...)
}

// waitForPending waits for the given number of pending CSRs from the requesters.
func (k kubeletManagers) waitForPending(t *testing.T, want int, requester string) {
	t.Helper()
	k.Eventually(t, fmt.Sprintf("%d CSRs", want), func() bool {
		pending := 0
		for _, object := range storedCSRs(t, k.Admin) {
			if r := csr.Decode(&object); r.IsPending() && strings.HasPrefix(r.Username, requester) {
				pending++
			}
		}
		return pending == want
	})
}

// approve runs csr approve, which must approve exactly the given number of CSRs.
func (k kubeletManagers) approve(t *testing.T, want int, args ...string) int {
	t.Helper()
	code, results := approveWithBootctl(t, k.Admin, args...)
	approved := 0
	for name, result := range results {
		if result.Result != "approved" {
			t.Errorf("%s: %s: %s", name, result.Result, result.Message)
			continue
		}
		approved++
	}
	if code != 0 || approved != want {
		t.Errorf("exit code %d, %d CSRs were approved, want %d", code, approved, want)
	}
	return approved
}

// waitForCertificates waits until every manager has the certificate that it requested.
func (k kubeletManagers) waitForCertificates(t *testing.T, managers []renewal) {
	t.Helper()
	for i, manager := range managers {
		k.Eventually(t, fmt.Sprintf("certificate %d", i), func() bool {
			current := manager.Current()
			return current != nil && current != manager.before
		})
	}
}
