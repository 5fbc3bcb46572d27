package doctor_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
)

// of returns the findings of a check.
func of(check string, findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Check != check })
}

// A state that is not a fault is not reported.
func TestCluster_NoFalseAlarms(t *testing.T) {
	young := func(s *corev1.Secret) { s.CreationTimestamp = metav1.NewTime(now.Add(-9 * time.Second)) }
	tests := []struct {
		name    string
		change  func(p *adminCluster)
		check   string
		message string
	}{
		{"no token", func(p *adminCluster) { p.tokens = nil; p.publish(p.Server, p.ca.Certificate) }, "signer", "no valid signing token"},
		{"no token to try", func(p *adminCluster) { delete(p.tokens[0].Data, "usage-bootstrap-authentication") }, "token-authentication", "use --probe to test"},
		{"token that was just created", func(p *adminCluster) { p.tokens = append(p.tokens, p.token("young0", young)) }, "signatures", "1 token changed less than 10s ago"},
		{"token that has just expired", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("ended0", func(s *corev1.Secret) {
				s.Data["expiration"] = []byte(now.Add(-9 * time.Second).Format(time.RFC3339))
			}))
			p.sign()
		}, "signatures", "1 token changed less than 10s ago"},
		{"loopback for an administrator on the same machine", func(*adminCluster) {}, "endpoint", "same cluster-info"},
		{"one of several tokens was just deleted", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("second"))
			p.sign()
		}, "token-authentication", "accepted"},
		{"no node certificate", func(*adminCluster) {}, "signing-ca", "no node certificate was issued recently; use --probe"},
		{"client CA is not published", func(p *adminCluster) { p.clients.Data = nil }, "signing-ca", "publishes no client CA"},
		{"CSR that was just created", func(p *adminCluster) {
			p.request("a", func(r *certificatesv1.CertificateSigningRequest) {
				r.CreationTimestamp = metav1.NewTime(now.Add(-9 * time.Second))
			})
		}, "requests", "1 CSR, none waiting for more than 10s"},
		{"CSR that was just approved", func(p *adminCluster) {
			p.request("a", is(certificatesv1.CertificateApproved, 9*time.Second))
		}, "requests", "1 CSR, none waiting"},
		{"CSR that was denied", func(p *adminCluster) { p.request("a", is(certificatesv1.CertificateDenied, time.Hour)) }, "requests", "1 CSR, none waiting"},
		{"permission that another object grants", func(p *adminCluster) {
			p.without("ClusterRoleBinding kubeadm:kubelet-bootstrap")
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
				return slices.Contains(s.Groups, "system:bootstrappers") && s.ResourceAttributes.Resource == "certificatesigningrequests" && s.ResourceAttributes.Subresource == ""
			}
		}, "ClusterRoleBinding kubeadm:kubelet-bootstrap", "granted otherwise"},
		{"automatic approval is off, as specified", func(p *adminCluster) {
			p.Setup.Approval = setup.AutoApproveNone
			p.without("ClusterRoleBinding kubeadm:node-autoapprove-bootstrap")
		}, "ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", "--auto-approve=none"},
		{"this machine's clock is off a little", func(p *adminCluster) {
			p.behind = -50 * time.Second
			p.tokens = append(p.tokens, p.token("young0", func(s *corev1.Secret) { s.CreationTimestamp = metav1.NewTime(now.Add(-52 * time.Second)) }))
		}, "signer", "changed less than 10s ago"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := healthy(t)
			test.change(p)
			findings := p.check(t)
			if got := bad(findings); len(got) > 0 {
				t.Errorf("found %+v", got)
			}
			if got := of(test.check, findings); len(got) != 1 || !strings.Contains(got[0].Message, test.message) {
				t.Errorf("%s: %+v, want message with %q", test.check, got, test.message)
			}
		})
	}
}

