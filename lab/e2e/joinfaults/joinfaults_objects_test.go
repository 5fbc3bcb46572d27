package joinfaults

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/pki"
)

type faultChooser = func(*faultCell, *http.Request) faultproxy.Fault

func redirectElsewhere(c *faultCell, _ *http.Request) faultproxy.Fault {
	return faultproxy.Redirect(c.lab.elsewhere.url())
}

// faultOfWatches returns the fault for watches only.
func faultOfWatches(fault faultproxy.Fault) faultChooser {
	return func(_ *faultCell, r *http.Request) faultproxy.Fault {
		if isWatch(r) {
			return fault
		}
		return faultproxy.Fault{}
	}
}

// unknownCSR returns a CSR that does not exist.
func unknownCSR(name string) certificatesv1.CertificateSigningRequest {
	return certificatesv1.CertificateSigningRequest{
		TypeMeta:   metav1.TypeMeta{Kind: "CertificateSigningRequest", APIVersion: "certificates.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: "00000000-0000-0000-0000-000000000000", ResourceVersion: "1"},
	}
}

// watchRows returns the faults of watches.
func watchRows() []faultRow {
	expired := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: http.StatusGone, Reason: metav1.StatusReasonExpired, Message: "too old resource version",
	}
	odd := []faultproxy.Event{{Type: "BOOKMARK", Object: unknownCSR("")}, {Type: "ODD", Object: unknownCSR("x")}}
	return []faultRow{
		{name: "watch ends at once", choose: faultOfWatches(faultproxy.Events()), cells: inWait(endsJoined())},
		{name: "410 Expired in the watch", choose: faultOfWatches(faultproxy.Events(faultproxy.Event{Type: "ERROR", Object: expired})), cells: inWait(endsJoined())},
		{name: "410 Expired in place of the watch", choose: faultOfWatches(faultproxy.Refuse(410, "Expired", "too old resource version", "")), cells: inWait(endsJoined())},
		{name: "unknown events", choose: faultOfWatches(faultproxy.Events(odd...)), cells: inWait(endsJoined())},
		{name: "watch stops sending events", choose: faultOfWatches(faultproxy.EventsThenSilence()), times: 1, cells: inWait(endsJoined())},
		{name: "watch stops after a bookmark", choose: faultOfWatches(faultproxy.EventsThenSilence(odd[0])), times: 1, cells: inWait(endsJoined())},
		{name: "CSR deleted", choose: deleteCSR, times: 1, cells: inWait(endsJoined())},
		{name: "CSR deleted each time", choose: deleteCSR, cells: inWait(endsAtOnce(3, "CSRNotFound"))},
	}
}

// deleteCSR deletes the CSR, and sends the watch its deletion.
func deleteCSR(c *faultCell, r *http.Request) faultproxy.Fault {
	name, ok := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	if !isWatch(r) || !ok {
		return faultproxy.Fault{}
	}
	requests := c.lab.admin.CertificatesV1().CertificateSigningRequests()
	if err := requests.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		return faultproxy.Fault{}
	}
	return faultproxy.Events(faultproxy.Event{Type: "DELETED", Object: unknownCSR(name)})
}

// changeCSR changes the CSR in the response to a POST or GET, and ends each watch at
// once, so that the client reads the CSR.
func changeCSR(change func(*faultCell, *certificatesv1.CertificateSigningRequest) error) faultChooser {
	return func(c *faultCell, r *http.Request) faultproxy.Fault {
		if isWatch(r) {
			return faultproxy.Events()
		}
		return faultproxy.Fault{Rewrite: faultproxy.Change(func(o *certificatesv1.CertificateSigningRequest) error { return change(c, o) })}
	}
}

func inCreateAndWait(o outcome) [phaseCount]outcome {
	return [phaseCount]outcome{notApplicable("no CSR"), o, o, notApplicable("no CSR")}
}

// requestRows returns the states of the CSR.
func requestRows() []faultRow {
	state := func(conditions ...string) faultChooser {
		return changeCSR(func(_ *faultCell, o *certificatesv1.CertificateSigningRequest) error {
			o.Status = certificatesv1.CertificateSigningRequestStatus{}
			for _, condition := range conditions {
				o.Status.Conditions = append(o.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
					Type: certificatesv1.RequestConditionType(condition), Status: corev1.ConditionTrue, Reason: "Test",
				})
			}
			return nil
		})
	}
	atCreate := notApplicable("the CSR is new")
	onlyWait := func(o outcome) [phaseCount]outcome {
		return [phaseCount]outcome{notApplicable("no CSR"), atCreate, o, notApplicable("no CSR")}
	}
	return []faultRow{
		{name: "CSR denied", choose: state("Denied"), cells: inCreateAndWait(endsAtOnce(5, "Denied"))},
		{name: "CSR failed by the signer", choose: state("Approved", "Failed"), cells: inCreateAndWait(endsAtOnce(5, "SignerFailed"))},
		{name: "CSR not approved", choose: state(), cells: onlyWait(endsAtTimeout(6, "CSRPending"))},
		{name: "CSR not signed", choose: state("Approved"), cells: onlyWait(endsAtTimeout(6, "CSRNotSigned"))},
		{name: "CSR with another UID", choose: changeCSR(func(_ *faultCell, o *certificatesv1.CertificateSigningRequest) error {
			o.UID = unknownCSR("").UID
			return nil
		}), cells: inCreateAndWait(endsJoined("(CSRReplaced)"))},
	}
}

