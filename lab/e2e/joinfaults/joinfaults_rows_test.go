package joinfaults

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/bootctl/bootctl/lab/faultproxy"
)

// The outcomes of cells.
func endsJoined(messages ...string) outcome { return endsAtTimeout(0, "", messages...) }

func endsAtTimeout(code int, reason string, messages ...string) outcome {
	return outcome{code: code, reason: reason, message: append(messages, "")[0]}
}

func endsAtOnce(code int, reason string, messages ...string) outcome {
	o := endsAtTimeout(code, reason, messages...)
	o.isFinal = true
	return o
}

func notApplicable(why string) outcome { return outcome{why: why} }

func inEachPhase(o outcome) [phaseCount]outcome { return [phaseCount]outcome{o, o, o, o} }

func inDiscovery(o outcome) [phaseCount]outcome {
	elsewhere := notApplicable("no cluster-info")
	return [phaseCount]outcome{o, elsewhere, elsewhere, elsewhere}
}

func inWait(o outcome) [phaseCount]outcome {
	elsewhere := notApplicable("no watch")
	return [phaseCount]outcome{elsewhere, elsewhere, o, elsewhere}
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
	unreachable, untrusted := endsAtTimeout(7, "Unreachable"), endsAtOnce(4, "CertificateUntrusted")
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
		{name: "port closed", closed: true, cells: inEachPhase(endsAtTimeout(7, "Unreachable", "refused"))},
		{name: "connection accepted, never answered", wire: wire(faultproxy.BlackHole()), cells: inEachPhase(unreachable)},
		{name: "connection reset", wire: wire(faultproxy.Reset(0)), cells: inEachPhase(unreachable)},
		{name: "connection reset twice", wire: wire(faultproxy.Reset(0)), times: 2, cells: inEachPhase(endsJoined("(Unreachable)"))},
		{name: "connection reset during the TLS handshake", wire: wire(faultproxy.Reset(300)), cells: inEachPhase(unreachable)},
		{name: "plain HTTP on the port", wire: wire(faultproxy.Speak("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")), cells: inEachPhase(endsAtOnce(7, "Unreachable"))},
		{name: "another protocol on the port", wire: wire(faultproxy.Speak("SSH-2.0-OpenSSH_9.9\r\n")), cells: inEachPhase(endsAtOnce(7, "Unreachable"))},
		{name: "TLS 1.1 at most", wire: shows(func(_ *faultLab, c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), cells: inEachPhase(unreachable)},
		{name: "server certificate from another CA", wire: shows(func(l *faultLab, c *tls.Config) { faultproxy.ServingCertificate(l.other, loopback, time.Now())(c) }), cells: inEachPhase(untrusted)},
		{name: "server certificate for another address", wire: shows(func(l *faultLab, c *tls.Config) {
			faultproxy.ServingCertificate(l.ca, net.IPv4(192, 0, 2, 1), time.Now())(c)
		}), cells: inEachPhase(untrusted)},
		{name: "server certificate expired", wire: shows(func(l *faultLab, c *tls.Config) {
			faultproxy.ServingCertificate(l.ca, loopback, time.Now().Add(-year))(c)
		}), cells: inEachPhase(untrusted)},
		{name: "server certificate not yet valid", wire: shows(func(l *faultLab, c *tls.Config) {
			faultproxy.ServingCertificate(l.ca, loopback, time.Now().Add(year))(c)
		}), cells: inEachPhase(untrusted)},
	}
}

// silenceRows are responses that are missing, late, or lost.
func silenceRows() []faultRow {
	unreachable, watched := endsAtTimeout(7, "Unreachable"), endsAtTimeout(6, "CSRPending")
	return []faultRow{
		{name: "request lost", fault: faultproxy.Fault{Drop: true}, cells: inEachPhase(unreachable)},
		{name: "request lost twice", fault: faultproxy.Fault{Drop: true}, times: 2, cells: inEachPhase(endsJoined("(Unreachable)"))},
		{name: "response lost", fault: faultproxy.Fault{DropAnswer: true}, cells: inEachPhase(unreachable)},
		{name: "response lost twice", fault: faultproxy.Fault{DropAnswer: true}, times: 2, cells: inEachPhase(endsJoined("(Unreachable)"))},
		{name: "request delivered twice", fault: faultproxy.Fault{Repeat: true}, cells: [phaseCount]outcome{endsJoined(), endsJoined(), notApplicable("watches can be repeated"), endsJoined()}},
		{name: "no response", fault: faultproxy.Never(), cells: inEachPhase(unreachable)},
		{name: "response after 2 s", fault: faultproxy.Fault{Delay: 2 * time.Second}, times: 1, cells: [phaseCount]outcome{endsJoined("no response yet"), endsJoined("no response yet"), endsJoined(), endsJoined("no response yet")}},
		{name: "one byte per second", fault: faultproxy.Drip(), cells: [phaseCount]outcome{unreachable, unreachable, watched, unreachable}},
		{name: "truncated response", fault: faultproxy.Truncated(), cells: [phaseCount]outcome{unreachable, unreachable, unreachable, unreachable}},
		{name: "truncated response twice", fault: faultproxy.Truncated(), times: 2, cells: inEachPhase(endsJoined())},
		{name: "server's clock 10 minutes ahead", fault: faultproxy.ShiftDate(10 * time.Minute), cells: inEachPhase(endsJoined("behind the server's"))},
	}
}