// A token is sent only over a connection that the administrator's CA verifies, and at
// most two tokens are sent.
func TestCluster_TokenNotSent(t *testing.T) {
	tests := []struct {
		name   string
		change func(p *adminCluster)
		want   int
	}{
		{"accepted", func(*adminCluster) {}, 1},
		{"all refused", func(p *adminCluster) { p.accepts = false }, 2},
		{"another CA", func(p *adminCluster) { p.CAs = []*x509.Certificate{testca.New(p.t, now, longLived).Certificate} }, 0},
		{"no CA", func(p *adminCluster) { p.CAs = nil }, 0},
		{"no address", func(p *adminCluster) { p.Server = "" }, 0},
		{"only tokens for kubeadm-certs", func(p *adminCluster) {
			for _, s := range p.tokens {
				s.Data["description"] = []byte("Proxy for managing TTL for the kubeadm-certs secret")
			}
		}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := healthy(t)
			p.tokens = append(p.tokens, p.token("second"), p.token("third0"))
			p.sign()
			test.change(p)
			findings := p.check(t)
			if got := p.tried(); len(got) != test.want {
				t.Errorf("%d tokens were sent, want %d", len(got), test.want)
			}
			want := doctor.OK
			switch {
			case !p.accepts:
				want = doctor.FAIL
			case test.want == 0:
				want = doctor.SKIP
			}
			if got := of("token-authentication", findings); len(got) != 1 || got[0].Status != want {
				t.Errorf("found %+v, want %s", got, want)
			}
		})
	}
}

// Access reviews check only the first of many requesters.
func TestCluster_FewAccessReviews(t *testing.T) {
	p := healthy(t)
	p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
		return s.ResourceAttributes.Subresource == "nodeclient"
	}
	for i := range 100 {
		p.request(fmt.Sprintf("r%d", i), func(r *certificatesv1.CertificateSigningRequest) {
			r.Spec.Username = fmt.Sprintf("system:bootstrap:t%05d", i)
		})
	}
	got := of("requests", p.check(t))
	if len(got) != 2 || !strings.Contains(got[0].Message, "50 CSRs from bootstrap tokens") || !strings.Contains(got[1].Message, "50 CSRs from bootstrap tokens") {
		t.Errorf("found %+v, want 50 that wait for the approver and 50 for which that is unknown", got)
	}
	if reviews := countReviews(p); reviews != 50 {
		t.Errorf("%d access reviews about CSRs, want 50", reviews)
	}
}

// countReviews returns the number of access reviews about automatic approval.
func countReviews(p *adminCluster) int {
	n := 0
	for _, action := range p.client.Actions() {
		create, ok := action.(clienttesting.CreateAction)
		if !ok {
			continue
		}
		review, ok := create.GetObject().(*authorizationv1.SubjectAccessReview)
		if ok && strings.HasSuffix(review.Spec.ResourceAttributes.Subresource, "nodeclient") {
			n++
		}
	}
	return n
}

// A controller that has acted since the CSRs began to wait is not stalled; a controller
// that last acted before is.
func TestCluster_BusyControllers(t *testing.T) {
	const waits = 30 * time.Second // the newest CSR
	tests := []struct {
		name   string
		ago    time.Duration
		signer string
		want   []string
	}{
		{"just now", 5 * time.Second, csr.KubeletServing, []string{doctor.CSRPending}},
		{"since then", waits - time.Second, csr.KubeletServing, []string{doctor.CSRPending}},
		{"at that moment", waits, csr.KubeletServing, []string{doctor.CSRPending}},
		{"before the newest", waits + time.Second, csr.KubeletServing, []string{doctor.CSRApproverNotRunning, doctor.CSRSignerNotRunning}},
		{"never", 24 * time.Hour, csr.KubeletServing, []string{doctor.CSRApproverNotRunning, doctor.CSRSignerNotRunning}},
		{"another signer", 5 * time.Second, "example.com/x", []string{doctor.CSRSignerNotRunning, doctor.CSRPending}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := healthy(t)
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
				return s.ResourceAttributes.Subresource == "nodeclient"
			}
			for _, ago := range []time.Duration{waits, time.Minute} {
				p.request("waits "+ago.String(), func(r *certificatesv1.CertificateSigningRequest) { r.CreationTimestamp = metav1.NewTime(now.Add(-ago)) })
				p.request("unsigned "+ago.String(), is(certificatesv1.CertificateApproved, ago))
			}
			at := metav1.NewTime(now.Add(-test.ago))
			p.request("approved", is(certificatesv1.CertificateApproved, test.ago), func(r *certificatesv1.CertificateSigningRequest) {
				r.Status.Conditions[0].Reason, r.Status.Certificate = "AutoApproved", []byte("x")
			})
			p.request("issued", is(certificatesv1.CertificateApproved, time.Hour), func(r *certificatesv1.CertificateSigningRequest) {
				r.Spec.SignerName, r.Status.Certificate = test.signer, []byte("x")
				r.ManagedFields = []metav1.ManagedFieldsEntry{{Subresource: "status", Time: &at}}
			})
			findings := of("requests", p.check(t))
			var got []string
			for _, f := range findings {
				got = append(got, f.Reason)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found %+v, want %q", findings, test.want)
			}
		})
	}
}

