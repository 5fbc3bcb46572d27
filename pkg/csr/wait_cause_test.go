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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/csr"
)

// heard waits for three minutes and returns when Cause heard what. The server
// ends each watch after a minute, as it is asked to.
func heard(t *testing.T, approvedAfter time.Duration) []string {
	t.Helper()
	key := newKey(t)
	client := fakeCertificates(t, stored(t, key))
	request := get(t, client)
	approved := stored(t, key, with(certificatesv1.CertificateApproved))
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	client.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		stream := watch.NewFake()
		began := time.Since(start)
		go func() {
			defer stream.Stop()
			if left := approvedAfter - began; left > 0 && left < time.Minute {
				time.Sleep(left)
				if _, err := client.CertificateSigningRequests().Update(ctx, approved, metav1.UpdateOptions{}); err != nil {
					t.Error(err)
				}
				stream.Modify(approved)
			}
			select {
			case <-ctx.Done():
			case <-time.After(began + time.Minute - time.Since(start)):
			}
		}()
		return true, stream, nil
	})
	var told []string
	_, err := csr.Wait(ctx, client, request, csr.WaitOptions{
		Cause: func(err error) {
			told = append(told, fmt.Sprintf("%v %v", time.Since(start).Round(time.Second), err))
		},
		Explain: func(r csr.Request) string { return strings.ToUpper(strings.Join(r.Conditions, ",")) },
	})
	wantError(t, err, context.DeadlineExceeded)
	return told
}

func TestWaitTellsEachCauseOnce(t *testing.T) {
	tests := []struct {
		name          string
		approvedAfter time.Duration
		want          []string
	}{
		{"pending to the end", time.Hour, []string{
			"2s request node-csr-1: " + csr.ErrPending.Error(), "30s request node-csr-1: " + csr.ErrPending.Error() + "; PENDING",
		}},
		{"approved within a watch", 10 * time.Second, []string{
			"2s request node-csr-1: " + csr.ErrPending.Error(), "10s request node-csr-1: " + csr.ErrUnsigned.Error(),
			"40s request node-csr-1: " + csr.ErrUnsigned.Error() + "; APPROVED",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := heard(t, test.approvedAfter); !slices.Equal(got, test.want) {
					t.Errorf("told %q, want %q", got, test.want)
				}
			})
		})
	}
}
