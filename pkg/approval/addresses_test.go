package approval_test

import (
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
)

// newNode returns a Node with the addresses in its status.
func newNode(name string, addresses ...string) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, address := range addresses {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
	}
	return node
}

// controlPlane returns the objects that show the addresses of the API server.
func controlPlane(t *testing.T) []runtime.Object {
	t.Helper()
	document, err := clusterinfo.Encode("published.example.com:6443", []*x509.Certificate{testca.New(t, testcsr.Now).Certificate})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Object{
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"},
			Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1", "fd00::1"}},
		},
		&discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes", Labels: map[string]string{"kubernetes.io/service-name": "kubernetes"}},
			Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.1"}}, {Addresses: []string{"192.0.2.2"}}},
		},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "cluster-info"}, Data: map[string]string{"kubeconfig": string(document)}},
	}
}

// withHosts returns a change that requests a serving certificate for the hosts.
func withHosts(t *testing.T, hosts ...string) func(*testcsr.Object) {
	t.Helper()
	return testcsr.Asks(t, testcsr.NewKey(t), func(r *x509.CertificateRequest) {
		r.DNSNames, r.IPAddresses = nil, nil
		for _, host := range hosts {
			if ip := net.ParseIP(host); ip != nil {
				r.IPAddresses = append(r.IPAddresses, ip)
			} else {
				r.DNSNames = append(r.DNSNames, host)
			}
		}
	})
}

// A node gets no serving certificate for the address of the API server or of another node,
// whatever addresses it writes into its own status.
func TestEvaluate_ServingAddresses(t *testing.T) {
	tests := []struct {
		host string
		want string // the violated rules; empty if the CSR is approvable
	}{
		{"10.0.0.1", ""},
		{"2001:db8::7", ""},
		{testcsr.NodeName, ""},
		{"Worker-1", ""},

		{"127.0.0.1", "no reserved address"},
		{"127.8.9.10", "no reserved address"},
		{"::1", "no reserved address"},
		{"::ffff:127.0.0.1", "no reserved address"},
		{"0.0.0.0", "no reserved address"},
		{"::", "no reserved address"},
		{"255.255.255.255", "no reserved address"},
		{"169.254.169.254", "no reserved address"},
		{"fe80::1", "no reserved address"},
		{"224.0.0.1", "no reserved address"},
		{"ff02::1", "no reserved address"},
		{"10.96.0.1", "no reserved address"},
		{"fd00::1", "no reserved address"},
		{"localhost", "no reserved address,host names"},
		{"a.localhost", "no reserved address,host names"},
		{"kubernetes", "no reserved address,host names"},
		{"Kubernetes.Default.svc", "no reserved address,host names"},
		{"kubernetes.default.svc.cluster.local", "no reserved address,host names"},
		{"webhook.prod.svc", "no reserved address,host names"},
		{"webhook.prod.svc.cluster.local", "no reserved address,host names"},
		{"*.example.com", "no reserved address,host names"},
		{"*", "no reserved address,host names"},

		{"192.0.2.1", "no shared address"},
		{"192.0.2.2", "no shared address"},
		{"::ffff:192.0.2.2", "no shared address"},
		{"198.51.100.1", "no shared address"}, // the kubeconfig's
		{"published.example.com", "no shared address,host names"},
		{"10.0.0.2", "no shared address"}, // has worker-2
		{"10.0.0.3", "no shared address"}, // requests worker-3
		{"worker-2", "no shared address,host names"},

		{"worker-1.example.com", "host names"},
		{"vault.example.com", "host names"},
	}
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			request := testcsr.Serving(t, testcsr.NewKey(t), withHosts(t, test.host))
			other := testcsr.Serving(t, testcsr.NewKey(t), testcsr.Asks(t, testcsr.NewKey(t), func(r *x509.CertificateRequest) {
				r.Subject, r.IPAddresses = csr.NodeSubject("worker-3"), []net.IP{net.IPv4(10, 0, 0, 3)}
			}), testcsr.By("system:node:worker-3", "system:nodes"))
			other.Name = "of-worker-3"
			objects := append(controlPlane(t), newNode(testcsr.NodeName, test.host), newNode("worker-2", "10.0.0.2"), newNode("worker-3"), request, other)
			client := cluster(nobody, objects...)
			client.ServerURL = "https://198.51.100.1:6443"
			want := approval.Criteria{Signer: csr.KubeletServing}
			_, err := approval.Evaluate(t.Context(), client, csr.Decode(request), want)
			wantViolations(t, err, test.want)
			want.Force = true
			_, err = approval.Evaluate(t.Context(), client, csr.Decode(request), want)
			wantViolations(t, err, test.want)

			// An administrator can confirm every address but a reserved one.
			want = approval.Criteria{Signer: csr.KubeletServing, AllowedAddresses: []string{test.host}}
			_, err = approval.Evaluate(t.Context(), client, csr.Decode(request), want)
			if (err == nil) != !strings.Contains(test.want, "reserved") {
				t.Errorf("with the address allowed, error = %v", err)
			}
			want.AllowedAddresses = []string{"203.0.113.1", "another.example.com"}
			_, err = approval.Evaluate(t.Context(), client, csr.Decode(request), want)
			wantViolations(t, err, test.want)
		})
	}
}