// A missing permission affects only the checks that need it.
func TestCluster_MissingPermissions(t *testing.T) {
	p := healthy(t)
	p.request("a")
	for what, resource := range map[string]string{
		"list secrets": "secrets", "list clusterrolebindings": "clusterrolebindings", "get clusterroles": "clusterroles", "create subjectaccessreviews": "subjectaccessreviews",
	} {
		p.fails[what] = forbidden(resource)
	}
	var checks []string
	for _, f := range bad(p.check(t)) {
		if f.Reason == doctor.CSRPending {
			continue
		}
		if f.Status != doctor.WARN || f.Reason != doctor.Forbidden || !strings.Contains(f.Message, `User "jane" cannot`) {
			t.Errorf("found %+v, want WARN and Forbidden", f)
		}
		checks = append(checks, f.Check)
	}
	want := []string{"token-authentication", "anonymous-grants", "token-grants", "signatures", "signer", "tokens", "cleaner", "capacity", "ClusterRole kubeadm:get-nodes",
		"ClusterRoleBinding kubeadm:kubelet-bootstrap", "ClusterRoleBinding kubeadm:node-autoapprove-certificate-rotation", "ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", "requests"}
	if !slices.Equal(checks, want) {
		t.Errorf("%q warn, want %q", checks, want)
	}
}

func TestCluster_Deadline(t *testing.T) {
	p := healthy(t)
	p.fails["list secrets"] = context.DeadlineExceeded
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	p.check(t)
	if got := of("tokens", p.Run(ctx)); len(got) != 1 || got[0].Status != doctor.FAIL || got[0].Reason != doctor.TimedOut {
		t.Errorf("found %+v, want FAIL and TimedOut", got)
	}
}

// If the API server cannot be used, nothing else is reported.
func TestCluster_ServerOnly(t *testing.T) {
	p := healthy(t)
	p.version = apierrors.NewUnauthorized("no")
	if got := p.check(t); len(got) != 1 || got[0].Check != "server" || len(p.client.Actions()) > 0 {
		t.Errorf("found %+v after %d requests", got, len(p.client.Actions()))
	}
}

// Fixes contain the flags that were given to doctor.
func TestFinding_FixHasFlags(t *testing.T) {
	p := healthy(t)
	p.Setup = setup.Options{Group: "system:bootstrappers:nodes", Approval: setup.AutoApproveNone}
	const flags = "bootctl setup --group system:bootstrappers:nodes --auto-approve none"
	if got := of("ClusterRoleBinding bootctl:kubelet-bootstrap:system:bootstrappers:nodes", p.check(t)); len(got) != 1 || got[0].Fix != flags {
		t.Errorf("found %+v, want the fix %s", got, flags)
	}
	p.Server, p.info.Data = elsewhere, nil
	if got := of("cluster-info", p.check(t)); len(got) != 1 || got[0].Fix != flags+" --endpoint https://"+elsewhere {
		t.Errorf("found %+v, want the fix %s and the endpoint", got, flags)
	}
}

// A token in the wrong place is not shown.
func TestFinding_NoToken(t *testing.T) {
	p := healthy(t)
	const misplaced = "abcdef.qk3v8x5m2p7r9t4w"
	p.request("a", func(r *certificatesv1.CertificateSigningRequest) { r.Spec.SignerName = "example.com/" + misplaced })
	for _, f := range p.check(t) {
		if strings.Contains(f.Message+f.Fix, "qk3v8x5m2p7r9t4w") {
			t.Errorf("the secret is shown: %+v", f)
		}
	}
}
