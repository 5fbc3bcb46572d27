package csr_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	certificatesv1fake "k8s.io/client-go/kubernetes/typed/certificates/v1/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/internal/testcsr"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// watches makes the client answer each watch with the next stream, and further watches with
// a stream that has no events.
func watches(client *certificatesv1fake.FakeCertificatesV1, streams ...*watch.FakeWatcher) {
	n := 0
	client.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) {
		if n++; n <= len(streams) {
			return true, streams[n-1], nil
		}
		return true, watch.NewFake(), nil
	})
}

// change stores the changed CSR.
func change(t *testing.T, client *certificatesv1fake.FakeCertificatesV1, to *testcsr.Object) {
	t.Helper()
	if _, err := client.CertificateSigningRequests().UpdateStatus(t.Context(), to, metav1.UpdateOptions{}); err != nil {
		t.Error(err)
	}
}

func TestWait_WatchesFromVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		request := testcsr.Stored(t, testcsr.NewKey(t), func(o *testcsr.Object) { o.ResourceVersion = "7" })
		client := testcsr.FakeCertificates(t, request)
		var sent metav1.ListOptions
		client.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
			if w, ok := action.(clienttesting.WatchActionImpl); ok && sent.TimeoutSeconds == nil {
				sent = w.ListOptions
			}
			return true, nil, apierrors.NewForbidden(certificatesv1.Resource("certificatesigningrequests"), "node-csr-1", testcsr.ErrServer)
		})
		if _, err := csr.Wait(t.Context(), client, request, csr.WaitOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("error = %v, want the server's", err)
		}
		if sent.FieldSelector != "metadata.name=node-csr-1" || sent.ResourceVersion != "7" {
			t.Errorf("watched %q from version %q", sent.FieldSelector, sent.ResourceVersion)
		}
		if sent.TimeoutSeconds == nil || *sent.TimeoutSeconds != 10 {
			t.Errorf("the watch may last %v s, want 10 s", sent.TimeoutSeconds)
		}
	})
}

// A CSR that is no longer waiting is not watched.
func TestWait_AlreadyDecided(t *testing.T) {
	key := testcsr.NewKey(t)
	tests := []struct {
		name    string
		stored  *testcsr.Object
		want    string
		wantErr error
	}{
		{"issued", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM")), "PEM", nil},
		{"denied", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied)), "", csr.ErrDenied},
		{"denied after approval", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.With(certificatesv1.CertificateDenied), testcsr.Issued("PEM")), "", csr.ErrDenied},
		{"failed", testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateFailed)), "", csr.ErrFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := testcsr.FakeCertificates(t, test.stored)
			got, err := csr.Wait(t.Context(), client, test.stored, csr.WaitOptions{})
			testcsr.WantError(t, err, test.wantErr)
			if string(got) != test.want || len(client.Actions()) != 0 {
				t.Errorf("certificate %q after %v, want %q and no action", got, client.Actions(), test.want)
			}
			if test.wantErr != nil && err.Error() != "CSR node-csr-1: "+test.wantErr.Error()+" (Because): of this" {
				t.Errorf("error = %v, want the name, reason and message", err)
			}
		})
	}
}

// A condition counts only if its status is True.
func TestWait_FalseConditions(t *testing.T) {
	for _, kind := range []certificatesv1.RequestConditionType{certificatesv1.CertificateDenied, certificatesv1.CertificateFailed, certificatesv1.CertificateApproved} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				request := testcsr.Stored(t, testcsr.NewKey(t), testcsr.With(kind), testcsr.Issued("PEM"), func(o *testcsr.Object) { o.Status.Conditions[0].Status = "False" })
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := csr.Wait(ctx, testcsr.FakeCertificates(t, request), request, csr.WaitOptions{})
				testcsr.WantError(t, err, csr.ErrPending)
			})
		})
	}
}

// The CSR changes while a watch ends, by itself or with an error.
func TestWait_WatchEnds(t *testing.T) {
	key := testcsr.NewKey(t)
	now := testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM"))
	closes := func(w *watch.FakeWatcher) { w.Stop() }
	tests := []struct {
		name    string
		end     func(*watch.FakeWatcher)
		there   *testcsr.Object // when it is read again
		want    string
		wantErr error
	}{
		{"issued", closes, now, "PEM", nil},
		{"issued, after an error event", func(w *watch.FakeWatcher) { w.Error(&metav1.Status{Code: 410}) }, now, "PEM", nil},
		{"issued, after a bookmark", func(w *watch.FakeWatcher) {
			w.Action(watch.Bookmark, &testcsr.Object{})
			w.Stop()
		}, now, "PEM", nil},
		{"issued, after an event of another", func(w *watch.FakeWatcher) {
			w.Modify(testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied), func(o *testcsr.Object) { o.Name, o.UID = "other", "uid-2" }))
			w.Stop()
		}, now, "PEM", nil},
		{"denied", closes, testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateDenied)), "", csr.ErrDenied},
		{"replaced", closes, testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM"), func(o *testcsr.Object) { o.UID = "uid-2" }), "", csr.ErrReplaced},
		{"deleted", closes, nil, "", csr.ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := testcsr.FakeCertificates(t)
				if test.there != nil {
					client = testcsr.FakeCertificates(t, test.there)
				}
				stream := watch.NewFake()
				watches(client, stream)
				time.AfterFunc(time.Second, func() { test.end(stream) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				got, err := csr.Wait(ctx, client, testcsr.Stored(t, key), csr.WaitOptions{})
				testcsr.WantError(t, err, test.wantErr)
				if string(got) != test.want {
					t.Errorf("certificate = %q, want %q", got, test.want)
				}
			})
		})
	}
}

