package kubeclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

func TestMessage(t *testing.T) {
	failed := func(err error) error {
		return fmt.Errorf("list tokens: %w", &url.Error{Op: "Get", URL: "https://192.0.2.1:6443/api?timeout=30s", Err: err})
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"refused", failed(dial(os.NewSyscallError("connect", syscall.ECONNREFUSED))), "list tokens: cannot reach the API server at 192.0.2.1:6443: connection refused"},
		{"name", failed(dial(&net.DNSError{Err: "no such host", Name: "api.example.com"})), "list tokens: cannot reach the API server at 192.0.2.1:6443: no such host (DNS name api.example.com)"},
		{"timeout", failed(context.DeadlineExceeded), "list tokens: cannot reach the API server at 192.0.2.1:6443: timed out"},
		{"other", failed(errors.New("EOF")), "list tokens: cannot reach the API server at 192.0.2.1:6443: EOF"},
		{"not a network error", errors.New("list tokens: forbidden"), "list tokens: forbidden"},
		{"redirect", failed(kubeclient.ErrRedirect), failed(kubeclient.ErrRedirect).Error()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := kubeclient.Message(test.err); got != test.want {
				t.Errorf("message = %q, want %q", got, test.want)
			}
		})
	}
}
