// Package races changes one object with several concurrent writers: a CSR that is replaced
// while it is approved, and cluster-info that many writers publish and sign.
package races

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
)

// raceRun is a CSR that is replaced with another one of the same name.
type raceRun struct {
	name         string
	asBootstrap  kubernetes.Interface
	asAdmin      kubernetes.Interface
	first, other *certificatesv1.CertificateSigningRequest
}

// newRaceRun builds two CSRs with one name for one node, each with its own key, and
// creates the first.
func newRaceRun(t *testing.T, p labtest.Admin, name string) *raceRun {
	t.Helper()
	r := &raceRun{
		name:        name,
		asBootstrap: p.ClientAs(t, "system:bootstrap:abcdef", "system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"),
		asAdmin:     p.ClientAs(t, ""),
	}
	for _, object := range []**certificatesv1.CertificateSigningRequest{&r.first, &r.other} {
		made, err := csr.NewNodeRequest("raced", testca.Key(t), cryptorand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		made.Name = name
		*object = made
	}
	stored, err := r.asBootstrap.CertificatesV1().CertificateSigningRequests().Create(t.Context(), r.first, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.first = stored
	return r
}

// replaceCSR deletes the first CSR and creates the other. Before and in between, it can
// change the stored CSR without replacing it, so that a concurrent approval gets a
// conflict.
func (r *raceRun) replaceCSR(ctx context.Context, touch bool) error {
	requests := r.asAdmin.CertificatesV1().CertificateSigningRequests()
	if touch {
		if object, err := requests.Get(ctx, r.name, metav1.GetOptions{}); err == nil {
			object.Labels = map[string]string{"touched": "yes"}
			if _, err := requests.Update(ctx, object, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
				return err
			}
		}
	}
	if err := requests.Delete(ctx, r.name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	_, err := r.asBootstrap.CertificatesV1().CertificateSigningRequests().Create(ctx, r.other, metav1.CreateOptions{})
	return err
}

// checkNotApproved checks that the other CSR, which nobody reviewed, is not approved, and
// deletes it.
func (r *raceRun) checkNotApproved(t *testing.T) {
	t.Helper()
	requests := r.asAdmin.CertificatesV1().CertificateSigningRequests()
	object, err := requests.Get(t.Context(), r.name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if object.UID == r.first.UID {
		t.Fatal("the CSR was not replaced")
	}
	if len(object.Status.Conditions) > 0 {
		t.Fatalf("%s: a CSR that nobody reviewed has the conditions %v", r.name, object.Status.Conditions)
	}
	if err := requests.Delete(t.Context(), r.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestApprove_ReplacedBetweenProcesses reviews a CSR in one process and approves it by UID in
// another, while it is replaced with a CSR of the same name.
func TestApprove_ReplacedBetweenProcesses(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	times := labtest.SmallOrFull(20, 200)
	codes := map[int]int{}
	bothWon := func() bool { return codes[0] > 1 && codes[9]+codes[3] > 0 } // the first CSR is approved without a race
	var alone time.Duration                                                 // the duration of the last approval
	races := 0
	for begin := time.Now(); races < times || !bothWon() && time.Since(begin) < labtest.Hang; races++ {
		r := newRaceRun(t, p, fmt.Sprintf("race-%d", races))
		uid := p.MustRun(t, "csr", "review", r.name, "-o", "jsonpath={.csr.uid}")
		isFirst, wait, touch := races == 0, time.Duration(0), races%2 == 0
		if !isFirst {
			wait = rand.N(alone + alone/2)
		}
		var replaced sync.WaitGroup
		replaced.Go(func() {
			if isFirst {
				return
			}
			time.Sleep(wait)
			if err := r.replaceCSR(t.Context(), touch); err != nil {
				t.Error(err)
			}
		})
		begin := time.Now()
		code, _, stderr := p.Run(t, "csr", "approve", r.name, "--uid", uid)
		if code == 0 {
			alone = time.Since(begin)
		}
		if isFirst {
			if err := r.replaceCSR(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		replaced.Wait()
		codes[code]++
		if code != 0 && code != 9 && code != 3 {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		r.checkNotApproved(t)
	}
	t.Logf("%d races: %d approved in time, %d replaced, %d missing", races, codes[0], codes[9], codes[3])
	if !bothWon() {
		t.Error("one side won every race, so this proves nothing")
	}
}

// TestApprove_ReplacedWithinProcess runs the same race many more times with the library.
func TestApprove_ReplacedWithinProcess(t *testing.T) {
	p := labtest.NewAdminWithoutApprover(t)
	times := labtest.SmallOrFull(150, 10000)
	outcomes := map[string]int{}
	bothWon := func() bool { return outcomes["approved"] > 0 && outcomes["replaced"] > 0 }
	i := 0
	for begin := time.Now(); i < times || !bothWon() && time.Since(begin) < labtest.Hang; i++ {
		r := newRaceRun(t, p, fmt.Sprintf("race-%d", i))
		touch := i%2 == 0
		reviewed, err := csr.Get(t.Context(), r.asAdmin.CertificatesV1(), csr.Request{Name: r.name})
		if err != nil {
			t.Fatal(err)
		}
		var replaced sync.WaitGroup
		replaced.Go(func() {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			if err := r.replaceCSR(t.Context(), touch); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Duration(rand.IntN(8000)) * time.Microsecond)
		err = approval.Approve(t.Context(), r.asAdmin.CertificatesV1(), reviewed)
		replaced.Wait()
		switch {
		case err == nil:
			outcomes["approved"]++
		case errors.Is(err, csr.ErrReplaced), errors.Is(err, csr.ErrNotFound):
			outcomes["replaced"]++
		case apierrors.IsConflict(err):
			outcomes["conflict"]++
		default:
			t.Errorf("race %d: %v", i, err)
		}
		r.checkNotApproved(t)
	}
	t.Logf("%d races: %v", i, outcomes)
	if !bothWon() {
		t.Error("one side won every race, so this proves nothing")
	}
}
