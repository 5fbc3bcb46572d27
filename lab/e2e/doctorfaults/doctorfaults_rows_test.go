package e2e

import (
	"net"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
)

// objectFaults are those of the RBAC objects: each missing, and some otherwise
// than they should be.
func objectFaults() []doctorFault {
	const bootstrap = "ClusterRoleBinding kubeadm:kubelet-bootstrap"
	faults := []doctorFault{
		{name: "a subject lacks", plant: planting(`patch clusterrolebinding kubeadm:kubelet-bootstrap --type=json -p [{"op":"remove","path":"/subjects/0"}]`), want: "FAIL RBACDiffers " + bootstrap},
		{name: "a rule lacks", plant: planting(`patch clusterrole kubeadm:get-nodes --type=json -p [{"op":"remove","path":"/rules/0"}]`), want: "FAIL RBACDiffers ClusterRole kubeadm:get-nodes"},
		{name: "too wide", plant: planting(`patch clusterrolebinding kubeadm:kubelet-bootstrap --type=json -p [{"op":"add","path":"/subjects/1","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"everyone"}}]`),
			want: "WARN RBACTooPermissive " + bootstrap},
		{name: "no role of Kubernetes", plant: planting("delete clusterrole system:node-bootstrapper"), want: "FAIL RBACMissing " + bootstrap,
			mend: func(t *testing.T, l *doctorLab, _ string) { // the API server does, when it starts
				t.Helper()
				l.kubectl(t, "create", "clusterrole", "system:node-bootstrapper", "--verb=create,get,list,watch", "--resource=certificatesigningrequests.certificates.k8s.io")
			}},
		{name: "approval without a person", args: []string{"--auto-approve", "none"}, plant: func(*testing.T, *doctorLab) {},
			want: "WARN AutoApprovalOn ClusterRoleBinding kubeadm:node-autoapprove-bootstrap"},
		{name: "approval by another binding", args: []string{"--auto-approve", "none"},
			plant: planting("create clusterrolebinding approval --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers"),
			want:  "WARN AutoApprovalOn ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", mend: unbind("approval")},
	}
	for _, object := range []string{
		"ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", // which a row before took away, and this one puts back
		"Role kube-public/kubeadm:bootstrap-signer-clusterinfo", "RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo",
		"ClusterRole kubeadm:get-nodes", "ClusterRoleBinding kubeadm:get-nodes", "ClusterRoleBinding kubeadm:kubelet-bootstrap",
		"ClusterRoleBinding kubeadm:node-autoapprove-certificate-rotation",
	} {
		kind, name, _ := strings.Cut(object, " ")
		f := doctorFault{name: "no " + object, want: "FAIL RBACMissing " + object, plant: planting("delete --ignore-not-found " + kind + " " + name)}
		if namespace, inside, found := strings.Cut(name, "/"); found {
			f.plant = planting("delete " + kind + " " + inside + " -n " + namespace)
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
		l.must(t, "cluster-info", "publish", "--yes", "--endpoint", l.misnamed(t))
	}
	return []doctorFault{
		{name: "no cluster-info", plant: planting("delete configmap -n kube-public cluster-info"), want: "FAIL ClusterInfoNotFound cluster-info"},
		{name: "no document", plant: document(func(*testing.T, *doctorLab, string) string { return "nonsense" }), want: "FAIL DocumentInvalid cluster-info"},
		{name: "closed port", plant: running("cluster-info publish --yes --endpoint https://127.0.0.1:1"), want: "FAIL Unreachable endpoint"},
		{name: "not the name of the certificate", plant: notForName, want: "FAIL CertificateUntrusted endpoint"},
		{name: "another cluster", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.must(t, "cluster-info", "publish", "--yes", "--endpoint", l.other.URL(), "--ca-file", l.other.CAFile)
		}, want: "FAIL PinMismatch endpoint"},
		{name: "another cluster's address", plant: func(t *testing.T, l *doctorLab) {
			t.Helper()
			l.must(t, "cluster-info", "publish", "--yes", "--endpoint", l.other.URL())
		}, want: "FAIL CertificateUntrusted endpoint"},
		{name: "expired CA", plant: document(withCA(-24 * time.Hour)), want: "FAIL CAExpired ca", also: []string{"FAIL CAExpired endpoint"}},
		{name: "CA ends soon", plant: document(withCA(10 * 24 * time.Hour)), want: "WARN CAExpiresSoon ca"},
		{name: "full", plant: filled(10, 0), want: "FAIL ClusterInfoFull capacity", mend: fewerTokens},
		{name: "almost full", plant: filled(10, 1), want: "WARN ClusterInfoAlmostFull capacity", mend: fewerTokens},
	}
}

func tokenFaults() []doctorFault {
	return []doctorFault{
		{name: "tokens without an end", plant: running("token create --count 2 --ttl never"), want: "WARN TokenNeverExpires tokens"},
		{name: "no token", plant: planting("create secret generic -n kube-system bootstrap-token-aaaaaa --type=bootstrap.kubernetes.io/token --from-literal=token-id=bbbbbb"), want: "WARN TokenUnusable tokens"},
	}
}

// unbind looks for a binding as the remedy tells, and deletes it.
func unbind(name string) func(*testing.T, *doctorLab, string) {
	return func(t *testing.T, l *doctorLab, remedy string) {
		t.Helper()
		command, _, _ := strings.Cut(remedy, "; ")
		asPrinted(t, l, command)
		l.kubectl(t, "delete", "clusterrolebinding", name)
	}
}