// refusalRows are responses of a server that is busy, fails, or refuses the request.
func refusalRows() []faultRow {
	busy := func(retryAfter string) faultproxy.Fault {
		return faultproxy.Refuse(429, "TooManyRequests", "too many requests", retryAfter)
	}
	later, unavailable := inEachPhase(endsJoined("waiting: ")), inEachPhase(endsAtTimeout(6, "ServerUnavailable"))
	rbac := `certificatesigningrequests.certificates.k8s.io is forbidden: User "system:bootstrap:x" cannot do this at the cluster scope`
	return []faultRow{
		{name: "429, Retry-After: 1, twice", fault: busy("1"), times: 2, cells: later},
		{name: "429, Retry-After: 1000000000", fault: busy("1000000000"), cells: unavailable},
		{name: "429, Retry-After: -1, twice", fault: busy("-1"), times: 2, cells: later},
		{name: "429, Retry-After: a date, twice", fault: busy("Fri, 31 Dec 2100 23:59:59 GMT"), times: 2, cells: later},
		{name: "429, Retry-After: x, twice", fault: busy("x"), times: 2, cells: later},
		{name: "500, leader changed, twice", fault: faultproxy.Refuse(500, "InternalError", "etcdserver: leader changed", ""), times: 2, cells: later},
		{name: "503", fault: faultproxy.Refuse(503, "ServiceUnavailable", "the server is starting", ""), cells: unavailable},
		{name: "504, twice", fault: faultproxy.Refuse(504, "Timeout", "request did not complete", ""), times: 2, cells: later},
		{name: "401", fault: faultproxy.Refuse(401, "Unauthorized", "Unauthorized", ""),
			cells: [phaseCount]outcome{endsAtOnce(8, "AnonymousDisabled"), endsAtOnce(8, "TokenRejected"), endsAtOnce(8, "TokenRejected"), endsAtOnce(4, "IdentityRejected")}},
		{name: "401 twice, as from a starting server", fault: faultproxy.Refuse(401, "Unauthorized", "Unauthorized", ""), times: 2,
			cells: inEachPhase(endsJoined())},
		{name: "403 from the authorizer", fault: faultproxy.Refuse(403, "Forbidden", rbac, ""),
			cells: [phaseCount]outcome{endsAtOnce(8, "AnonymousForbidden"), endsAtOnce(8, "Forbidden"), endsAtOnce(8, "Forbidden"), endsAtOnce(8, "Forbidden")}},
		{name: "403 from the authorizer twice, as from a starting server", fault: faultproxy.Refuse(403, "Forbidden", rbac, ""), times: 2, cells: inEachPhase(endsJoined())},
		{name: "403 from admission", fault: faultproxy.Refuse(403, "Forbidden", "admission denied the request", ""),
			cells: [phaseCount]outcome{notApplicable("no write"), endsAtOnce(5, "RefusedByServer"), notApplicable("no write"), endsAtOnce(5, "RefusedByServer")}},
		{name: "404", fault: faultproxy.Refuse(404, "NotFound", "the server could not find the requested resource", ""),
			cells: [phaseCount]outcome{endsAtTimeout(3, "ClusterInfoNotFound"), endsAtOnce(5, "RefusedByServer"), endsAtOnce(5, "RefusedByServer"), endsAtOnce(5, "RefusedByServer")}},
		{name: "422", fault: faultproxy.Refuse(422, "Invalid", "spec.usages: invalid", ""),
			cells: [phaseCount]outcome{notApplicable("no write"), endsAtOnce(5, "RefusedByServer"), notApplicable("no write"), endsAtOnce(5, "RefusedByServer")}},
	}
}

// nonsenseRows are responses that no API server sends.
func nonsenseRows() []faultRow {
	nonsense, large := endsAtOnce(4, "NotAnAPIServer", "the server is not an API server"), endsAtOnce(4, "NotAnAPIServer", "response is too large")
	return []faultRow{
		{name: "HTML page", fault: faultproxy.Page("text/html", "<html>Please log in</html>"), cells: inEachPhase(nonsense)},
		{name: "junk labeled as JSON", fault: faultproxy.Page("application/json", "junk"), cells: inEachPhase(nonsense)},
		{name: "junk labeled as protobuf", fault: faultproxy.Page("application/vnd.kubernetes.protobuf", "junk"), cells: inEachPhase(nonsense)},
		{name: "empty response", fault: faultproxy.Page("application/json", ""), cells: inEachPhase(nonsense)},
		{name: "an object of another kind", fault: faultproxy.Page("application/json", `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}`),
			cells: [phaseCount]outcome{endsAtTimeout(3, "ClusterInfoNotFound"), nonsense, endsAtOnce(9, "CSRDiffers"), endsAtOnce(4, "IdentityRejected")}},
		{name: "307 to another server", choose: redirectElsewhere, cells: inEachPhase(endsAtOnce(4, "NotAnAPIServer", "responded with a redirect"))},
		{name: "header of 1 MiB", fault: faultproxy.HugeHeader(), cells: inEachPhase(large)},
		{name: "endless response", fault: faultproxy.Endless(), isHeavy: true, cells: inEachPhase(large)},
		{name: "gzip bomb", fault: faultproxy.GzipBomb(), isHeavy: true, cells: inEachPhase(large)},
	}
}
