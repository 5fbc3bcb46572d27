package kubeclient

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// Message returns the text of err for people. If the API server cannot be reached, it names
// the address and the cause instead of the chain of Go's network packages.
func Message(err error) string {
	text := err.Error()
	if failed, ok := errors.AsType[*url.Error](err); ok && IsUnreachable(err) {
		return strings.Replace(text, failed.Error(), unreachableText(failed), 1)
	}
	return text
}

func unreachableText(failed *url.Error) string {
	address := failed.URL
	if u, err := url.Parse(failed.URL); err == nil {
		address = u.Host
	}
	return fmt.Sprintf("cannot reach the API server at %s: %s", address, networkCause(failed))
}

// networkCause returns the innermost cause that people know by its name.
func networkCause(failed *url.Error) string {
	if call, ok := errors.AsType[*os.SyscallError](failed); ok {
		return call.Err.Error()
	}
	if lookup, ok := errors.AsType[*net.DNSError](failed); ok {
		return fmt.Sprintf("%s (DNS name %s)", lookup.Err, lookup.Name)
	}
	if failed.Timeout() {
		return "timed out"
	}
	return failed.Err.Error()
}
