package e2e

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

// onlyForOwnSigner is the signerRule of a request that its own signer's rules let
// pass.
const onlyForOwnSigner = ""

// TestHostileRequests sends requests that nobody should approve, and runs csr
// approve over them in every way that needs no decision of a person. In each way
// a request that keeps the rules is approved.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	p := withoutApprover(t)
	p.openDoors(t)
	hostile := p.sendHostile(t)
	t.Logf("%d hostile requests are stored", len(hostile))
	if len(hostile) < 60 {
		t.Error("these are too few to prove anything")
	}
	rule := func(row hostileRequest) string { return row.rule }
	signerRule := func(row hostileRequest) string { return row.signerRule }

	p.sendControl(t, "control-named")
	code, results := p.approve(t, append(slices.Sorted(maps.Keys(hostile)), "control-named")...)
	p.refused(t, "by name", code, results, hostile, rule)
	p.approved(t, "control-named")

	p.sendControl(t, "control-pending")
	code, results = p.approve(t, "--pending", "--yes")
	p.refused(t, "all that are pending", code, results, p.bySigner(t, hostile, csr.KubeletClient), rule)
	p.approved(t, "control-pending")

	p.createNode(t, "control-serving", "control-serving.example.com", "192.0.2.1")
	p.sendControl(t, "control-serving", to(csr.KubeletServing), byNode("victim"), usages("digital signature", "server auth"),
		template(func(r *x509.CertificateRequest) { r.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }))
	p.sendControl(t, "control-client", to(csr.APIServerClient), commonName("alice"), organization("dev"), usages("client auth"))
	p.sendControl(t, "control-other", to("example.com/x"), commonName("alice"), organization("dev"))
	for _, signer := range []string{csr.KubeletServing, csr.APIServerClient, "example.com/x", "kubernetes.io/x"} {
		code, results = p.approve(t, "--signer", signer, "--pending", "--yes")
		p.refused(t, "for "+signer, code, results, p.bySigner(t, hostile, signer), signerRule)
	}
	p.approved(t, "control-serving", "control-client", "control-other")
	p.notForced(t, hostile)
}

