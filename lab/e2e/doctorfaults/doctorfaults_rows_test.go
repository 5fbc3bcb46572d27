package doctorfaults

import (
	"net"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
)

// objectFaults are faults of the RBAC objects: each one missing, and some with
// differences.
func objectFaults() []doctorFault {
	const bootstrap = "ClusterRoleBinding kubeadm:kubelet-bootstrap"
	faults := []doctorFault{
		{name: "subject missing", plant: kubectlCommand(`patch clusterrolebinding kubeadm:kubelet-bootstrap --type=json -p [{"op":"remove","path":"/subjects/0"}]`), want: "FAIL RBACDiffers " + bootstrap},
		{name: "rule missing", plant: kubectlCommand(`patch clusterrole kubeadm:get-nodes --type=json -p [{"op":"remove","path":"/rules/0"}]`), want: "FAIL RBACDiffers ClusterRole kubeadm:get-nodes"},
		{name: "too permissive", plant: kubectlCommand(`patch clusterrolebinding kubeadm:kubelet-bootstrap --type=json -p [{"op":"add","path":"/subjects/1","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"everyone"}}]`),
			want: "WARN RBACTooPermissive " + bootstrap},
		{name: "built-in role missing", plant: kubectlCommand("delete clusterrole system:node-bootstrapper"), want: "FAIL RBACMissing " + bootstrap,
			repair: func(t *testing.T, l *doctorLab, _ string) { // the API server creates it when it starts
				t.Helper()
				l.kubectl(t, "create", "clusterrole", "system:node-bootstrapper", "--verb=create,get,list,watch", "--resource=certificatesigningrequests.certificates.k8s.io")
			}},
		{name: "unwanted automatic approval", args: []string{"--auto-approve", "none"}, plant: func(*testing.T, *doctorLab) {},
			want: "WARN AutoApprovalOn ClusterRoleBinding kubeadm:node-autoapprove-bootstrap"},
		{name: "approval by another binding", args: []string{"--auto-approve", "none"},
			plant: kubectlCommand("create clusterrolebinding approval --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers"),
			want:  "WARN AutoApprovalOn ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", repair: deleteBinding("approval")},
	}
	for _, object := range []string{
		"ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", // an earlier row deleted it, and this row creates it
		"Role kube-public/kubeadm:bootstrap-signer-clusterinfo", "RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo",
		"ClusterRole kubeadm:get-nodes", "ClusterRoleBinding kubeadm:get-nodes", "ClusterRoleBinding kubeadm:kubelet-bootstrap",
		"ClusterRoleBinding kubeadm:node-autoapprove-certificate-rotation",
	} {
		kind, name, _ := strings.Cut(object, " ")
		f := doctorFault{name: "no " + object, want: "FAIL RBACMissing " + object, plant: kubectlCommand("delete --ignore-not-found " + kind + " " + name)}
		if namespace, inside, found := strings.Cut(name, "/"); found {
			f.plant = kubectlCommand("delete " + kind + " " + inside + " -n " + namespace)
			f.also = []string{"FAIL AnonymousForbidden anonymous"}
		}
		if name == "kubeadm:node-autoapprove-bootstrap" {
			f.want = "WARN AutoApprovalOff " + object
		}
		faults = append(faults, f)
	}
	return faults
}

