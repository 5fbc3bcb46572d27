package doctor_test

import (
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// A missing ClusterRole of Kubernetes is reported for the binding that refers to it.
func TestCluster_KubernetesRoles(t *testing.T) {
	const restart = "restart the API server"
	for role, binding := range map[string]string{
		"system:node-bootstrapper": "kubeadm:kubelet-bootstrap",
		"system:certificates.k8s.io:certificatesigningrequests:nodeclient":     "kubeadm:node-autoapprove-bootstrap",
		"system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": "kubeadm:node-autoapprove-certificate-rotation",
	} {
		testFaults(t, []fault{{role, func(p *adminCluster) { p.without("ClusterRole " + role) },
			[]doctor.Finding{finding("ClusterRoleBinding "+binding, doctor.FAIL, doctor.RBACMissing, "the ClusterRole "+role+", to which the binding refers, is missing", restart)}}})
	}
}

// Automatic approval of new nodes is also found under another name.
func TestCluster_AutoApprovalElsewhere(t *testing.T) {
	const check = "ClusterRoleBinding kubeadm:node-autoapprove-bootstrap"
	for _, group := range []string{token.DefaultGroup, "system:bootstrappers", "system:authenticated"} {
		testFaults(t, []fault{{group, func(p *adminCluster) {
			p.Setup.Approval = setup.AutoApproveNone
			p.without(check)
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
				return slices.Contains(s.Groups, group) && s.ResourceAttributes.Subresource == "nodeclient"
			}
		}, []doctor.Finding{finding(check, doctor.WARN, doctor.AutoApprovalOn, "another binding grants the same",
			"delete the binding of system:certificates.k8s.io:certificatesigningrequests:nodeclient to ")}}})
	}
}

func TestTokenGrants(t *testing.T) {
	const other = "system:bootstrappers:workers"
	power := func(group string) func(*adminCluster) {
		return func(p *adminCluster) {
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
				return slices.Contains(s.Groups, group) && s.ResourceAttributes.Resource == "secrets" && s.ResourceAttributes.Verb == "get"
			}
		}
	}
	tests := []struct {
		name, group string
		plant       func(*adminCluster)
		want        string // in the message; empty for OK
	}{
		{"none", "", func(*adminCluster) {}, ""},
		{"of the group", "", power(token.DefaultGroup), "bootstrap tokens in the group " + token.DefaultGroup + " may read all secrets"},
		{"of all tokens", "", power("system:bootstrappers"), "may read all secrets"},
		{"of everyone", "", power("system:authenticated"), "may read all secrets"},
		{"of the user", "", func(p *adminCluster) {
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
				return strings.HasPrefix(s.User, "system:bootstrap:")
			}
		}, "may do everything"},
		{"of the given group", other, power(other), "bootstrap tokens in the group " + other + " may read all secrets"},
		{"of another group", "", power(other), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := healthy(t)
			p.Setup.Group = test.group
			test.plant(p)
			got := of("token-grants", p.check(t))
			switch {
			case len(got) != 1:
				t.Errorf("found %+v", got)
			case test.want == "" && got[0].Status != doctor.OK:
				t.Errorf("found %+v, want OK", got)
			case test.want != "" && (got[0].Status != doctor.FAIL || got[0].Reason != doctor.BootstrapTokenOverprivileged ||
				!strings.Contains(got[0].Message, test.want) || !strings.HasSuffix(got[0].Fix, "; to find it, run: kubectl get clusterrolebindings -o wide")):
				t.Errorf("found %+v, want FAIL BootstrapTokenOverprivileged and %q", got, test.want)
			}
		})
	}
}

// The fix approves only CSRs of the token group, not those that a person should review.
func TestFinding_FixNamesGroup(t *testing.T) {
	const group = "system:bootstrappers:workers"
	p := healthy(t)
	p.Setup.Group = group
	p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
		return s.ResourceAttributes.Subresource == "nodeclient"
	}
	p.request("a")
	got := of("requests", p.check(t))
	if len(got) != 1 || got[0].Reason != doctor.CSRApproverNotRunning || !strings.HasSuffix(got[0].Fix, "; meanwhile: bootctl csr approve --requester-group "+group) {
		t.Errorf("found %+v, want a fix for only %s", got, group)
	}
}
