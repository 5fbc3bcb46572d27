package approval

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	bootstrapapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// apiServerService is the Service of the API server, in the namespace default.
const apiServerService = "kubernetes"

// Addresses are the names and IP addresses that a serving certificate for a node must not
// have, because the API server or another node has them. A node writes the
// addresses in its own status itself, so they are no proof.
type Addresses struct {
	// service are the IP addresses of the Service kubernetes.
	service map[string]bool
	// apiServer are the hosts at which clients reach the API server.
	apiServer map[string]bool
	// nodes are the nodes that have an address, or have a pending CSR for it.
	nodes map[string][]string
}

// ReadAddresses reads the addresses of the API server and of all nodes.
//
// Access: get on services and list on endpointslices in the namespace default, get on the
// ConfigMap cluster-info in kube-public, list on nodes and certificatesigningrequests.
func ReadAddresses(ctx context.Context, client *kubeclient.Client) (Addresses, error) {
	a := Addresses{service: map[string]bool{}, apiServer: map[string]bool{}, nodes: map[string][]string{}}
	a.addURL(client.ServerURL)
	for _, read := range []func(context.Context, *kubeclient.Client) error{a.readService, a.readEndpoints, a.readClusterInfo, a.readNodes, a.readRequests} {
		if err := read(ctx, client); err != nil {
			return a, fmt.Errorf("read the addresses of the API server and the nodes: %w", err)
		}
	}
	return a, nil
}

// readService reads the IP addresses of the Service kubernetes.
func (a Addresses) readService(ctx context.Context, client *kubeclient.Client) error {
	service, err := client.Core.Services(metav1.NamespaceDefault).Get(ctx, apiServerService, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get service default/%s: %w", apiServerService, err)
	}
	for _, ip := range append(service.Spec.ClusterIPs, service.Spec.ClusterIP) {
		a.service[canonicalHost(ip)] = true
	}
	return nil
}

// readEndpoints reads the addresses of all API servers.
func (a Addresses) readEndpoints(ctx context.Context, client *kubeclient.Client) error {
	slices, err := client.Discovery.EndpointSlices(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + apiServerService})
	if err != nil {
		return fmt.Errorf("list the endpointslices of service default/%s: %w", apiServerService, err)
	}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			for _, address := range endpoint.Addresses {
				a.apiServer[canonicalHost(address)] = true
			}
		}
	}
	return nil
}

// readClusterInfo reads the addresses that cluster-info publishes for nodes.
func (a Addresses) readClusterInfo(ctx context.Context, client *kubeclient.Client) error {
	object, err := client.Core.ConfigMaps(metav1.NamespacePublic).Get(ctx, bootstrapapi.ConfigMapClusterInfo, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get cluster-info: %w", err)
	}
	document, err := clusterinfo.ParseDocument([]byte(object.Data[bootstrapapi.KubeConfigKey]))
	if err == nil { // an invalid document names no address
		a.addURL(document.Server.URL())
	}
	return nil
}

// addURL adds the host of the API server's URL.
func (a Addresses) addURL(text string) {
	if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
		a.apiServer[canonicalHost(u.Hostname())] = true
	}
}

// readNodes reads the addresses in the status of each Node, and its name.
func (a Addresses) readNodes(ctx context.Context, client *kubeclient.Client) error {
	err := kubeclient.EachItem(ctx, client.Core.Nodes().List, metav1.ListOptions{}, func(node *corev1.Node) error {
		a.addNode(node.Name, node.Name)
		for _, address := range node.Status.Addresses {
			a.addNode(node.Name, address.Address)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	return nil
}

// readRequests reads the names in the pending CSRs that nodes created for themselves.
func (a Addresses) readRequests(ctx context.Context, client *kubeclient.Client) error {
	return csr.List(ctx, client.Certificates, csr.Filter{SignerName: csr.KubeletServing, Condition: csr.Pending}, func(r csr.Request) error {
		if r.NodeName() != "" && isSelfRequest(r) {
			for _, host := range hosts(r) {
				a.addNode(r.NodeName(), host)
			}
		}
		return nil
	})
}

func (a Addresses) addNode(node, address string) {
	host := canonicalHost(address)
	if !slices.Contains(a.nodes[host], node) {
		a.nodes[host] = append(a.nodes[host], node)
	}
}

// owner describes who other than the node has the host; empty if nobody has.
func (a Addresses) owner(host, nodeName string) string {
	if a.apiServer[canonicalHost(host)] {
		return "the API server"
	}
	for _, node := range a.nodes[canonicalHost(host)] {
		if node != nodeName {
			return "node " + node
		}
	}
	return ""
}

// reserved describes why no node's serving certificate may have the host: clients would
// take the node for another program. It is empty if a node may.
func (a Addresses) reserved(host string) string {
	name := canonicalHost(host)
	ip := net.ParseIP(name)
	switch {
	case a.service[name]:
		return "is an address of the Service kubernetes"
	case ip != nil && ip.IsLoopback():
		return "is a loopback address"
	case ip != nil && !ip.IsGlobalUnicast(): // unspecified, link-local, multicast, or broadcast
		return "is not a unicast address"
	case ip != nil:
		return ""
	case name == "localhost" || strings.HasSuffix(name, ".localhost"):
		return "is the local host"
	case name == apiServerService || strings.HasPrefix(name, apiServerService+"."):
		return "is a name of the API server"
	case strings.HasSuffix(name, ".svc") || strings.Contains(name, ".svc."):
		return "is a name of a Service"
	case csr.ValidateNodeName(name) != nil:
		return "is not one host name"
	}
	return ""
}

// canonicalHost returns an IP address in its usual form, and a DNS name in lower case without
// its final dot.
func canonicalHost(host string) string {
	if ip := parseAddress(host); ip != nil {
		return ip.String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostsWith describes the names in the CSR for which problem is not empty; empty if there
// are none.
func hostsWith(r csr.Request, problem func(host string) string) string {
	var problems []string
	for _, host := range hosts(r) {
		if text := problem(host); text != "" {
			problems = append(problems, fmt.Sprintf("%q %s", host, text))
		}
	}
	return strings.Join(problems, ", ")
}

// hosts returns the DNS names and IP addresses in the CSR.
func hosts(r csr.Request) []string {
	if r.PKCS10 == nil {
		return nil
	}
	hosts := slices.Clone(r.PKCS10.DNSNames)
	for _, ip := range r.PKCS10.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}