func clusterInfoFaults() []doctorFault {
	notForName := func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.MustRun(t, "cluster-info", "publish", "--yes", "--endpoint", l.serveOtherAddress(t))
	}
	return []doctorFault{
		{name: "no cluster-info", plant: kubectlCommand("delete configmap -n kube-public cluster-info"), want: "FAIL ClusterInfoNotFound cluster-info"},
		{name: "invalid document", plant: plantDocument(func(*testing.T, *doctorLab, string) string { return "nonsense" }), want: "FAIL DocumentInvalid cluster-info"},
		{name: "closed port", plant: bootctlCommand("cluster-info publish --yes --endpoint https://127.0.0.1:1"), want: "FAIL Unreachable endpoint"},
		{name: "certificate for another address", plant: notForName, want: "FAIL CertificateUntrusted endpoint"},
		{name: "another cluster", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.MustRun(t, "cluster-info", "publish", "--yes", "--endpoint", l.other.URL(), "--ca-file", l.other.CAFile)
		}, want: "FAIL PinMismatch endpoint"},
		{name: "another cluster's address", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.MustRun(t, "cluster-info", "publish", "--yes", "--endpoint", l.other.URL())
		}, want: "FAIL CertificateUntrusted endpoint"},
		{name: "expired CA", plant: plantDocument(replaceCAExpiringIn(-24 * time.Hour)), want: "FAIL CAExpired ca", also: []string{"FAIL CAExpired endpoint"}},
		{name: "CA expires soon", plant: plantDocument(replaceCAExpiringIn(10 * 24 * time.Hour)), want: "WARN CAExpiresSoon ca"},
		{name: "full", plant: fillClusterInfo(10, 0), want: "FAIL ClusterInfoFull capacity", repair: deleteExtraTokens},
		{name: "almost full", plant: fillClusterInfo(10, 1), want: "WARN ClusterInfoAlmostFull capacity", repair: deleteExtraTokens},
	}
}

func tokenFaults() []doctorFault {
	return []doctorFault{
		{name: "tokens that never expire", plant: bootctlCommand("token create --count 2 --ttl never"), want: "WARN TokenNeverExpires tokens"},
		{name: "unusable token", plant: kubectlCommand("create secret generic -n kube-system bootstrap-token-aaaaaa --type=bootstrap.kubernetes.io/token --from-literal=token-id=bbbbbb"), want: "WARN TokenUnusable tokens"},
	}
}

// deleteBinding finds a binding with the command in the fix, and deletes it.
func deleteBinding(name string) func(*testing.T, *doctorLab, string) {
	return func(t *testing.T, l *doctorLab, fix string) {
		t.Helper()
		_, command, _ := strings.Cut(fix, "; to find it, run: ")
		runPrintedFix(t, l, command)
		l.kubectl(t, "delete", "clusterrolebinding", name)
	}
}

func anonymousFaults() []doctorFault {
	return []doctorFault{
		{name: "tokens with all permissions", plant: kubectlCommand("create clusterrolebinding powers --clusterrole=cluster-admin --group=system:bootstrappers"), want: "FAIL BootstrapTokenOverprivileged token-grants", repair: deleteBinding("powers")},
		{name: "anonymous with all permissions", plant: kubectlCommand("create clusterrolebinding open --clusterrole=cluster-admin --user=system:anonymous"), want: "FAIL AnonymousAccessTooBroad anonymous-grants"},
		{name: "anonymous can view everything", plant: kubectlCommand("create clusterrolebinding open --clusterrole=view --group=system:unauthenticated"), want: "WARN AnonymousAccessTooBroad anonymous-grants"},
		{name: "anonymous can view a namespace", plant: kubectlCommand("create rolebinding -n default open --clusterrole=view --user=system:anonymous"), want: "WARN AnonymousAccessTooBroad anonymous-grants"},
	}
}

func requestFaults() []doctorFault {
	send := func(approved bool, changes ...labtest.CSRChange) func(*testing.T, *doctorLab) {
		return func(t *testing.T, l *doctorLab) {
			t.Helper()
			object, err := l.SendCSR(t.Context(), t, "doctored", labtest.NewCSR(t, "doctored", changes...))
			if err != nil {
				t.Fatal(err)
			}
			if approved {
				l.ApproveCSR(t, object)
			}
		}
	}
	return []doctorFault{
		{name: "CSR from a person", plant: send(false, labtest.WithSigner(certificatesv1.KubeAPIServerClientSignerName)), want: "WARN CSRPending requests",
			repair: func(t *testing.T, l *doctorLab, fix string) {
				t.Helper()
				if !strings.Contains(fix, "bootctl csr list --pending") || l.MustRun(t, "csr", "list", "--pending", "-q") != "doctored" {
					t.Errorf("the fix %q does not name the CSR", fix)
				}
				l.MustRun(t, "csr", "deny", "doctored", "--reason", "Unknown")
				l.MustRun(t, "csr", "delete", "doctored")
			}},
		{name: "CSR that fails", plant: send(true, labtest.WithUsages(certificatesv1.UsageServerAuth)), want: "WARN SignerFailed requests"},
	}
}

