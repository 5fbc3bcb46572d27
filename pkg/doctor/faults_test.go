package doctor_test

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testhint"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// fault is one fault and the findings that it should cause.
type fault struct {
	name  string
	plant func(p *adminCluster)
	want  []doctor.Finding // the messages and fixes in part
}

// finding returns an expected finding.
func finding(check string, status doctor.Status, reason, message, fix string) doctor.Finding {
	return doctor.Finding{Check: check, Status: status, Reason: reason, Message: message, Fix: fix}
}

// checkFix checks that the fix of a finding has a complete command, unless it is a flag of
// a component, which is set wherever the component is started.
func checkFix(t *testing.T, f doctor.Finding) {
	t.Helper()
	component := regexp.MustCompile(`^(start|restart|add RBAC to|remove AlwaysAllow from) (the API server|kube-controller-manager)`)
	if !testhint.HasCommand(f.Fix) && !component.MatchString(f.Fix) && f.Reason != doctor.RefusedByServer { // only the API server's message states what is wrong
		t.Errorf("%s: %s: the fix %q has no command", f.Check, f.Reason, f.Fix)
	}
}

func testFaults(t *testing.T, faults []fault) {
	t.Helper()
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			p := healthy(t)
			fault.plant(p)
			got := bad(p.check(t))
			if len(got) != len(fault.want) {
				t.Fatalf("found %+v, want %+v", got, fault.want)
			}
			for i, want := range fault.want {
				f := got[i]
				if f.Check != want.Check || f.Status != want.Status || f.Reason != want.Reason ||
					!strings.Contains(f.Message, want.Message) || !strings.Contains(f.Fix, want.Fix) || f.Fix == "" {
					t.Errorf("found %+v, want %+v", f, want)
				}
				checkFix(t, f)
			}
		})
	}
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "jane" cannot do that`))
}

func TestCluster_Healthy(t *testing.T) {
	p := healthy(t)
	p.request("issued", is(certificatesv1.CertificateApproved, time.Minute), func(r *certificatesv1.CertificateSigningRequest) {
		r.Status.Certificate = certpem.Encode(p.ca.Serving(t, now).Leaf)
	})
	findings := p.check(t)
	if got := bad(findings); len(got) > 0 {
		t.Errorf("found %+v in a healthy cluster", got)
	}
	checks := []string{
		"server", "clock", "token-authentication", "anonymous", "anonymous-grants", "token-grants", "cluster-info", "endpoint", "ca", "client-ca", "signing-ca",
		"signatures", "signer", "tokens", "cleaner", "capacity",
	}
	for _, o := range setup.Objects(setup.Options{}) {
		checks = append(checks, o.String())
	}
	checks = append(checks, "requests")
	if len(findings) != len(checks) {
		t.Fatalf("%d findings, want %d", len(findings), len(checks))
	}
	for i, f := range findings {
		if f.Check != checks[i] || f.Message == "" || f.Fix != "" || f.Status == doctor.SKIP {
			t.Errorf("finding %d is %+v, want one of %s with message", i, f, checks[i])
		}
	}
}

// Without cluster-info, one check fails, and those that need it say so in a few words.
func TestCluster_SkipsWithoutClusterInfo(t *testing.T) {
	p := healthy(t)
	p.info.Data = nil
	var skipped []string
	for _, f := range p.check(t) {
		if f.Status == doctor.SKIP && f.Message == "needs a valid cluster-info" && f.Reason+f.Fix == "" {
			skipped = append(skipped, f.Check)
		}
	}
	if want := []string{"endpoint", "ca", "signatures", "signer", "capacity"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

func TestCluster_ServerFaults(t *testing.T) {
	status := func(err error) func(*adminCluster) { return func(p *adminCluster) { p.version = err } }
	testFaults(t, []fault{
		{"not reachable", status(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}), []doctor.Finding{finding("server", doctor.FAIL, doctor.Unreachable, "https://127.0.0.1:", "")}},
		{"credentials", status(apierrors.NewUnauthorized("no")), []doctor.Finding{finding("server", doctor.FAIL, doctor.Unauthorized, "", "--kubeconfig")}},
		{"certificate", status(x509.UnknownAuthorityError{}), []doctor.Finding{finding("server", doctor.FAIL, doctor.CertificateUntrusted, "unknown authority", "CA")}},
		{"server error", status(apierrors.NewInternalError(errors.New("etcd"))), []doctor.Finding{finding("server", doctor.FAIL, doctor.ServerUnavailable, "etcd", "etcd")}},
		{"version is forbidden", status(forbidden("version")), []doctor.Finding{finding("server", doctor.WARN, doctor.Forbidden, `User "jane" cannot`, "administrator")}},
		{"clock off", func(p *adminCluster) { p.behind = 2 * time.Minute }, []doctor.Finding{finding("clock", doctor.WARN, doctor.ClockSkew, "2m0s behind", "timedatectl")}},
		{"clock off by much", func(p *adminCluster) { p.behind = -5 * time.Minute }, []doctor.Finding{finding("clock", doctor.FAIL, doctor.ClockSkew, "5m0s ahead of", "timedatectl")}},
		{"bootstrap tokens are not accepted", func(p *adminCluster) { p.accepts = false },
			[]doctor.Finding{finding("token-authentication", doctor.FAIL, doctor.TokenAuthenticationOff, "abcdef", "--enable-bootstrap-token-auth")}},
		{"no anonymous requests", func(p *adminCluster) { p.anonymous = http.StatusUnauthorized },
			[]doctor.Finding{finding("anonymous", doctor.FAIL, doctor.AnonymousDisabled, "", "--anonymous-auth=true")}},
		{"anonymous requests are forbidden despite the objects", func(p *adminCluster) { p.anonymous = http.StatusForbidden },
			[]doctor.Finding{finding("anonymous", doctor.FAIL, doctor.AnonymousForbidden, "are correct", "--authorization-mode")}},
		{"anonymous requests are forbidden", func(p *adminCluster) {
			p.anonymous = http.StatusForbidden
			p.without("RoleBinding kubeadm:bootstrap-signer-clusterinfo")
		}, []doctor.Finding{
			finding("anonymous", doctor.FAIL, doctor.AnonymousForbidden, `"system:anonymous" cannot`, "bootctl setup"),
			finding("RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo", doctor.FAIL, doctor.RBACMissing, "", "bootctl setup"),
		}},
	})
}

func TestCluster_ClusterInfoFaults(t *testing.T) {
	const publish = "bootctl cluster-info publish --endpoint "
	testFaults(t, []fault{
		{"missing", func(p *adminCluster) { p.info.Data, p.tokens = nil, nil },
			[]doctor.Finding{finding("cluster-info", doctor.FAIL, doctor.ClusterInfoNotFound, "", "bootctl setup --endpoint ADDRESS")}},
		{"invalid", func(p *adminCluster) {
			p.info.Data["kubeconfig"] += "users: [{}]\n"
			p.sign()
		}, []doctor.Finding{finding("cluster-info", doctor.FAIL, doctor.DocumentInvalid, "users", publish+"ADDRESS")}},
		{"loopback", func(p *adminCluster) { p.Server = elsewhere; p.publish("localhost:6443", p.ca.Certificate) },
			[]doctor.Finding{finding("endpoint", doctor.WARN, doctor.EndpointLoopback, "https://localhost:6443", publish+"https://"+elsewhere)}},
		{"nothing at the endpoint", func(p *adminCluster) { p.publish("127.0.0.1:1", p.ca.Certificate) },
			[]doctor.Finding{finding("endpoint", doctor.FAIL, doctor.Unreachable, "https://127.0.0.1:1: ", publish)}},
		{"another CA than the server's", func(p *adminCluster) { p.publish(p.Server, testca.New(p.t, now, longLived).Certificate) },
			[]doctor.Finding{finding("endpoint", doctor.FAIL, doctor.CertificateUntrusted, "unknown authority", publish)}},
		{"another name than the server's", func(p *adminCluster) {
			p.publish(clusterinfo.Endpoint(strings.Replace(string(p.Server), "127.0.0.1", "localhost", 1)), p.ca.Certificate)
		}, []doctor.Finding{finding("endpoint", doctor.FAIL, doctor.CertificateUntrusted, "localhost", publish)}},
		{"another cluster", func(p *adminCluster) {
			other := healthy(p.t)
			p.publish(other.Server, other.ca.Certificate)
		}, []doctor.Finding{finding("endpoint", doctor.FAIL, doctor.PinMismatch, "a different cluster than", publish)}},
		{"CA expires soon", func(p *adminCluster) {
			soon := testca.New(p.t, now, longLived, func(c *x509.Certificate) { c.NotAfter = now.Add(29 * 24 * time.Hour) })
			p.publish(p.Server, p.ca.Certificate, soon.Certificate)
		}, []doctor.Finding{finding("ca", doctor.WARN, doctor.CAExpiresSoon, "2026-01-30", publish)}},
		{"one of several CAs has expired", func(p *adminCluster) {
			expired := testca.New(p.t, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
			p.publish(p.Server, p.ca.Certificate, expired.Certificate)
		}, []doctor.Finding{finding("ca", doctor.WARN, doctor.CAExpired, "2025-12-31", publish)}},
		{"CA has expired", func(p *adminCluster) {
			expired := testca.New(p.t, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
			p.publish(p.Server, expired.Certificate)
		}, []doctor.Finding{
			finding("endpoint", doctor.FAIL, doctor.CAExpired, "expired", publish),
			finding("ca", doctor.FAIL, doctor.CAExpired, "2025-12-31", publish),
		}},
		{"client CA has expired", func(p *adminCluster) {
			expired := testca.New(p.t, now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
			p.clients.Data["client-ca-file"] = string(certpem.Encode(expired.Certificate))
		}, []doctor.Finding{finding("client-ca", doctor.FAIL, doctor.CAExpired, "2025-12-31", "--client-ca-file")}},
		{"no room", func(p *adminCluster) {
			p.info.Data["much"] = strings.Repeat("x", 1<<20-100-len(p.info.Data["kubeconfig"]))
		},
			[]doctor.Finding{finding("capacity", doctor.FAIL, doctor.ClusterInfoFull, "room for 1", "bootctl token list --usage signing")}},
		{"little room", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("aaaaaa"), p.token("bbbbbb"), p.token("cccccc"))
			p.sign()
			p.info.Data["much"] = strings.Repeat("x", 1<<20-5*85-len(p.info.Data["kubeconfig"]))
		}, []doctor.Finding{finding("capacity", doctor.WARN, doctor.ClusterInfoAlmostFull, "room for 5", "bootctl token list --usage signing")}},
		{"little capacity", func(p *adminCluster) {
			p.info.Data["much"] = strings.Repeat("x", 1<<20-3*85-len(p.info.Data["kubeconfig"]))
		},
			[]doctor.Finding{finding("capacity", doctor.WARN, doctor.ClusterInfoAlmostFull, "1 token can sign cluster-info, which has room for 3", "bootctl token list --usage signing")}},
	})
}

func TestCluster_TokenFaults(t *testing.T) {
	const sign = "bootctl cluster-info sign"
	notRunning := finding("signer", doctor.FAIL, doctor.BootstrapSignerNotRunning, "abcdef", "--controllers=*,bootstrapsigner,tokencleaner")
	expired := func(ago time.Duration) func(*corev1.Secret) {
		return func(s *corev1.Secret) { s.Data["expiration"] = []byte(now.Add(-ago).Format(time.RFC3339)) }
	}
	testFaults(t, []fault{
		{"no signature", func(p *adminCluster) { delete(p.info.Data, "jws-kubeconfig-abcdef") },
			[]doctor.Finding{finding("signatures", doctor.FAIL, doctor.SignatureMissing, "1 token: abcdef", sign), notRunning}},
		{"stale signature", func(p *adminCluster) { p.info.Data["kubeconfig"] += "\n" },
			[]doctor.Finding{finding("signatures", doctor.FAIL, doctor.SignatureStale, "abcdef", sign), notRunning}},
		{"malformed signature", func(p *adminCluster) { p.info.Data["jws-kubeconfig-abcdef"] = "x" },
			[]doctor.Finding{finding("signatures", doctor.FAIL, doctor.SignatureMalformed, "abcdef", sign), notRunning}},
		{"signature of a deleted token", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("gone00"))
			p.sign()
			p.tokens = p.tokens[:1]
		}, []doctor.Finding{finding("signatures", doctor.WARN, doctor.SignatureOrphan, "gone00", sign)}},
		{"malformed signature of a deleted token", func(p *adminCluster) { p.info.Data["jws-kubeconfig-gone00"] = "x" },
			[]doctor.Finding{finding("signatures", doctor.WARN, doctor.SignatureOrphan, "cluster-info has 1 signature without a valid signing token: gone00", sign)}},
		{"token without an expiration", func(p *adminCluster) { delete(p.tokens[0].Data, "expiration") },
			[]doctor.Finding{finding("tokens", doctor.WARN, doctor.TokenNeverExpires, "abcdef", "bootctl token extend abcdef --ttl 24h")}},
		{"invalid token", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("spoilt", func(s *corev1.Secret) { s.Data["token-secret"] = []byte("short") }))
		}, []doctor.Finding{finding("tokens", doctor.WARN, doctor.TokenUnusable, "token-secret", "kubectl -n kube-system delete secret bootstrap-token-spoilt")}},
		{"kubeadm's token for kubeadm-certs is not reported", func(p *adminCluster) {
			p.tokens = append(p.tokens, p.token("proxy0", func(s *corev1.Secret) {
				s.Data["description"] = []byte("Proxy for managing TTL for the kubeadm-certs secret")
				delete(s.Data, "usage-bootstrap-signing")
				delete(s.Data, "usage-bootstrap-authentication")
			}))
		}, nil},
		{"expired token", func(p *adminCluster) { p.tokens = append(p.tokens, p.token("past00", expired(time.Minute))) },
			[]doctor.Finding{finding("cleaner", doctor.WARN, doctor.TokenCleanerNotRunning, "past00", "bootctl token delete --expired")}},
	})
}

func TestCluster_RBACFaults(t *testing.T) {
	binding := func(role string, subjects ...rbacv1.Subject) *rbacv1.ClusterRoleBinding {
		return &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "open door"}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
	}
	anyone := rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:unauthenticated"}
	none := func(p *adminCluster) { p.Setup.Approval = setup.AutoApproveNone }
	testFaults(t, []fault{
		{"anonymous requests may do more", func(p *adminCluster) { p.rbac = append(p.rbac, binding("view", anyone)) },
			[]doctor.Finding{finding("anonymous-grants", doctor.WARN, doctor.AnonymousAccessTooBroad, "ClusterRoleBinding open door grants the ClusterRole view", "kubectl delete clusterrolebinding 'open door'")}},
		{"the binding has other subjects", func(p *adminCluster) {
			p.rbac = append(p.rbac, binding("view", anyone, rbacv1.Subject{Kind: "User", Name: "jane"}))
		}, []doctor.Finding{finding("anonymous-grants", doctor.WARN, doctor.AnonymousAccessTooBroad, "view", "kubectl edit clusterrolebinding 'open door'")}},
		{"anonymous requests may do everything", func(p *adminCluster) {
			p.rbac = append(p.rbac, binding("cluster-admin", anyone))
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool { return s.User == "system:anonymous" }
		}, []doctor.Finding{finding("anonymous-grants", doctor.FAIL, doctor.AnonymousAccessTooBroad, "may do everything; ", "kubectl delete clusterrolebinding")}},
		{"anonymous requests may do everything without RBAC", func(p *adminCluster) {
			p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool { return s.User == "system:anonymous" }
		}, []doctor.Finding{finding("anonymous-grants", doctor.FAIL, doctor.AnonymousAccessTooBroad, "no binding", "AlwaysAllow")}},
		{"object missing", func(p *adminCluster) { p.without("ClusterRoleBinding kubeadm:kubelet-bootstrap") },
			[]doctor.Finding{finding("ClusterRoleBinding kubeadm:kubelet-bootstrap", doctor.FAIL, doctor.RBACMissing, "the object is missing", "bootctl setup")}},
		{"object lacks a rule", func(p *adminCluster) { find[*rbacv1.ClusterRole](p, "kubeadm:get-nodes").Rules = nil },
			[]doctor.Finding{finding("ClusterRole kubeadm:get-nodes", doctor.FAIL, doctor.RBACDiffers, "lacks get nodes", "bootctl setup --force")}},
		{"object grants more", func(p *adminCluster) {
			b := find[*rbacv1.ClusterRoleBinding](p, "kubeadm:get-nodes")
			b.Subjects = append(b.Subjects, rbacv1.Subject{Kind: "User", Name: "jane"})
		}, []doctor.Finding{finding("ClusterRoleBinding kubeadm:get-nodes", doctor.WARN, doctor.RBACTooPermissive, "jane", "bootctl setup --force")}},
		{"no automatic approval", func(p *adminCluster) { p.without("ClusterRoleBinding kubeadm:node-autoapprove-bootstrap") },
			[]doctor.Finding{finding("ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", doctor.WARN, doctor.AutoApprovalOff, "until a person approves", "bootctl setup")}},
		{"a controller approves", func(p *adminCluster) { none(p) },
			[]doctor.Finding{finding("ClusterRoleBinding kubeadm:node-autoapprove-bootstrap", doctor.WARN, doctor.AutoApprovalOn, "automatic approval of new nodes", "bootctl setup --auto-approve none --force")}},
	})
}

func TestCluster_CSRFaults(t *testing.T) {
	approve := func(p *adminCluster) {
		p.allows = func(s authorizationv1.SubjectAccessReviewSpec) bool {
			return s.ResourceAttributes.Subresource == "nodeclient"
		}
	}
	want := func(status doctor.Status, reason, message, fix string) []doctor.Finding {
		return []doctor.Finding{finding("requests", status, reason, message, fix)}
	}
	testFaults(t, []fault{
		{"waits for the approver", func(p *adminCluster) { approve(p); p.request("a"); p.request("b") },
			want(doctor.FAIL, doctor.CSRApproverNotRunning, "2 CSRs from bootstrap tokens for kubernetes.io/kube-apiserver-client-kubelet: the controller csrapproving", "csrapproving enabled: --controllers=*; meanwhile: bootctl csr approve --requester-group "+token.DefaultGroup)},
		{"waits for a person", func(p *adminCluster) { p.request("a") },
			want(doctor.WARN, doctor.CSRPending, "1 CSR from bootstrap tokens", "bootctl csr list --pending")},
		{"waits for the signer", func(p *adminCluster) { p.request("a", is(certificatesv1.CertificateApproved, time.Minute)) },
			want(doctor.FAIL, doctor.CSRSignerNotRunning, "csrsigning", "csrsigning enabled")},
		{"waits for an external signer", func(p *adminCluster) {
			p.request("a", is(certificatesv1.CertificateApproved, time.Minute), func(r *certificatesv1.CertificateSigningRequest) { r.Spec.SignerName = "example.com/x" })
		}, want(doctor.WARN, doctor.CSRPending, "example.com/x, which is not part of Kubernetes", "bootctl csr")},
		{"failed", func(p *adminCluster) {
			p.request("a", is(certificatesv1.CertificateApproved, time.Minute), is(certificatesv1.CertificateFailed, time.Minute))
		}, want(doctor.WARN, doctor.SignerFailed, "Because", "bootctl csr delete --failed")},
		{"certificate from a CA that the API server does not trust", func(p *adminCluster) {
			p.request("odd", is(certificatesv1.CertificateApproved, time.Minute), func(r *certificatesv1.CertificateSigningRequest) {
				r.Status.Certificate = certpem.Encode(testca.New(p.t, now).Serving(p.t, now).Leaf)
			})
		}, []doctor.Finding{finding("signing-ca", doctor.WARN, doctor.SigningCAUntrusted, "odd", "--client-ca-file; then, to test it with a new CSR, run: bootctl doctor --probe")}},
		{"the CA of the newest certificate expires soon", func(p *adminCluster) {
			soon := testca.New(p.t, now, longLived, func(c *x509.Certificate) { c.NotAfter = now.Add(time.Hour) })
			p.clients.Data["client-ca-file"] += string(certpem.Encode(soon.Certificate))
			p.request("a", is(certificatesv1.CertificateApproved, time.Minute), func(r *certificatesv1.CertificateSigningRequest) {
				r.Status.Certificate = certpem.Encode(soon.Serving(p.t, now).Leaf)
			})
		}, []doctor.Finding{
			finding("client-ca", doctor.WARN, doctor.CAExpiresSoon, "2026-01-01", "renew"),
			finding("signing-ca", doctor.WARN, doctor.SigningCAExpiresSoon, "2026-01-01", "renew"),
		}},
		{"the CA of the newest certificate has expired", func(p *adminCluster) {
			expired := testca.New(p.t, now, longLived, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
			p.clients.Data["client-ca-file"] += string(certpem.Encode(expired.Certificate))
			p.request("a", is(certificatesv1.CertificateApproved, 2*time.Hour), func(r *certificatesv1.CertificateSigningRequest) {
				r.Status.Certificate = certpem.Encode(expired.Serving(p.t, now).Leaf)
			})
		}, []doctor.Finding{
			finding("client-ca", doctor.WARN, doctor.CAExpired, "2025-12-31", "renew"),
			finding("signing-ca", doctor.FAIL, doctor.SigningCAExpired, "2025-12-31", "--cluster-signing-cert-file"),
		}},
	})
}
