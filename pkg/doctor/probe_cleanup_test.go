package doctor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/doctor"
)

// An interrupted probe removes what it created, whatever the step.
func TestProbe_CleansUpWhenInterrupted(t *testing.T) {
	for _, step := range []string{"token", "signature", "discovery", "authentication", "request", "approval", "certificate"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			refused := false
			s.admin.PrependReactor("delete", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
				before := refused
				refused = true
				return !before, nil, apierrors.NewServiceUnavailable("later")
			})
			p := s.probe()
			ctx, cancel := context.WithCancel(t.Context())
			at(&p, step, cancel)
			findings := p.Run(ctx)
			i := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Reason == doctor.Interrupted })
			if step == "token" && len(findings) != 1 {
				t.Errorf("it created a token after it was interrupted: %+v", findings)
			}
			last := findings[len(findings)-1]
			if step != "token" && (i != len(findings)-2 || last.Check != "probe: clean-up" || last.Status != doctor.OK) {
				t.Errorf("findings %+v", findings)
			}
			if left := s.names(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// An object is also removed if the response to its creation was lost.
func TestProbe_CleansUpAfterLostResponse(t *testing.T) {
	lost := apierrors.NewTimeoutError("the response is lost", 0)
	tests := []struct {
		name   string
		change func(*site)
		check  string
	}{
		{"token", func(s *site) {
			s.loseSecrets(lost)
			reads := 0
			s.admin.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
				reads++
				return reads == 1, nil, lost // the read after the creation also fails
			})
		}, "token"},
		{"CSR", func(s *site) { s.loses = true }, "request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			test.change(s)
			findings := runUntil(t, s.probe(), test.check)
			last := findings[len(findings)-1]
			if before := findings[len(findings)-2]; before.Check != "probe: "+test.check || before.Status != doctor.FAIL || last.Status != doctor.OK {
				t.Errorf("findings %+v", findings)
			}
			if left := s.names(); len(left) > 0 {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// loseSecrets makes the creation of a Secret fail after it was carried out.
func (s *site) loseSecrets(err error) {
	s.admin.PrependReactor("create", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if _, _, err := s.secretMade(action); err != nil {
			s.t.Error(err)
		}
		s.add(action.(clienttesting.CreateActionImpl).Object)
		return true, nil, err
	})
}

// Objects that others created under the names of the probe are kept; the probe deletes
// only the objects that it created.
func TestProbe_SparesOthers(t *testing.T) {
	tests := []struct {
		name string
		// replace replaces an object that the probe created.
		replace func(*site)
		left    string
	}{
		{"another token", func(s *site) {
			s.replaceSecret(func(o *corev1.Secret) { o.UID, o.Data["token-secret"] = "uid-other", []byte("another0another0") })
		}, "bootstrap-token-"},
		{"the same token, created again", func(s *site) { s.replaceSecret(func(o *corev1.Secret) { o.UID = "uid-other" }) }, "bootstrap-token-"},
		{"another secret in the token", func(s *site) {
			s.replaceSecret(func(o *corev1.Secret) { o.Data["token-secret"] = []byte("another0another0") })
		}, "bootstrap-token-"},
		{"another CSR", func(s *site) {
			for _, name := range s.names() {
				found, err := s.admin.Tracker().Get(requestsResource, "", name)
				if request, ok := found.(*certificatesv1.CertificateSigningRequest); err == nil && ok {
					request.UID = "uid-other"
					s.update(request)
				}
			}
		}, "node-csr-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			p := s.probe()
			at(&p, "clean-up", func() { test.replace(s) })
			findings := p.Run(t.Context())
			if last := findings[len(findings)-1]; last.Status != doctor.OK {
				t.Errorf("%+v", last)
			}
			if left := s.names(); len(left) != 1 || !strings.HasPrefix(left[0], test.left) {
				t.Errorf("%q are left, want %s", left, test.left)
			}
		})
	}
}

func (s *site) replaceSecret(change func(*corev1.Secret)) {
	for _, name := range s.names() {
		found, err := s.admin.Tracker().Get(secretsResource, "kube-system", name)
		if secret, ok := found.(*corev1.Secret); err == nil && ok {
			change(secret)
			s.update(secret)
		}
	}
}

func (s *site) update(object runtime.Object) {
	s.t.Helper()
	resource, namespace := requestsResource, ""
	if _, ok := object.(*corev1.Secret); ok {
		resource, namespace = secretsResource, "kube-system"
	}
	if err := s.admin.Tracker().Update(resource, object, namespace); err != nil {
		s.t.Error(err)
	}
}

func TestProbe_DeletesWhatItRead(t *testing.T) {
	s := newSite(t)
	s.probe().Run(t.Context())
	var sent []metav1.Preconditions
	for _, action := range s.admin.Actions() {
		if deletion, ok := action.(clienttesting.DeleteActionImpl); ok && deletion.DeleteOptions.Preconditions != nil {
			sent = append(sent, *deletion.DeleteOptions.Preconditions)
		}
	}
	if len(sent) != 2 || !strings.HasPrefix(string(*sent[0].UID), "uid-bootstrap-token-") || *sent[0].ResourceVersion != "7" ||
		!strings.HasPrefix(string(*sent[1].UID), "uid-node-csr-") {
		t.Errorf("the deletions have the preconditions %+v", sent)
	}
}

// A token that changes while it is deleted is read again; an object that cannot be
// deleted is reported with the command that deletes it.
func TestProbe_ReportsLeftovers(t *testing.T) {
	conflict := apierrors.NewConflict(corev1.Resource("secrets"), "bootstrap-token", errors.New("changed"))
	forbidden := apierrors.NewForbidden(corev1.Resource("secrets"), "", errors.New(`User "jane" cannot delete`))
	tests := []struct {
		name     string
		resource string
		refusals int
		err      error
		fix      string
	}{
		{"changed meanwhile", "secrets", 1, conflict, ""},
		{"a temporary error", "certificatesigningrequests", 1, apierrors.NewServiceUnavailable("later"), ""},
		{"token", "secrets", 100, forbidden, "bootctl token delete "},
		{"CSR", "certificatesigningrequests", 100, forbidden, "kubectl delete csr node-csr-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.admin.PrependReactor("delete", test.resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				test.refusals--
				return test.refusals >= 0, nil, test.err
			})
			findings := s.probe().Run(t.Context())
			last := findings[len(findings)-1]
			if left := s.names(); (len(left) > 0) != (test.fix != "") {
				t.Errorf("%q are left", left)
			}
			if test.fix == "" && last.Status == doctor.OK {
				return
			}
			if last.Status != doctor.FAIL || last.Reason != doctor.ProbeLeft || test.fix == "" || !strings.HasPrefix(last.Fix, test.fix) {
				t.Errorf("%+v, want the fix %q", last, test.fix)
			}
		})
	}
}