// The CSR waits for hours, over many watches that each last for their timeout. Nothing is
// read between them.
func TestWait_ManyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := testcsr.NewKey(t)
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
		start, streams := time.Now(), 0
		var last *watch.FakeWatcher
		client.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
			streams++
			stream := watch.NewFake()
			last = stream
			if w, ok := action.(clienttesting.WatchActionImpl); ok {
				time.AfterFunc(time.Duration(*w.ListOptions.TimeoutSeconds)*time.Second, stream.Stop)
			}
			return true, stream, nil
		})
		time.AfterFunc(3*time.Hour+time.Second, func() {
			last.Modify(testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM")))
		})
		got, err := csr.Wait(t.Context(), client, testcsr.Get(t, client), csr.WaitOptions{})
		if string(got) != "PEM" || err != nil {
			t.Errorf("Wait = %q, %v", got, err)
		}
		if took := time.Since(start); took < 3*time.Hour || took > 3*time.Hour+time.Minute || streams < 700 || streams > 750 {
			t.Errorf("Wait took %v and %d watches", took, streams)
		}
		if gets := slices.IndexFunc(client.Actions(), func(a clienttesting.Action) bool { return a.GetVerb() == "get" }); gets > 0 {
			t.Errorf("the CSR was read at action %d", gets)
		}
	})
}

// Temporary server errors are retried; other errors are returned.
func TestWait_ReadFails(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		want    string
		wantErr error
	}{
		{"too busy", apierrors.NewTooManyRequests("later", 1), "PEM", nil},
		{"internal", apierrors.NewInternalError(testcsr.ErrServer), "PEM", nil},
		{"too old", apierrors.NewResourceExpired("x"), "PEM", nil},
		{"something else", testcsr.ErrServer, "", testcsr.ErrServer},
	}
	for _, verb := range []string{"get", "watch"} {
		for _, test := range tests {
			t.Run(verb+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					key := testcsr.NewKey(t)
					signed := testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM"))
					client := testcsr.FakeCertificates(t, signed)
					ended := watch.NewFake()
					ended.Stop()
					watches(client, ended)
					failed := false
					if verb == "watch" {
						client.PrependWatchReactor("*", func(clienttesting.Action) (bool, watch.Interface, error) { return true, nil, test.err })
					} else {
						client.PrependReactor("get", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
							first := !failed
							failed = true
							return first, nil, test.err
						})
					}
					got, err := csr.Wait(t.Context(), client, testcsr.Stored(t, key), csr.WaitOptions{})
					testcsr.WantError(t, err, test.wantErr)
					if string(got) != test.want {
						t.Errorf("certificate = %q, want %q", got, test.want)
					}
				})
			})
		}
	}
}

func TestWait_ContextCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(testcsr.ErrServer) })
		_, err := csr.Wait(ctx, client, testcsr.Get(t, client), csr.WaitOptions{})
		testcsr.WantError(t, err, testcsr.ErrServer)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v matches DeadlineExceeded", err)
		}
	})
}

// The error at the deadline has both the deadline and the last state.
func TestWait_DeadlineReportsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := testcsr.NewKey(t)
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
		time.AfterFunc(time.Minute, func() { change(t, client, testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved))) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		_, err := csr.Wait(ctx, client, testcsr.Get(t, client), csr.WaitOptions{})
		testcsr.WantError(t, err, csr.ErrUnsigned)
		testcsr.WantError(t, err, context.DeadlineExceeded)
		if errors.Is(err, csr.ErrPending) {
			t.Errorf("error = %v, but it was approved", err)
		}
		var late *kubeclient.DeadlineError
		if !errors.As(err, &late) {
			t.Errorf("error = %v, want a DeadlineError", err)
		}
	})
}

// The observer receives the state after 1.5 s, and nothing if the certificate comes earlier.
func TestWait_ReportsCauseLater(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration // when the certificate is issued
		want  []time.Duration
	}{
		{"quick", 1400 * time.Millisecond, nil},
		{"slow", 50 * time.Second, []time.Duration{1500 * time.Millisecond, 30 * time.Second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := testcsr.NewKey(t)
				client := testcsr.FakeCertificates(t, testcsr.Stored(t, key))
				lasting(t, client, test.after, testcsr.Stored(t, key, testcsr.With(certificatesv1.CertificateApproved), testcsr.Issued("PEM")))
				start := time.Now()
				var observed []time.Duration
				_, err := csr.Wait(t.Context(), client, testcsr.Get(t, client), csr.WaitOptions{Observer: func(event kubeclient.Event) {
					testcsr.WantError(t, event.Waiting, csr.ErrPending)
					observed = append(observed, time.Since(start))
				}})
				if err != nil || !slices.Equal(observed, test.want) {
					t.Errorf("observed after %v, want %v (%v)", observed, test.want, err)
				}
			})
		})
	}
}

// A watch that is opened again fails if the token has become invalid, and a watch whose
// connection is dead is abandoned.
func TestWait_StaleWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := testcsr.FakeCertificates(t, testcsr.Stored(t, testcsr.NewKey(t)))
		start := time.Now()
		client.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
			if time.Since(start) > 20*time.Second {
				return true, nil, apierrors.NewUnauthorized("no such token")
			}
			stream := watch.NewFake()
			if w, ok := action.(clienttesting.WatchActionImpl); ok && time.Since(start) > 0 { // the first is dead
				time.AfterFunc(time.Duration(*w.ListOptions.TimeoutSeconds)*time.Second, stream.Stop)
			}
			return true, stream, nil
		})
		_, err := csr.Wait(t.Context(), client, testcsr.Get(t, client), csr.WaitOptions{})
		if took := time.Since(start); !apierrors.IsUnauthorized(err) || took > 23*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
