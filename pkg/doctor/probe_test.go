package doctor_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/internal/testctx"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
)

func checks(findings []doctor.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimSpace(strings.Join([]string{f.Check, string(f.Status), f.Reason}, " ")))
	}
	return all
}

func TestProbe(t *testing.T) {
	s := newSite(t)
	p := s.probe()
	var observed []string
	p.Observer = func(event kubeclient.Event) {
		if event.Step != "" {
			observed = append(observed, event.Step)
		}
	}
	findings := p.Run(t.Context())
	var want []string
	for _, check := range []string{"token", "signature", "discovery", "authentication", "request", "approval", "certificate", "clean-up"} {
		want = append(want, "probe: "+check+" OK")
	}
	if got := checks(findings); !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", findings, want)
	}
	if len(observed) != len(want) {
		t.Errorf("observed %q", observed)
	}
	if left := s.names(); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	for _, secret := range s.secrets {
		if strings.Contains(fmt.Sprint(findings), secret) {
			t.Errorf("%+v shows the secret", findings)
		}
	}
}

func TestProbe_KeyInMemory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("TMPDIR", dir)
	newSite(t).probe().Run(t.Context())
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("files left %v, error %v", entries, err)
	}
}

// Each fault is reported with its reason code, and nothing is left.
func TestProbe_Findings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*site)
		waits  string // the step that waits until the deadline
		check  string
		reason string
		fix    string // in part
	}{
		{"tokens may not be created", func(s *site) { refuse(s, "create") }, "", "token", doctor.Forbidden, ""},
		{"the token has expired when it is created", func(s *site) { s.ahead = time.Hour }, "", "token", doctor.ClockSkew, ""},
		{"no signer", func(s *site) { s.noSigner = true }, "signature", "signature", doctor.SignatureMissing, "--controllers=*,bootstrapsigner,tokencleaner"},
		{"no cluster-info", func(s *site) {
			s.noSigner = true
			if err := s.admin.Tracker().Delete(configMapsResource, "kube-public", "cluster-info"); err != nil {
				s.t.Error(err)
			}
		}, "", "signature", doctor.ClusterInfoNotFound, ""},
		{"anonymous requests are off", func(s *site) { s.rejects = "system:anonymous" }, "", "discovery", doctor.AnonymousDisabled, ""},
		{"bootstrap tokens are not accepted", func(s *site) { s.rejects = "system:bootstrap" }, "", "authentication", doctor.TokenAuthenticationOff, ""},
		{"tokens may not submit", func(s *site) { s.forbids = true }, "", "request", doctor.Forbidden, ""},
		{"no approver", func(s *site) { s.noApprover = true }, "approval", "approval", doctor.CSRPending, "csrapproving enabled"},
		{"no automatic approval", func(s *site) { s.noApprover, s.autoApproved = true, false }, "approval", "approval", doctor.AutoApprovalOff, ""},
		{"denied", func(s *site) { s.condition = certificatesv1.CertificateDenied }, "", "approval", doctor.Denied, ""},
		{"no certificate signer", func(s *site) { s.noCertificateSigner = true }, "approval", "certificate", doctor.CSRNotSigned, "csrsigning enabled"},
		{"failed", func(s *site) { s.condition = certificatesv1.CertificateFailed }, "", "certificate", doctor.SignerFailed, ""},
		{"certificate from another CA", func(s *site) { s.issuer = testca.New(s.t, time.Now()) }, "", "certificate", doctor.CertificateInvalid, ""},
		{"certificate not accepted", func(s *site) { s.rejects = "system:node" }, "", "certificate", doctor.IdentityRejected, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			test.change(s)
			findings := runUntil(t, s.probe(), test.waits)
			wantLast(t, findings, "probe: "+test.check, doctor.FAIL, test.reason)
			if !slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Reason == test.reason && strings.Contains(f.Fix, test.fix) }) {
				t.Errorf("findings %+v, want the fix %q", findings, test.fix)
			}
			if left := s.names(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// The probe is skipped if a check that it needs has failed, but not for other failures.
func TestProbe_Skip(t *testing.T) {
	fail := func(check, reason string) doctor.Finding { return finding(check, doctor.FAIL, reason, "x", "x") }
	tests := []struct {
		name     string
		finding  doctor.Finding
		approval setup.Approval
		want     string // the message of the finding; empty: the probe runs
	}{
		{"healthy", finding("endpoint", doctor.OK, "", "x", ""), "", ""},
		{"warning", finding("endpoint", doctor.WARN, doctor.EndpointLoopback, "x", "x"), "", ""},
		{"no cluster-info", fail("cluster-info", doctor.ClusterInfoNotFound), "", "needs the check cluster-info, which failed (ClusterInfoNotFound)"},
		{"no signer", fail("signer", doctor.BootstrapSignerNotRunning), "", "needs the check signer, which failed (BootstrapSignerNotRunning)"},
		{"endpoint", fail("endpoint", doctor.Unreachable), "", "needs the check endpoint, which failed (Unreachable)"},
		{"server", fail("server", doctor.Unauthorized), "", "needs the check server, which failed (Unauthorized)"},
		{"no approver", fail("requests", doctor.CSRApproverNotRunning), "", "needs the check requests, which failed (CSRApproverNotRunning)"},
		{"no approver needed", fail("requests", doctor.CSRApproverNotRunning), setup.AutoApproveNone, ""},
		{"no certificate signer needed", fail("requests", doctor.CSRSignerNotRunning), setup.AutoApproveNone, ""},
		{"another token's signature", fail("signatures", doctor.SignatureStale), "", ""},
		{"an object of setup", fail("ClusterRole kubeadm:get-nodes", doctor.RBACMissing), "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := doctor.Probe{Setup: setup.Options{Approval: test.approval}}
			var want []doctor.Finding
			if test.want != "" {
				want = []doctor.Finding{finding("probe", doctor.SKIP, "", test.want, "")}
			}
			if got := p.Skip([]doctor.Finding{finding("clock", doctor.OK, "", "x", ""), test.finding}); !slices.Equal(got, want) {
				t.Errorf("findings %+v, want %+v", got, want)
			}
		})
	}
}

