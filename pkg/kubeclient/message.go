package kubeclient

import (
	"cmp"
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
	server := "the API server"
	if failed.Op == downloadOp {
		server = "the server"
	}
	return fmt.Sprintf("cannot reach %s at %s: %s", server, cmp.Or(hostOf(failed), failed.URL), networkCause(failed))
}

// Address returns the host and port of the API server to which a request failed; empty if
// err contains no such request.
func Address(err error) string {
	if failed, ok := errors.AsType[*url.Error](err); ok && failed.Op != downloadOp {
		return hostOf(failed)
	}
	return ""
}

func hostOf(failed *url.Error) string {
	u, err := url.Parse(failed.URL)
	if err != nil {
		return ""
	}
	return u.Host
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