// wantViolations checks that exactly these rules are violated, and that the error names the
// addresses that the administrator can allow.
func wantViolations(t *testing.T, err error, want string) {
	t.Helper()
	violation, ok := errors.AsType[*approval.PolicyViolationError](err)
	switch {
	case want == "" && err == nil:
	case !ok || violated(violation.Violations) != want:
		t.Errorf("error = %v, want violations of %q", err, want)
	case strings.Contains(want, "reserved") != (len(violation.AllowAddresses) == 0):
		t.Errorf("addresses to allow: %q", violation.AllowAddresses)
	case len(violation.AllowAddresses) > 0 && violation.NodeName != testcsr.NodeName:
		t.Errorf("node = %q", violation.NodeName)
	}
}

// The error names only the addresses that need a confirmation, and none if that is not
// enough.
func TestEvaluate_AllowableAddresses(t *testing.T) {
	tests := []struct {
		hosts, want []string
	}{
		{[]string{testcsr.NodeName, "10.0.0.1", "192.0.2.1", "a.example.com"}, []string{"a.example.com", "192.0.2.1"}},
		{[]string{"192.0.2.1", "127.0.0.1"}, nil},
		{[]string{"192.0.2.1", "203.0.113.9"}, nil}, // not in the Node's status
	}
	for _, test := range tests {
		request := testcsr.Serving(t, testcsr.NewKey(t), withHosts(t, test.hosts...))
		known := slices.DeleteFunc(slices.Clone(test.hosts), func(host string) bool { return host == "203.0.113.9" })
		client := cluster(nobody, append(controlPlane(t), newNode(testcsr.NodeName, known...), request)...)
		_, err := approval.Evaluate(t.Context(), client, csr.Decode(request), approval.Criteria{Signer: csr.KubeletServing})
		violation, ok := errors.AsType[*approval.PolicyViolationError](err)
		if !ok || !slices.Equal(violation.AllowAddresses, test.want) {
			t.Errorf("%q: error = %v, addresses %q, want %q", test.hosts, err, violation.AllowAddresses, test.want)
		}
	}
}

// Without all addresses, nothing is approved.
func TestEvaluate_UnknownAddresses(t *testing.T) {
	for _, resource := range []string{"services", "endpointslices", "configmaps", "nodes", "certificatesigningrequests"} {
		request := testcsr.Serving(t, testcsr.NewKey(t))
		clientset := fake.NewClientset(newNode(testcsr.NodeName, testcsr.NodeName, "10.0.0.1"), request)
		verb := "list"
		if resource == "services" || resource == "configmaps" {
			verb = "get"
		}
		clientset.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, testcsr.ErrServer })
		client := cluster(nobody)
		client.Core, client.Discovery, client.Certificates = clientset.CoreV1(), clientset.DiscoveryV1(), clientset.CertificatesV1()
		_, err := approval.Evaluate(t.Context(), client, csr.Decode(request), approval.Criteria{Signer: csr.KubeletServing})
		if !errors.Is(err, testcsr.ErrServer) {
			t.Errorf("%s: error = %v", resource, err)
		}
	}
}
