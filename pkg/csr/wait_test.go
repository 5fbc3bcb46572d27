package csr_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func TestWait(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*testcsr.Object)
		want    string
		wantErr error
	}{
		{"issued", func(o *testcsr.Object) { testcsr.With(certificatesv1.CertificateApproved)(o); testcsr.Issued("PEM")(o) }, "PEM", nil},
		{"denied", testcsr.With(certificatesv1.CertificateDenied), "", csr.ErrDenied},
		{"failed", func(o *testcsr.Object) {
			testcsr.With(certificatesv1.CertificateApproved)(o)
			testcsr.With(certificatesv1.CertificateFailed)(o)
		}, "", csr.ErrFailed},
		{"certificate without approval", testcsr.Issued("PEM"), "", csr.ErrPending},
		{"approved and not signed", testcsr.With(certificatesv1.CertificateApproved), "", csr.ErrUnsigned},
		{"nothing happens", func(*testcsr.Object) {}, "", csr.ErrPending},
		{"replaced", func(o *testcsr.Object) {
			o.UID = "uid-2"
			testcsr.With(certificatesv1.CertificateApproved)(o)
			testcsr.Issued("PEM")(o)
		}, "", csr.ErrReplaced},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := testcsr.NewKey(t)
				client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
				request := testcsr.Get(t, client)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				go func() {
					time.Sleep(10 * time.Minute)
					changed := request.DeepCopy()
					tt.change(changed)
					if _, err := client.CertificateSigningRequests().UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil {
						t.Error(err)
					}
				}()
				got, err := csr.Wait(ctx, client, request, csr.WaitOptions{})
				if string(got) != tt.want || !errors.Is(err, tt.wantErr) || (err == nil) != (tt.wantErr == nil) {
					t.Errorf("Wait = %q, %v; want %q, %v", got, err, tt.want, tt.wantErr)
				}
				var late *kubeclient.DeadlineError
				pending := errors.Is(tt.wantErr, csr.ErrPending) || errors.Is(tt.wantErr, csr.ErrUnsigned)
				if errors.As(err, &late) != pending {
					t.Errorf("error = %v; the deadline passed: %v, want %v", err, !pending, pending)
				}
			})
		})
	}
}

func TestWait_Deleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
		request := testcsr.Get(t, client)
		go func() {
			time.Sleep(time.Minute)
			if err := client.CertificateSigningRequests().Delete(t.Context(), request.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}()
		_, err := csr.Wait(t.Context(), client, request, csr.WaitOptions{})
		testcsr.WantError(t, err, csr.ErrNotFound)
	})
}

func TestWait_ReportsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
		start := time.Now()
		var observed []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := csr.Wait(ctx, client, testcsr.Get(t, client), csr.WaitOptions{Observer: func(event kubeclient.Event) {
			testcsr.WantError(t, event.Waiting, csr.ErrPending)
			observed = append(observed, time.Since(start))
		}})
		testcsr.WantError(t, err, csr.ErrPending)
		if len(observed) == 0 || observed[0] > 2*time.Second {
			t.Errorf("observed after %v, want within 2 s", observed)
		}
	})
}