// At the deadline the probe creates nothing.
func TestProbe_NoTimeLeft(t *testing.T) {
	s := newSite(t)
	ctx, pass := testctx.WithDeadline(t.Context())
	pass()
	findings := s.probe().Run(ctx)
	if want := []doctor.Finding{finding("probe", doctor.SKIP, "", "no time was left after the other checks", "")}; !slices.Equal(findings, want) {
		t.Errorf("findings %+v, want %+v", findings, want)
	}
	for _, action := range s.admin.Actions() {
		t.Errorf("the probe sent %v", action)
	}
}

// The probe reports what it waits for.
func TestProbe_ReportsWait(t *testing.T) {
	s := newSite(t)
	s.noApprover = true
	p := s.probe()
	ctx, pass := testctx.WithDeadline(t.Context())
	var waited error
	p.Observer = func(event kubeclient.Event) {
		if event.Waiting != nil {
			waited = event.Waiting
			pass()
		}
	}
	wantLast(t, p.Run(ctx), "probe: approval", doctor.FAIL, doctor.CSRPending)
	if !errors.Is(waited, csr.ErrPending) {
		t.Errorf("waited for %v, want ErrPending", waited)
	}
}

// refuse forbids the administrator a verb on secrets.
func refuse(s *site, verb string) {
	s.admin.PrependReactor(verb, "secrets", failWith(apierrors.NewForbidden(corev1.Resource("secrets"), "", errors.New(`User "jane" cannot do that`))))
}

// The token is sent only to a server that the administrator's CA verifies, even if the
// signature of cluster-info is valid.
func TestProbe_TokenOnlyToTrusted(t *testing.T) {
	evil := testca.New(t, time.Now(), longLived)
	tests := []struct {
		name   string
		change func(*site, *clusterinfo.Document, *tls.Certificate)
		trust  func(*doctor.Probe)
		waits  string
		check  string
		reason string
	}{
		{"another CA in cluster-info", func(_ *site, d *clusterinfo.Document, c *tls.Certificate) {
			d.CAs[0], *c = evil.Certificate, evil.Serving(t, time.Now())
		}, nil, "", "discovery", doctor.PinMismatch},
		{"two CAs in cluster-info, and the server uses the other", func(_ *site, d *clusterinfo.Document, c *tls.Certificate) {
			d.CAs, *c = append(d.CAs, evil.Certificate), evil.Serving(t, time.Now())
		}, nil, "", "discovery", doctor.CertificateUntrusted},
		{"no CA is given", func(_ *site, d *clusterinfo.Document, c *tls.Certificate) {
			d.CAs[0], *c = evil.Certificate, evil.Serving(t, time.Now())
		}, func(p *doctor.Probe) { p.CAs = nil }, "", "token", doctor.CARequired},
		{"no server", func(_ *site, d *clusterinfo.Document, _ *tls.Certificate) { d.Server = "127.0.0.1:1" }, nil, "discovery", "discovery", doctor.Unreachable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, test.change)
			p := s.probe()
			if test.trust != nil {
				test.trust(&p)
			}
			wantLast(t, runUntil(t, p, test.waits), "probe: "+test.check, doctor.FAIL, test.reason)
			if s.sent() {
				t.Errorf("credentials were sent to an untrusted server")
			}
			if left := s.names(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// If a person approves CSRs, the probe approves and denies nothing.
func TestProbe_NeverApproves(t *testing.T) {
	tests := []struct {
		name   string
		auto   bool
		status doctor.Status
		reason string
	}{
		{"a person approves", false, doctor.OK, ""},
		{"a controller approves", true, doctor.WARN, doctor.AutoApprovalOn},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.noApprover, s.autoApproved = true, test.auto
			p := s.probe()
			p.Setup.Approval = setup.AutoApproveNone
			wantLast(t, p.Run(t.Context()), "probe: approval", test.status, test.reason)
			for _, action := range s.admin.Actions() {
				if action.GetVerb() == "update" || action.GetVerb() == "patch" {
					t.Errorf("the probe sent %v", action)
				}
			}
			if left := s.names(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

func failWith(err error) clienttesting.ReactionFunc {
	return func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err }
}
