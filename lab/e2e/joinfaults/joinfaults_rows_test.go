package e2e

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/bootctl/bootctl/lab/faultproxy"
)

// How cells end.
func joins(says ...string) outcome { return atEnd(0, "", says...) }

func atEnd(code int, reason string, says ...string) outcome {
	return outcome{code: code, reason: reason, says: append(says, "")[0]}
}

func atOnce(code int, reason string, says ...string) outcome {
	o := atEnd(code, reason, says...)
	o.isFinal = true
	return o
}

func none(why string) outcome { return outcome{why: why} }

func everywhere(o outcome) [phases]outcome { return [phases]outcome{o, o, o, o} }

func discoveryOnly(o outcome) [phases]outcome {
	elsewhere := none("nothing is published")
	return [phases]outcome{o, elsewhere, elsewhere, elsewhere}
}

func waitOnly(o outcome) [phases]outcome {
	elsewhere := none("no watch")
	return [phases]outcome{elsewhere, elsewhere, o, elsewhere}
}

func faultRows() []faultRow {
	var rows []faultRow
	for _, part := range [][]faultRow{connectionRows(), silenceRows(), refusalRows(), nonsenseRows(), watchRows(), requestRows(), certificateRows(), clusterInfoRows()} {
		rows = append(rows, part...)
	}
	return rows
}

