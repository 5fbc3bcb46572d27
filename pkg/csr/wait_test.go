package csr_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/csr"
)

func TestWait(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*object)
		want    string
		wantErr error
	}{
		{"issued", func(o *object) { with(certificatesv1.CertificateApproved)(o); issued("PEM")(o) }, "PEM", nil},
		{"denied", with(certificatesv1.CertificateDenied), "", csr.ErrDenied},
		{"failed", func(o *object) {
			with(certificatesv1.CertificateApproved)(o)
			with(certificatesv1.CertificateFailed)(o)
		}, "", csr.ErrFailed},
		{"certificate without approval", issued("PEM"), "", csr.ErrPending},
		{"approved and not signed", with(certificatesv1.CertificateApproved), "", csr.ErrUnsigned},
		{"nothing happens", func(*object) {}, "", csr.ErrPending},
		{"replaced", func(o *object) { o.UID = "uid-2"; with(certificatesv1.CertificateApproved)(o); issued("PEM")(o) }, "", csr.ErrReplaced},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := newKey(t)
				client := fakeCertificates(t, stored(t, key))
				request := get(t, client)
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
				got, err := csr.Wait(ctx, client, request, csr.WaitOptions{Cause: func(error) {}})
				if string(got) != tt.want || !errors.Is(err, tt.wantErr) || (err == nil) != (tt.wantErr == nil) {
					t.Errorf("Wait = %q, %v; want %q, %v", got, err, tt.want, tt.wantErr)
				}
				var late *apiclient.DeadlineError
				pending := errors.Is(tt.wantErr, csr.ErrPending) || errors.Is(tt.wantErr, csr.ErrUnsigned)
				if errors.As(err, &late) != pending {
					t.Errorf("error = %v; the deadline passed: %v, want %v", err, !pending, pending)
				}
			})
		})
	}
}

func TestWaitDeletedAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fakeCertificates(t, stored(t, newKey(t)))
		request := get(t, client)
		go func() {
			time.Sleep(time.Minute)
			if err := client.CertificateSigningRequests().Delete(t.Context(), request.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}()
		_, err := csr.Wait(t.Context(), client, request, csr.WaitOptions{Cause: func(error) {}})
		wantError(t, err, csr.ErrNotFound)
	})
}

func TestWaitSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fakeCertificates(t, stored(t, newKey(t)))
		start := time.Now()
		var said []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := csr.Wait(ctx, client, get(t, client), csr.WaitOptions{Cause: func(err error) {
			wantError(t, err, csr.ErrPending)
			said = append(said, time.Since(start))
		}})
		wantError(t, err, csr.ErrPending)
		if len(said) == 0 || said[0] > 2*time.Second {
			t.Errorf("it was said after %v, want within two seconds", said)
		}
	})
}