// openDoors lets everybody send requests, and has administrators whose names say
// nothing of it.
func (p program) openDoors(t *testing.T) {
	t.Helper()
	subject := func(kind, name string) rbacv1.Subject {
		return rbacv1.Subject{Kind: kind, APIGroup: rbacv1.GroupName, Name: name}
	}
	for role, subjects := range map[string][]rbacv1.Subject{
		"system:node-bootstrapper": {subject("Group", "system:authenticated")},
		"cluster-admin":            {subject("User", "owner"), subject("Group", "owners")},
	} {
		_, err := p.as(t, "").RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "hostile-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   subjects,
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	p.eventually(t, "rights of alice", func() bool {
		_, err := p.send(t.Context(), t, "door", newAsk(t, "door", by("alice")))
		return err == nil
	})
	if err := p.as(t, "").CertificatesV1().CertificateSigningRequests().Delete(t.Context(), "door", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// sendHostile sends all rows, and returns by name those that the API server
// stores.
func (p program) sendHostile(t *testing.T) map[string]hostileRequest {
	t.Helper()
	stored := map[string]hostileRequest{}
	refused := 0
	for i, row := range slices.Concat(hostileSubjects(), hostileExtensions(), hostileUsages(), hostileKeysAndTexts(),
		hostileRequesters(), hostileSigners(), hostileServings()) {
		name := fmt.Sprintf("hostile-%d", i)
		if row.exists {
			p.createNode(t, name, name+".example.com", "192.0.2.1")
		}
		_, err := p.send(t.Context(), t, name, newAsk(t, name, row.changes...))
		switch {
		case (err != nil) != row.refusedByServer:
			t.Errorf("%s: refused by the server: %v, want %v (%v)", row.title, err != nil, row.refusedByServer, err)
		case err == nil:
			stored[name] = row
		default:
			refused++
		}
	}
	t.Logf("%d are refused by the API server", refused)
	return stored
}

// sendControl sends a request that keeps the rules, for a node of the same name.
func (p program) sendControl(t *testing.T, name string, changes ...change) {
	t.Helper()
	if _, err := p.send(t.Context(), t, name, newAsk(t, name, changes...)); err != nil {
		t.Fatal(err)
	}
}

// createNode creates a Node that has the host name and the addresses.
func (p program) createNode(t *testing.T, name, host string, ips ...string) {
	t.Helper()
	nodes := p.as(t, "").CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: host}}
	for _, ip := range ips {
		node.Status.Addresses = append(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	if _, err := nodes.UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// bySigner returns the rows that are for the signer.
func (p program) bySigner(t *testing.T, hostile map[string]hostileRequest, signer string) map[string]hostileRequest {
	t.Helper()
	rows, stored := map[string]hostileRequest{}, p.requests(t)
	for name, row := range hostile {
		if stored[name].Spec.SignerName == signer {
			rows[name] = row
		}
	}
	if len(rows) == 0 {
		t.Errorf("no hostile request is for %s", signer)
	}
	return rows
}

// refused wants each row to be refused by its rule, and no row to be approved.
func (p program) refused(t *testing.T, way string, code int, results map[string]output.Result, rows map[string]hostileRequest, rule func(hostileRequest) string) {
	t.Helper()
	if code == 0 {
		t.Errorf("%s: exit code 0", way)
	}
	stored := p.requests(t)
	for name, row := range rows {
		result, wanted := results[name], rule(row)
		if wanted == onlyForOwnSigner {
			if !isApproved(stored[name]) {
				t.Errorf("%s: %q is not approved: %s", way, row.title, result.Message)
			}
			continue
		}
		var broken []string
		for _, verdict := range result.Verdicts {
			if !verdict.OK {
				broken = append(broken, verdict.Rule)
			}
		}
		if result.Result != "refused" || !slices.Contains(broken, wanted) {
			t.Errorf("%s: %q is %s, the rules %q refuse it, want %q; %s", way, row.title, result.Result, broken, wanted, result.Message)
		}
	}
	for name, object := range stored {
		if row, ok := rows[name]; ok && rule(row) != onlyForOwnSigner && isApproved(object) {
			t.Errorf("%s: %q was APPROVED", way, row.title)
		}
	}
}

// approved wants the requests to be approved.
func (p program) approved(t *testing.T, names ...string) {
	t.Helper()
	stored := p.requests(t)
	for _, name := range names {
		if !isApproved(stored[name]) {
			t.Errorf("%s is not approved", name)
		}
	}
}

func isApproved(object certificatesv1.CertificateSigningRequest) bool {
	return slices.ContainsFunc(object.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool {
		return c.Type == certificatesv1.CertificateApproved
	})
}

// notForced names each request that asks for privileges or cannot be read, with
// its own signer, and forces: it must stay pending all the same.
func (p program) notForced(t *testing.T, hostile map[string]hostileRequest) {
	t.Helper()
	stored, tried := p.requests(t), 0
	for name, row := range hostile {
		if row.signerRule != "not privileged" && row.signerRule != "readable" {
			continue
		}
		tried++
		if code, _, stderr := p.run(t, "csr", "approve", name, "--force", "--yes", "--signer", stored[name].Spec.SignerName); code != 5 {
			t.Errorf("%q, forced: exit code %d, want 5\n%s", row.title, code, strings.TrimSpace(stderr))
		}
	}
	stored = p.requests(t)
	for name, row := range hostile {
		if row.signerRule != onlyForOwnSigner && isApproved(stored[name]) {
			t.Errorf("%q was APPROVED", row.title)
		}
	}
	t.Logf("%d privileged or unreadable requests were not forced", tried)
}
