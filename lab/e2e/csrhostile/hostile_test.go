// Package csrhostile sends CSRs of every kind, from hostile users and from the
// kubelet's own code, and checks what bootctl approves and predicts.
package csrhostile

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
)

// onlyForOwnSigner is the signerRule of a CSR that passes its own signer's
// rules.
const onlyForOwnSigner = ""

// TestApprove_HostileCSRs sends CSRs that nobody should approve, and runs csr approve on
// them in every way that needs no decision by a person. In each way, a CSR that passes
// the policy is approved.
func TestApprove_HostileCSRs(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdminWithoutApprover(t)
	allowEveryRequester(t, p)
	hostile := sendHostileCSRs(t, p)
	t.Logf("%d hostile CSRs are stored", len(hostile))
	if len(hostile) < 60 {
		t.Error("too few CSRs to prove anything")
	}
	rule := func(row hostileCSR) string { return row.rule }
	signerRule := func(row hostileCSR) string { return row.signerRule }

	sendValidCSR(t, p, "control-named")
	code, results := approveWithBootctl(t, p, append(slices.Sorted(maps.Keys(hostile)), "control-named")...)
	wantRefused(t, p, "by name", code, results, hostile, rule)
	wantApproved(t, p, "control-named")

	sendValidCSR(t, p, "control-pending")
	code, results = approveWithBootctl(t, p, "--pending", "--yes")
	wantRefused(t, p, "all pending CSRs", code, results, selectBySigner(t, p, hostile, csr.KubeletClient), rule)
	wantApproved(t, p, "control-pending")

	createNode(t, p, "control-serving", "control-serving", "192.0.2.77")
	sendValidCSR(t, p, "control-serving", labtest.WithSigner(csr.KubeletServing), labtest.SentByNode("victim"), labtest.WithUsages("digital signature", "server auth"),
		editTemplate(func(r *x509.CertificateRequest) {
			r.DNSNames, r.IPAddresses = []string{"victim"}, []net.IP{net.IPv4(192, 0, 2, 77)}
		}))
	sendValidCSR(t, p, "control-client", labtest.WithSigner(csr.APIServerClient), labtest.SentBy("alice"), withCommonName("alice"), withOrganizations("dev"), labtest.WithUsages("client auth"))
	sendValidCSR(t, p, "control-other", labtest.WithSigner("example.com/x"), withCommonName("alice"), withOrganizations("dev"))
	for _, signer := range []string{csr.KubeletServing, csr.APIServerClient, "example.com/x", "kubernetes.io/x"} {
		code, results = approveWithBootctl(t, p, "--signer", signer, "--pending", "--yes")
		wantRefused(t, p, "for "+signer, code, results, selectBySigner(t, p, hostile, signer), signerRule)
	}
	wantApproved(t, p, "control-serving", "control-client", "control-other")
	wantNotForceable(t, p, hostile)
}

// allowEveryRequester lets every user send CSRs, and creates administrators with
// unsuspicious names.
func allowEveryRequester(t *testing.T, p labtest.Admin) {
	t.Helper()
	subject := func(kind, name string) rbacv1.Subject {
		return rbacv1.Subject{Kind: kind, APIGroup: rbacv1.GroupName, Name: name}
	}
	for role, subjects := range map[string][]rbacv1.Subject{
		"system:node-bootstrapper": {subject("Group", "system:authenticated")},
		"cluster-admin":            {subject("User", "owner"), subject("Group", "owners")},
	} {
		_, err := p.ClientAs(t, "").RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "hostile-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   subjects,
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for user, rule := range hostilePowers() {
		grantPower(t, p, user, rule)
	}
	p.Eventually(t, "permissions of alice", func() bool {
		_, err := p.SendCSR(t.Context(), t, "door", labtest.NewCSR(t, "door", labtest.SentBy("alice")))
		return err == nil
	})
	p.Eventually(t, "permissions of the owner", func() bool {
		review, err := p.ClientAs(t, "").AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: "owner", ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "*", Group: "*", Resource: "*"}},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed
	})
	if err := p.ClientAs(t, "").CertificatesV1().CertificateSigningRequests().Delete(t.Context(), "door", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// sendHostileCSRs sends all rows, and returns those that the API server stores by name.
func sendHostileCSRs(t *testing.T, p labtest.Admin) map[string]hostileCSR {
	t.Helper()
	stored := map[string]hostileCSR{}
	refused := 0
	for i, row := range slices.Concat(hostileSubjects(), hostileExtensions(), hostileUsages(), hostileKeysAndTexts(),
		hostileRequesters(), hostileSigners(), hostileServingCSRs(), hostileServingAddresses(), hostileEncodings(t), hostileUsers()) {
		name := fmt.Sprintf("hostile-%d", i)
		if row.exists {
			createNode(t, p, name, row.hostsOf(name)...)
		}
		_, err := p.SendCSR(t.Context(), t, name, labtest.NewCSR(t, name, row.changes...))
		switch {
		case (err != nil) != row.refusedByServer:
			t.Errorf("%s: refused by the server: %v, want %v (%v)", row.title, err != nil, row.refusedByServer, err)
		case err == nil:
			stored[name] = row
		default:
			refused++
		}
	}
	t.Logf("the API server refused %d CSRs", refused)
	return stored
}

// sendValidCSR sends a CSR that the policy allows, for a node of the same name.
func sendValidCSR(t *testing.T, p labtest.Admin, name string, changes ...labtest.CSRChange) {
	t.Helper()
	if _, err := p.SendCSR(t.Context(), t, name, labtest.NewCSR(t, name, changes...)); err != nil {
		t.Fatal(err)
	}
}

// createNode creates a Node with the host names and addresses in its status.
func createNode(t *testing.T, p labtest.Admin, name string, hosts ...string) {
	t.Helper()
	nodes := p.ClientAs(t, "").CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		address := corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: host}
		if net.ParseIP(host) == nil {
			address.Type = corev1.NodeInternalDNS
		}
		node.Status.Addresses = append(node.Status.Addresses, address)
	}
	if _, err := nodes.UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// selectBySigner returns the rows for the signer.