// certificateRows returns certificates other than the requested one.
func certificateRows() []faultRow {
	issued := func(s certificateSwap) faultChooser {
		return changeCSR(func(c *faultCell, o *certificatesv1.CertificateSigningRequest) error {
			s := s
			s.signer = c.lab.ca
			return s.swapIn(o)
		})
	}
	with := func(change func(*x509.Certificate)) faultChooser { return issued(certificateSwap{change: change}) }
	same := func(*x509.Certificate) {}
	invalid := inCreateAndWait(endsAtOnce(4, "CertificateInvalid"))
	return []faultRow{
		{name: "node certificate for another key", choose: issued(certificateSwap{change: same, otherKey: true}), cells: invalid},
		{name: "node certificate with another CN", choose: with(func(c *x509.Certificate) { c.Subject.CommonName = "system:node:other" }), cells: invalid},
		{name: "node certificate with an extra SAN", choose: with(func(c *x509.Certificate) { c.DNSNames = []string{"kubernetes"} }), cells: invalid},
		{name: "node certificate from an unknown CA", choose: changeCSR(func(c *faultCell, o *certificatesv1.CertificateSigningRequest) error {
			return certificateSwap{change: same, signer: c.lab.other}.swapIn(o)
		}), cells: invalid},
		{name: "node certificate not yet valid", choose: with(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), cells: invalid},
		{name: "node certificate expired", choose: with(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), cells: invalid},
		{name: "node certificate not for clients", choose: with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), cells: invalid},
		{name: "node certificate that is not PEM", choose: changeCSR(func(_ *faultCell, o *certificatesv1.CertificateSigningRequest) error {
			setCertificate(o, "junk")
			return nil
		}), cells: invalid},
	}
}

// changeClusterInfo changes cluster-info in the response.
func changeClusterInfo(change func(*faultCell, *corev1.ConfigMap)) faultChooser {
	return func(c *faultCell, _ *http.Request) faultproxy.Fault {
		return faultproxy.Fault{Rewrite: faultproxy.Change(func(cm *corev1.ConfigMap) error {
			change(c, cm)
			return nil
		})}
	}
}

// replaceCAs replaces the cluster's CAs and signs the document, as anyone with the token
// can.
func replaceCAs(c *faultCell, cm *corev1.ConfigMap, cas ...*pki.CA) {
	var text []byte
	for _, ca := range cas {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw})...)
	}
	lines := strings.Split(cm.Data["kubeconfig"], "\n")
	for i, line := range lines {
		if at := strings.Index(line, "certificate-authority-data: "); at >= 0 {
			lines[i] = line[:at] + "certificate-authority-data: " + base64.StdEncoding.EncodeToString(text)
		}
	}
	cm.Data["kubeconfig"] = strings.Join(lines, "\n")
	c.lab.signClusterInfo(cm)
}

// clusterInfoRows returns the faults of cluster-info.
func clusterInfoRows() []faultRow {
	row := func(name string, o outcome, change func(*faultCell, *corev1.ConfigMap)) faultRow {
		return faultRow{name: name, choose: changeClusterInfo(change), cells: inDiscovery(o)}
	}
	return []faultRow{
		row("cluster-info with another CA", endsAtOnce(4, "PinMismatch"), func(c *faultCell, cm *corev1.ConfigMap) { replaceCAs(c, cm, c.lab.other) }),
		row("cluster-info with one more CA", endsJoined(), func(c *faultCell, cm *corev1.ConfigMap) { replaceCAs(c, cm, c.lab.other, c.lab.ca) }),
		row("cluster-info with another server", endsAtOnce(4, "SignatureInvalid"), func(c *faultCell, cm *corev1.ConfigMap) {
			cm.Data["kubeconfig"] = strings.ReplaceAll(cm.Data["kubeconfig"], c.proxy.URL, c.lab.elsewhere.url())
		}),
		row("cluster-info with plain HTTP", endsAtOnce(4, "DocumentInvalid"), func(c *faultCell, cm *corev1.ConfigMap) {
			cm.Data["kubeconfig"] = strings.ReplaceAll(cm.Data["kubeconfig"], "https:", "http:")
			c.lab.signClusterInfo(cm)
		}),
		row("cluster-info that changes between two reads", endsAtOnce(4, "ClusterInfoChanged"), func(c *faultCell, cm *corev1.ConfigMap) {
			if c.read.Add(1)%2 == 0 {
				cm.Data["kubeconfig"] += "\n"
				c.lab.signClusterInfo(cm)
			}
		}),
		row("cluster-info without a signature", endsAtTimeout(4, "SignatureMissing", "accepts the token, but cluster-info has no signature"), func(c *faultCell, cm *corev1.ConfigMap) {
			delete(cm.Data, "jws-kubeconfig-"+c.lab.token.ID())
		}),
		row("cluster-info with another token's signature", endsAtOnce(4, "SignatureInvalid"), func(c *faultCell, cm *corev1.ConfigMap) {
			name := "jws-kubeconfig-" + c.lab.token.ID()
			header, _, _ := strings.Cut(cm.Data[name], ".")
			cm.Data[name] = header + ".." + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		}),
		row("empty cluster-info", endsAtTimeout(3, "ClusterInfoNotFound"), func(_ *faultCell, cm *corev1.ConfigMap) { cm.Data = nil }),
	}
}