// connectionRows are faults below HTTP.
func connectionRows() []faultRow {
	unreachable, untrusted := atEnd(7, "Unreachable"), atOnce(4, "CertificateUntrusted")
	wire := func(w faultproxy.Wire) func(*faultLab) faultproxy.Wire {
		return func(*faultLab) faultproxy.Wire { return w }
	}
	shows := func(change func(*faultLab, *tls.Config)) func(*faultLab) faultproxy.Wire {
		return func(l *faultLab) faultproxy.Wire {
			return faultproxy.Show(func(config *tls.Config) { change(l, config) })
		}
	}
	loopback, year := net.IPv4(127, 0, 0, 1), 366*24*time.Hour
	return []faultRow{
		{name: "port closed", closed: true, cells: everywhere(atEnd(7, "Unreachable", "refused"))},
		{name: "connection taken, never answered", wire: wire(faultproxy.BlackHole()), cells: everywhere(unreachable)},
		{name: "connection reset", wire: wire(faultproxy.Reset(0)), cells: everywhere(unreachable)},
		{name: "connection reset twice", wire: wire(faultproxy.Reset(0)), times: 2, cells: everywhere(joins("(Unreachable)"))},
		{name: "connection reset in the handshake", wire: wire(faultproxy.Reset(300)), cells: everywhere(unreachable)},
		{name: "plain HTTP on the port", wire: wire(faultproxy.Speak("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")), cells: everywhere(atOnce(7, "Unreachable"))},
		{name: "another protocol on the port", wire: wire(faultproxy.Speak("SSH-2.0-OpenSSH_9.9\r\n")), cells: everywhere(atOnce(7, "Unreachable"))},
		{name: "TLS 1.1 at most", wire: shows(func(_ *faultLab, c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), cells: everywhere(unreachable)},
		{name: "certificate of another CA", wire: shows(func(l *faultLab, c *tls.Config) { serving(l.other, loopback, time.Now())(c) }), cells: everywhere(untrusted)},
		{name: "certificate for another address", wire: shows(func(l *faultLab, c *tls.Config) { serving(l.ca, net.IPv4(192, 0, 2, 1), time.Now())(c) }), cells: everywhere(untrusted)},
		{name: "certificate expired", wire: shows(func(l *faultLab, c *tls.Config) { serving(l.ca, loopback, time.Now().Add(-year))(c) }), cells: everywhere(untrusted)},
		{name: "certificate not yet valid", wire: shows(func(l *faultLab, c *tls.Config) { serving(l.ca, loopback, time.Now().Add(year))(c) }), cells: everywhere(untrusted)},
	}
}

// silenceRows are answers that do not come, come late or are lost.
func silenceRows() []faultRow {
	unreachable, watched := atEnd(7, "Unreachable"), atEnd(6, "CSRPending")
	return []faultRow{
		{name: "not heard", fault: faultproxy.Fault{Drop: true}, cells: everywhere(unreachable)},
		{name: "not heard twice", fault: faultproxy.Fault{Drop: true}, times: 2, cells: everywhere(joins("(Unreachable)"))},
		{name: "heard, answer lost", fault: faultproxy.Fault{DropAnswer: true}, cells: everywhere(unreachable)},
		{name: "heard, answer lost twice", fault: faultproxy.Fault{DropAnswer: true}, times: 2, cells: everywhere(joins("(Unreachable)"))},
		{name: "heard twice", fault: faultproxy.Fault{Repeat: true}, cells: [phases]outcome{joins(), joins(), none("two watches are two watches"), joins()}},
		{name: "no answer", fault: faultproxy.Never(), cells: everywhere(unreachable)},
		{name: "answer after 2 s", fault: faultproxy.Fault{Delay: 2 * time.Second}, times: 1, cells: [phases]outcome{joins("no answer yet"), joins("no answer yet"), joins(), joins("no answer yet")}},
		{name: "a byte a second", fault: faultproxy.Drip(), cells: [phases]outcome{unreachable, unreachable, watched, unreachable}},
		{name: "cut off in its middle", fault: faultproxy.Truncated(), cells: [phases]outcome{unreachable, unreachable, unreachable, unreachable}},
		{name: "cut off in its middle twice", fault: faultproxy.Truncated(), times: 2, cells: everywhere(joins())},
		{name: "server's clock 10 minutes ahead", fault: faultproxy.ShiftDate(10 * time.Minute), cells: everywhere(joins("behind the server's"))},
	}
}

// refusalRows are answers of a server that is busy, in trouble, or says no.
func refusalRows() []faultRow {
	busy := func(retryAfter string) faultproxy.Fault {
		return faultproxy.Refuse(429, "TooManyRequests", "too many requests", retryAfter)
	}
	later, trouble := everywhere(joins("waiting: ")), everywhere(atEnd(6, "ServerUnavailable"))
	rbac := `certificatesigningrequests.certificates.k8s.io is forbidden: User "system:bootstrap:x" cannot do this at the cluster scope`
	return []faultRow{
		{name: "429, Retry-After: 1, twice", fault: busy("1"), times: 2, cells: later},
		{name: "429, Retry-After: 1000000000", fault: busy("1000000000"), cells: trouble},
		{name: "429, Retry-After: -1, twice", fault: busy("-1"), times: 2, cells: later},
		{name: "429, Retry-After: a date, twice", fault: busy("Fri, 31 Dec 2100 23:59:59 GMT"), times: 2, cells: later},
		{name: "429, Retry-After: x, twice", fault: busy("x"), times: 2, cells: later},
		{name: "500, leader changed, twice", fault: faultproxy.Refuse(500, "InternalError", "etcdserver: leader changed", ""), times: 2, cells: later},
		{name: "503", fault: faultproxy.Refuse(503, "ServiceUnavailable", "the server is starting", ""), cells: trouble},
		{name: "504, twice", fault: faultproxy.Refuse(504, "Timeout", "request did not complete", ""), times: 2, cells: later},
		{name: "401", fault: faultproxy.Refuse(401, "Unauthorized", "Unauthorized", ""),
			cells: [phases]outcome{atOnce(8, "AnonymousDisabled"), atOnce(8, "TokenRejected"), atOnce(8, "TokenRejected"), atOnce(4, "IdentityRejected")}},
		{name: "401 twice, as from a server that starts", fault: faultproxy.Refuse(401, "Unauthorized", "Unauthorized", ""), times: 2,
			cells: everywhere(joins())},
		{name: "403 of the authorizer", fault: faultproxy.Refuse(403, "Forbidden", rbac, ""),
			cells: [phases]outcome{atOnce(8, "AnonymousForbidden"), atOnce(8, "Forbidden"), atOnce(8, "Forbidden"), atOnce(8, "Forbidden")}},
		{name: "403 of the authorizer twice, as from a server that starts", fault: faultproxy.Refuse(403, "Forbidden", rbac, ""), times: 2, cells: everywhere(joins())},
		{name: "403 of admission", fault: faultproxy.Refuse(403, "Forbidden", "admission denied the request", ""),
			cells: [phases]outcome{none("nothing is written"), atOnce(5, "RefusedByServer"), none("nothing is written"), atOnce(5, "RefusedByServer")}},
		{name: "404", fault: faultproxy.Refuse(404, "NotFound", "the server could not find the requested resource", ""),
			cells: [phases]outcome{atEnd(3, "ClusterInfoNotFound"), atOnce(5, "RefusedByServer"), atOnce(5, "RefusedByServer"), atOnce(5, "RefusedByServer")}},
		{name: "422", fault: faultproxy.Refuse(422, "Invalid", "spec.usages: invalid", ""),
			cells: [phases]outcome{none("nothing is written"), atOnce(5, "RefusedByServer"), none("nothing is written"), atOnce(5, "RefusedByServer")}},
	}
}

// nonsenseRows are answers that no API server gives.
func nonsenseRows() []faultRow {
	nonsense, large := atOnce(4, "NotAnAPIServer", "what answers is not an API server"), atOnce(4, "NotAnAPIServer", "answer is too large")
	return []faultRow{
		{name: "HTML page", fault: faultproxy.Page("text/html", "<html>Please log in</html>"), cells: everywhere(nonsense)},
		{name: "junk that says it is JSON", fault: faultproxy.Page("application/json", "junk"), cells: everywhere(nonsense)},
		{name: "junk that says it is protobuf", fault: faultproxy.Page("application/vnd.kubernetes.protobuf", "junk"), cells: everywhere(nonsense)},
		{name: "empty", fault: faultproxy.Page("application/json", ""), cells: everywhere(nonsense)},
		{name: "an object of another kind", fault: faultproxy.Page("application/json", `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}`),
			cells: [phases]outcome{atEnd(3, "ClusterInfoNotFound"), nonsense, atOnce(9, "CSRDiffers"), atOnce(4, "IdentityRejected")}},
		{name: "307 to another server", choose: toElsewhere, cells: everywhere(atOnce(4, "NotAnAPIServer", "answered with a redirect"))},
		{name: "header of 1 MiB", fault: faultproxy.HugeHeader(), cells: everywhere(large)},
		{name: "endless", fault: faultproxy.Endless(), isHeavy: true, cells: everywhere(large)},
		{name: "gzip bomb", fault: faultproxy.GzipBomb(), isHeavy: true, cells: everywhere(large)},
	}
}