func anonymousFaults() []doctorFault {
	return []doctorFault{
		{name: "tokens may do all", plant: planting("create clusterrolebinding powers --clusterrole=cluster-admin --group=system:bootstrappers"), want: "FAIL BootstrapTokenOverprivileged token-grants", mend: unbind("powers")},
		{name: "anonymous may do all", plant: planting("create clusterrolebinding open --clusterrole=cluster-admin --user=system:anonymous"), want: "FAIL AnonymousAccessTooBroad anonymous-grants"},
		{name: "anonymous may see all", plant: planting("create clusterrolebinding open --clusterrole=view --group=system:unauthenticated"), want: "WARN AnonymousAccessTooBroad anonymous-grants"},
		{name: "anonymous may see a namespace", plant: planting("create rolebinding -n default open --clusterrole=view --user=system:anonymous"), want: "WARN AnonymousAccessTooBroad anonymous-grants"},
	}
}

func requestFaults() []doctorFault {
	send := func(approved bool, changes ...change) func(*testing.T, *doctorLab) {
		return func(t *testing.T, l *doctorLab) {
			t.Helper()
			object, err := l.send(t.Context(), t, "doctored", newAsk(t, "doctored", changes...))
			if err != nil {
				t.Fatal(err)
			}
			if approved {
				l.approveByAPI(t, object)
			}
		}
	}
	return []doctorFault{
		{name: "request of a person", plant: send(false, to(certificatesv1.KubeAPIServerClientSignerName)), want: "WARN CSRPending requests",
			mend: func(t *testing.T, l *doctorLab, remedy string) {
				t.Helper()
				if !strings.Contains(remedy, "bootctl csr list --pending") || l.must(t, "csr", "list", "--pending", "-q") != "doctored" {
					t.Errorf("the remedy %q does not name the request", remedy)
				}
				l.must(t, "csr", "deny", "doctored", "--reason", "Unknown")
				l.must(t, "csr", "delete", "doctored")
			}},
		{name: "request that fails", plant: send(true, usages(certificatesv1.UsageServerAuth)), want: "WARN SignerFailed requests"},
	}
}

// signatureFaults are those that the bootstrap signer and the token cleaner would
// mend themselves. The token is old by then, so the signer is silent in each.
func signatureFaults() []doctorFault {
	silent := []string{"FAIL BootstrapSignerNotRunning signer"}
	return []doctorFault{
		{name: "stale signature", plant: signatures(func(s string) string { return s[:len(s)-4] + "AAAA" }), want: "FAIL SignatureStale signatures", also: silent},
		{name: "malformed signature", plant: signatures(func(string) string { return "nonsense" }), want: "FAIL SignatureMalformed signatures", also: silent},
		{name: "orphaned signature", plant: planting(`patch configmap -n kube-public cluster-info --type=merge -p {"data":{"jws-kubeconfig-zzzzzz":"eyJhbGciOiJIUzI1NiIsImtpZCI6Inp6enp6eiJ9..AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}`),
			want: "WARN SignatureOrphan signatures"},
		{name: "expired token is left", plant: running("token create --ttl 1s --usages authentication"), want: "WARN TokenCleanerNotRunning cleaner"},
		{name: "token without a signature", plant: running("token create"), want: "FAIL SignatureMissing signatures", also: silent},
		{name: "signer off", plant: running("token create"), want: "FAIL BootstrapSignerNotRunning signer", also: []string{"FAIL SignatureMissing signatures"}, restarted: true},
	}
}

func submitted(node string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		if err := l.server.SubmitNodes(t.Context(), node, 1); err != nil {
			t.Fatal(err)
		}
	}
}

func certificateSignerOff() doctorFault {
	return doctorFault{name: "signer of certificates off", plant: submitted("unsigned"), want: "FAIL CSRSignerNotRunning requests", restarted: true}
}

// approverOff is mended for a while by a person, and then by the controller.
func approverOff() []doctorFault {
	const want = "FAIL CSRApproverNotRunning requests"
	byHand := func(t *testing.T, l *doctorLab, remedy string) {
		t.Helper()
		_, command, _ := strings.Cut(remedy, "; meanwhile: ")
		asPrinted(t, l, command+" --yes") // there is no terminal to ask at
	}
	return []doctorFault{
		{name: "approver off, meanwhile", plant: submitted("meanwhile"), want: want, mend: byHand},
		{name: "approver off", plant: submitted("unapproved"), want: want, restarted: true},
	}
}

func anonymousOff() doctorFault {
	return doctorFault{name: "anonymous off", plant: func(*testing.T, *doctorLab) {}, want: "FAIL AnonymousDisabled anonymous", restarted: true}
}

func tokenAuthenticationOff() doctorFault {
	return doctorFault{name: "token authentication off", plant: func(*testing.T, *doctorLab) {}, want: "FAIL TokenAuthenticationOff token-authentication", restarted: true}
}

func signerEndsSoon() doctorFault {
	return doctorFault{name: "signing CA ends soon", plant: submitted("soon"), want: "WARN SigningCAExpiresSoon signing-ca", also: []string{"WARN CAExpiresSoon client-ca"}, restarted: true}
}

// signerUnknown is left behind by the signer before, until a node gets another
// certificate.
func signerUnknown() doctorFault {
	return doctorFault{name: "signing CA unknown", plant: func(*testing.T, *doctorLab) {}, want: "WARN SigningCAUntrusted signing-ca",
		mend: func(t *testing.T, l *doctorLab, _ string) { t.Helper(); submitted("later")(t, l) }}
}

// misnamed is the address of a server of the lab's CA whose certificate is not for
// that address.
func (l *doctorLab) misnamed(t *testing.T) string {
	t.Helper()
	return l.serveTLS(t, serving(l.ca, net.IPv4(192, 0, 2, 1).To4(), time.Now()))
}