// signatureFaults are the faults that bootstrapsigner and tokencleaner would repair. The
// token is old enough that bootstrapsigner counts as not running in each.
func signatureFaults() []doctorFault {
	notRunning := []string{"FAIL BootstrapSignerNotRunning signer"}
	return []doctorFault{
		{name: "stale signature", plant: plantSignatures(func(s string) string { return s[:len(s)-4] + "AAAA" }), want: "FAIL SignatureStale signatures", also: notRunning},
		{name: "malformed signature", plant: plantSignatures(func(string) string { return "nonsense" }), want: "FAIL SignatureMalformed signatures", also: notRunning},
		{name: "orphaned signature", plant: kubectlCommand(`patch configmap -n kube-public cluster-info --type=merge -p {"data":{"jws-kubeconfig-zzzzzz":"eyJhbGciOiJIUzI1NiIsImtpZCI6Inp6enp6eiJ9..AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`),
			want: "WARN SignatureOrphan signatures"},
		{name: "expired token not deleted", plant: bootctlCommand("token create --ttl 1s --usages authentication"), want: "WARN TokenCleanerNotRunning cleaner"},
		{name: "token without a signature", plant: bootctlCommand("token create"), want: "FAIL SignatureMissing signatures", also: notRunning},
		{name: "bootstrapsigner off", plant: bootctlCommand("token create"), want: "FAIL BootstrapSignerNotRunning signer", also: []string{"FAIL SignatureMissing signatures"}, restarted: true},
	}
}

func submitNodeCSR(node string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		if err := l.Server.SubmitNodes(t.Context(), node, 1); err != nil {
			t.Fatal(err)
		}
	}
}

func certificateSignerOff() doctorFault {
	return doctorFault{name: "csrsigning off", plant: submitNodeCSR("unsigned"), want: "FAIL CSRSignerNotRunning requests", restarted: true}
}

// approverOff is repaired first by a manual approval, and then by the controller.
func approverOff() []doctorFault {
	const want = "FAIL CSRApproverNotRunning requests"
	byHand := func(t *testing.T, l *doctorLab, fix string) {
		t.Helper()
		_, command, _ := strings.Cut(fix, "; meanwhile: ")
		command, _, _ = strings.Cut(command, "; or, for this lab: ")
		runPrintedFix(t, l, command+" --yes") // there is no terminal for the prompt
	}
	return []doctorFault{
		{name: "csrapproving off, manual approval", plant: submitNodeCSR("meanwhile"), want: want, repair: byHand},
		{name: "csrapproving off", plant: submitNodeCSR("unapproved"), want: want, restarted: true},
	}
}

func anonymousOff() doctorFault {
	return doctorFault{name: "anonymous off", plant: func(*testing.T, *doctorLab) {}, want: "FAIL AnonymousDisabled anonymous", restarted: true}
}

func tokenAuthenticationOff() doctorFault {
	return doctorFault{name: "token authentication off", plant: func(*testing.T, *doctorLab) {}, want: "FAIL TokenAuthenticationOff token-authentication", restarted: true}
}

func signerEndsSoon() doctorFault {
	return doctorFault{name: "signing CA expires soon", plant: submitNodeCSR("soon"), want: "WARN SigningCAExpiresSoon signing-ca", also: []string{"WARN CAExpiresSoon client-ca"}, restarted: true}
}

// signerUnknown remains from the previous signing CA until a node gets a new
// certificate.
func signerUnknown() doctorFault {
	return doctorFault{name: "signing CA unknown", plant: func(*testing.T, *doctorLab) {}, want: "WARN SigningCAUntrusted signing-ca",
		repair: func(t *testing.T, l *doctorLab, _ string) { t.Helper(); submitNodeCSR("later")(t, l) }}
}

// serveOtherAddress returns the address of a server whose certificate, issued by the lab's
// CA, is for another address.
func (l *doctorLab) serveOtherAddress(t *testing.T) string {
	t.Helper()
	return l.serveTLS(t, faultproxy.ServingCertificate(l.ca, net.IPv4(192, 0, 2, 1).To4(), time.Now()))
}
