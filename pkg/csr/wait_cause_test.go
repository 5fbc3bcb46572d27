package csr_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/watch"
	certificatesv1fake "k8s.io/client-go/kubernetes/typed/certificates/v1/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// lasting makes each watch last for its timeout. After the given time the CSR changes, and
// its watch reports it.
func lasting(t *testing.T, client *certificatesv1fake.FakeCertificatesV1, after time.Duration, to *testcsr.Object) {
	t.Helper()
	start := time.Now()
	client.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		stream := watch.NewRaceFreeFake()
		watching, _ := action.(clienttesting.WatchActionImpl)
		window := time.Duration(*watching.ListOptions.TimeoutSeconds) * time.Second
		if left := after - time.Since(start); left > 0 && left < window {
			time.AfterFunc(left, func() {
				change(t, client, to)
				stream.Modify(to)
			})
		}
		time.AfterFunc(window, stream.Stop)
		return true, stream, nil
	})
}

// observe waits for three minutes and returns the events of the observer with their times.
func observe(t *testing.T, approvedAfter time.Duration) []string {
	t.Helper()
	key := testcsr.NewKey(t)
	client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
	request := testcsr.Get(t, client)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	lasting(t, client, approvedAfter, testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved)))
	var observed []string
	_, err := csr.Wait(ctx, client, request, csr.WaitOptions{
		Observer: func(event kubeclient.Event) {
			observed = append(observed, fmt.Sprintf("%v %v", time.Since(start).Round(time.Second), event.Waiting))
		},
		Explain: func(r csr.Request) string { return strings.ToUpper(strings.Join(r.Conditions, ",")) },
	})
	testcsr.WantError(t, err, context.DeadlineExceeded)
	return observed
}

func TestWait_EachCauseOnce(t *testing.T) {
	tests := []struct {
		name          string
		approvedAfter time.Duration
		want          []string
	}{
		{"pending to the end", time.Hour, []string{
			"2s CSR node-csr-1: " + csr.ErrPending.Error(), "30s CSR node-csr-1: " + csr.ErrPending.Error() + "; PENDING",
		}},
		{"approved within a watch", 9 * time.Second, []string{
			"2s CSR node-csr-1: " + csr.ErrPending.Error(), "9s CSR node-csr-1: " + csr.ErrUnsigned.Error(),
			"39s CSR node-csr-1: " + csr.ErrUnsigned.Error() + "; APPROVED",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := observe(t, test.approvedAfter); !slices.Equal(got, test.want) {
					t.Errorf("observed %q, want %q", got, test.want)
				}
			})
		})
	}
}