func selectBySigner(t *testing.T, p labtest.Admin, hostile map[string]hostileCSR, signer string) map[string]hostileCSR {
	t.Helper()
	rows, stored := map[string]hostileCSR{}, storedCSRs(t, p)
	for name, row := range hostile {
		if stored[name].Spec.SignerName == signer {
			rows[name] = row
		}
	}
	if len(rows) == 0 {
		t.Errorf("no hostile CSR is for %s", signer)
	}
	return rows
}

// wantRefused checks that each row violates its rule, and that no row is approved.
func wantRefused(t *testing.T, p labtest.Admin, way string, code int, results map[string]output.Result, rows map[string]hostileCSR, rule func(hostileCSR) string) {
	t.Helper()
	if code == 0 {
		t.Errorf("%s: exit code 0", way)
	}
	stored := storedCSRs(t, p)
	for name, row := range rows {
		result, wanted := results[name], rule(row)
		if wanted == onlyForOwnSigner {
			if !isApproved(stored[name]) {
				t.Errorf("%s: %q is not approved: %s", way, row.title, result.Message)
			}
			continue
		}
		var violated []string
		for _, r := range result.Rules {
			if !r.Passed {
				violated = append(violated, r.Rule)
			}
		}
		if result.Result != "refused" || !slices.Contains(violated, wanted) {
			t.Errorf("%s: %q is %s and violates the rules %q, want %q; %s", way, row.title, result.Result, violated, wanted, result.Message)
		}
	}
	for name, object := range stored {
		if row, ok := rows[name]; ok && rule(row) != onlyForOwnSigner && isApproved(object) {
			t.Errorf("%s: %q was APPROVED", way, row.title)
		}
	}
}

// wantApproved checks that the CSRs are approved.
func wantApproved(t *testing.T, p labtest.Admin, names ...string) {
	t.Helper()
	stored := storedCSRs(t, p)
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

// wantNotForceable approves each privileged or unreadable CSR by name with its own
// signer and --force, and checks that it stays pending.
func wantNotForceable(t *testing.T, p labtest.Admin, hostile map[string]hostileCSR) {
	t.Helper()
	stored, tried := storedCSRs(t, p), 0
	for name, row := range hostile {
		if row.signerRule != "not privileged" && row.signerRule != "readable" {
			continue
		}
		tried++
		if code, _, stderr := p.Run(t, "csr", "approve", name, "--force", "--yes", "--signer", stored[name].Spec.SignerName); code != 5 {
			t.Errorf("%q with --force: exit code %d, want 5\n%s", row.title, code, strings.TrimSpace(stderr))
		}
	}
	stored = storedCSRs(t, p)
	for name, row := range hostile {
		if row.signerRule != onlyForOwnSigner && isApproved(stored[name]) {
			t.Errorf("%q was APPROVED", row.title)
		}
	}
	t.Logf("%d privileged or unreadable CSRs were not approved with --force", tried)
}
