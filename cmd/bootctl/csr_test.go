package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

// requests returns a CSR for each node, oldest first.
func requests(t *testing.T, nodes ...string) []runtime.Object {
	t.Helper()
	var all []runtime.Object
	for i, node := range nodes {
		object := nodeRequest(t, node)
		object.CreationTimestamp = metav1.Unix(int64(1700000000+i), 0)
		all = append(all, object)
	}
	return all
}

func changed(object runtime.Object, change func(*certificatesv1.CertificateSigningRequest)) runtime.Object {
	request, ok := object.(*certificatesv1.CertificateSigningRequest)
	if ok {
		change(request)
	}
	return object
}

func fingerprintOf(object runtime.Object) string {
	request, ok := object.(*certificatesv1.CertificateSigningRequest)
	if !ok {
		return ""
	}
	return csr.Fingerprint(csr.Decode(request).PKCS10.PublicKey)
}

func TestApprove_Selects(t *testing.T) {
	three := requests(t, "n1", "n2", "n3")
	fingerprint := fingerprintOf(three[1])
	conflicting := changed(requests(t, "n1")[0], func(r *certificatesv1.CertificateSigningRequest) { r.Name = "second-of-n1" })
	sameKey := changed(three[0].DeepCopyObject(), func(r *certificatesv1.CertificateSigningRequest) { r.Name = "same-key" })
	approved := changed(three[0].DeepCopyObject(), func(r *certificatesv1.CertificateSigningRequest) {
		r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved", Status: "True"}}
	})
	bad := changed(requests(t, "n4")[0], func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Username = "alice" })
	tests := []struct {
		name    string
		objects []runtime.Object
		args    string
		code    int
		want    string // name and result of each CSR, or the message of a usage error
	}{
		{"all pending", three, "--pending --yes", 0, "request-of-n1 approved,request-of-n2 approved,request-of-n3 approved"},
		{"unconfirmed", three, "--pending", 2, "not confirmed: there is no terminal for a prompt; nothing was changed"},
		{"dry run", three, "--pending --dry-run", 0, "request-of-n1 would be approved,request-of-n2 would be approved,request-of-n3 would be approved"},
		{"oldest only", three, "--pending --max 1 --yes", 0, "request-of-n1 approved,request-of-n2 over the limit,request-of-n3 over the limit"},
		{"by requester", three, "--requester system:bootstrap:" + plantedID + " --yes", 0, "request-of-n1 approved,request-of-n2 approved,request-of-n3 approved"},
		{"by another requester", three, "--requester x --yes", 0, ""},
		{"by group", three, "--requester-group system:bootstrappers --max 1 --yes", 0, "request-of-n1 approved,request-of-n2 over the limit,request-of-n3 over the limit"},
		{"by age", three, "--older-than 1m --max 1 --yes", 0, "request-of-n1 approved,request-of-n2 over the limit,request-of-n3 over the limit"},
		{"by another signer", three, "--signer kubernetes.io/kubelet-serving --yes", 0, ""},
		{"by node, without asking", three, "--node n2", 0, "request-of-n2 approved"},
		{"by key, without asking", three, "--fingerprint " + fingerprint, 0, "request-of-n2 approved"},
		{"by a prefix of the key", three, "--fingerprint " + fingerprint[:27], 0, "request-of-n2 approved"},
		{"by another key", three, "--fingerprint sha256:" + strings.Repeat("0", 64), 3, ""},
		{"by name and key", three, "request-of-n2 --fingerprint " + fingerprint, 0, "request-of-n2 approved"},
		{"by name and another key", three, "request-of-n1 --fingerprint " + fingerprint, 9, "request-of-n1 failed"},
		{"by node and key", three, "--node n2 --fingerprint " + fingerprint, 0, "request-of-n2 approved"},
		{"by node and another key", three, "--node n1 --fingerprint " + fingerprint, 9, ""},
		{"by node and another requester", three, "--node n1 --requester x", 3, ""},
		{"no such node", three, "--node n9", 3, ""},
		{"two CSRs for the node", append(three[:1:1], conflicting), "--node n1", 9, ""},
		{"another CSR for the node is approved", append(three[:1:1], changed(conflicting.DeepCopyObject(), func(r *certificatesv1.CertificateSigningRequest) {
			r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved", Status: "True"}}
		})), "--pending --yes", 9, "request-of-n1 failed"},
		{"by UID alone", three[:1], "--uid uid-1", 0, "request-of-n1 approved"},
		{"by a UID that several CSRs have", three, "--uid uid-1", 9, ""},
		{"by another UID alone", three, "--uid uid-9", 3, ""},
		{"by a key that several CSRs have", append(three[:1:1], sameKey), "--fingerprint " + fingerprintOf(sameKey), 9, ""},
		{"by a key, already approved", []runtime.Object{approved}, "--fingerprint " + fingerprintOf(approved), 0, "request-of-n1 already approved"},
		{"two CSRs for the node, by key", append(three[:1:1], conflicting), "--node n1 --fingerprint " + fingerprintOf(conflicting), 0, "second-of-n1 approved"},
		{"two CSRs for a node among others", append(slices.Clone(three), conflicting), "--pending --yes", 9, "request-of-n1 failed,second-of-n1 failed,request-of-n2 approved,request-of-n3 approved"},
		{"conflicting CSR outside the filter", append(three[:1:1], changed(conflicting.DeepCopyObject(), func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Username = "system:bootstrap:zzzzzz" })),
			"--requester system:bootstrap:" + plantedID + " --yes", 9, "request-of-n1 failed"},
		{"one CSR violates a rule", append(slices.Clone(three), bad), "--pending --yes", 5, "request-of-n1 approved,request-of-n4 refused,request-of-n2 approved,request-of-n3 approved"},
		{"forced", []runtime.Object{bad}, "request-of-n4 --force", 0, "request-of-n4 approved"},
		{"wait without a node", three, "--pending --wait", 2, "--wait requires --node"},
		{"no CSR specified", three, "", 2, "specify CSRs by name, or with a filter such as --pending"},
		{"names and filters", three, "request-of-n1 --pending", 2, "CSR names and filters cannot be used together"},
		{"UID for two", three, "request-of-n1 request-of-n2 --uid x", 2, "--uid applies to a single CSR, but 2 were named"},
		{"key for two", three, "request-of-n1 request-of-n2 --fingerprint " + fingerprint, 2, "--fingerprint applies to a single CSR, but 2 were named"},
		{"two forced", three, "request-of-n1 request-of-n2 --force", 2, "--force applies to a single named CSR, but 2 were named"},
		{"filter forced", three, "--pending --yes --force", 2, "--force applies to a single named CSR, but 0 were named"},
		{"short key", three, "--fingerprint sha256:00112233", 2, "invalid fingerprint: it has 8 hex digits and must have at least 20"},
		{"negative maximum", three, "--pending --max -1", 2, "--max must be at least 1, not -1"},
		{"maximum of zero", three, "--pending --max 0", 2, "--max must be at least 1, not 0"},
		{"invalid age", three, "--older-than soon", 2, `--older-than "soon" is not a duration such as 90m, 24h, or 7d`},
		{"invalid node name", three, "--node N1", 2, `invalid node name: "N1": it must have at most 253 characters, which are a-z, 0-9, dashes, and dots, and each part must begin and end with a letter or digit`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, test.objects, append([]string{"csr", "approve", "-o", "json"}, strings.Fields(test.args)...)...)
			if test.code == failure.ExitUsage {
				wantUsageError(t, got, test.want)
				return
			}
			if got.code != test.code || results(t, got.out) != test.want {
				t.Errorf("exit code %d, results %q, want %d and %q; stderr %s", got.code, results(t, got.out), test.code, test.want, got.errOut)
			}
		})
	}
}

// Without a terminal, the hint is a complete command for a shell.
func TestApprove_Unconfirmed(t *testing.T) {
	tests := []struct{ name, format, want string }{
		{"plain", "name", "hint: confirm with --yes: bootctl csr approve --pending -o name --yes\n"},
		{"quoted", "go-template=a b", "hint: confirm with --yes: bootctl csr approve --pending -o 'go-template=a b' --yes\n"},
		{"not printable", "go-template=\x1b", "hint: run the same command again with --yes to skip the prompt; nothing was changed\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, requests(t, "n1"), "csr", "approve", "--pending", "-o", test.format)
			if got.code != failure.ExitUsage || !strings.HasSuffix(got.errOut, test.want) {
				t.Errorf("exit code %d, stderr %q, want %q at its end", got.code, got.errOut, test.want)
			}
		})
	}
}

// wantUsageError checks for an empty stdout and the message in an event on stderr.
func wantUsageError(t *testing.T, got result, message string) {
	t.Helper()
	var last output.Event
	lines := strings.Split(strings.TrimSpace(got.errOut), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if got.code != failure.ExitUsage || got.out != "" || message == "" || !strings.Contains(last.Message, message) {
		t.Errorf("exit code %d, stdout %q, want 2, nothing and %q; stderr %s", got.code, got.out, message, got.errOut)
	}
}

func results(t *testing.T, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	var list output.ResultList
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, item := range list.Items {
		found = append(found, item.Name+" "+item.Result)
	}
	return strings.Join(found, ",")
}

// A privileged CSR is never approved, and a CSR for an existing Node only with --force.
func TestApprove_Refuses(t *testing.T) {
	masters := func() runtime.Object {
		text, err := os.ReadFile(filepath.Join("testdata", "masters.csr"))
		if err != nil {
			t.Fatal(err)
		}
		return changed(requests(t, "n1")[0], func(r *certificatesv1.CertificateSigningRequest) {
			r.Spec.Request, r.Spec.SignerName = text, csr.APIServerClient
		})
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	tests := []struct {
		name    string
		objects []runtime.Object
		args    []string
		code    int
		reason  string
	}{
		{"privileged", []runtime.Object{masters()}, []string{"--signer", csr.APIServerClient}, 5, "not privileged"},
		{"privileged, forced", []runtime.Object{masters()}, []string{"--signer", csr.APIServerClient, "--force"}, 5, "not privileged"},
		{"existing node", append(requests(t, "n1"), node), nil, 5, "new node"},
		{"existing node, forced", append(requests(t, "n1"), node), []string{"--force"}, 0, "--force overrides these rules: new node"},
		{"denied", []runtime.Object{changed(requests(t, "n1")[0], func(r *certificatesv1.CertificateSigningRequest) {
			r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Denied", Status: "True", Reason: "R", Message: "M"}}
		})}, nil, 5, "denied (R): M"},
		{"already approved", []runtime.Object{changed(requests(t, "n1")[0], func(r *certificatesv1.CertificateSigningRequest) {
			r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved", Status: "True"}}
		})}, nil, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, test.objects, append([]string{"csr", "approve", "request-of-n1"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.errOut, test.reason) {
				t.Errorf("exit code %d, want %d and %q; stderr %s", got.code, test.code, test.reason, got.errOut)
			}
		})
	}
}

func TestApprove_DecidedCSRs(t *testing.T) {
	with := func(kind, reason string) func(*certificatesv1.CertificateSigningRequest) {
		return func(r *certificatesv1.CertificateSigningRequest) {
			r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: certificatesv1.RequestConditionType(kind), Status: "True", Reason: reason}}
		}
	}
	all := requests(t, "pending", "denied", "failed", "approved")
	for i, kind := range []string{"Denied", "Failed", "Approved"} {
		changed(all[i+1], with(kind, "R"))
	}
	tests := []struct {
		name, args string
		code       int
		want       string // name and result of each CSR, or the message of a usage error
	}{
		{"denied", "delete --denied", 0, "request-of-denied deleted"},
		{"failed", "delete --failed", 0, "request-of-failed deleted"},
		{"both", "delete --denied --failed", 0, "request-of-denied deleted,request-of-failed deleted"},
		{"both, old", "delete --denied --failed --older-than 1d", 0, "request-of-denied deleted,request-of-failed deleted"},
		{"both, not old enough", "delete --denied --failed --older-than 9000d", 0, ""},
		{"by name", "delete request-of-approved", 0, "request-of-approved deleted"},
		{"pending", "delete request-of-pending", 5, "request-of-pending refused"},
		{"another UID", "delete request-of-denied --uid x", 9, "request-of-denied failed"},
		{"missing", "delete none", 3, "none failed"},
		{"no CSR specified", "delete", 2, "specify CSRs by name, or use --denied, --failed, or --node"},
		{"names and flags", "delete request-of-denied --denied", 2, "CSR names cannot be used with --denied, --failed, --node, or --older-than"},
		{"names and a node", "delete request-of-denied --node denied", 2, "CSR names cannot be used with --denied, --failed, --node, or --older-than"},
		{"node", "delete --node approved", 0, "request-of-approved deleted"},
		{"node with a pending CSR", "delete --node pending", 5, "request-of-pending refused"},
		{"node, denied", "delete --node denied --denied", 0, "request-of-denied deleted"},
		{"node, only failed", "delete --node denied --failed", 3, ""},
		{"node, denied or failed", "delete --node failed --denied --failed", 0, "request-of-failed deleted"},
		{"node, old", "delete --node denied --older-than 1d", 0, "request-of-denied deleted"},
		{"node, not old enough", "delete --node denied --older-than 9000d", 3, ""},
		{"node without a CSR", "delete --node none", 3, ""},
		{"deny", "deny request-of-pending --reason Unknown", 0, "request-of-pending denied"},
		{"deny again", "deny request-of-denied --reason Unknown", 0, "request-of-denied already denied"},
		{"deny an approved CSR", "deny request-of-approved --reason Unknown", 9, "request-of-approved failed"},
		{"deny another UID", "deny request-of-pending --uid x --reason Unknown", 9, "request-of-pending failed"},
		{"deny without a reason", "deny request-of-pending", 2, "specify --reason, a CamelCase word such as UnknownNode"},
		{"deny with an invalid reason", "deny request-of-pending --reason no-good", 2, `--reason "no-good" is not a CamelCase word such as UnknownNode`},
		{"review a CSR and a node", "review request-of-pending --node pending", 2, "specify one CSR by name, or a node with --node"},
		{"review without a name", "review", 2, "specify one CSR by name, or a node with --node"},
		{"wait for a denied CSR", "wait request-of-denied", 5, ""},
		{"wait for a failed CSR", "wait request-of-failed", 5, ""},
		{"wait for a denied node", "wait --node denied", 5, ""},
		{"wait without a name", "wait", 2, "specify one CSR by name, or a node with --node"},
		{"wait for a missing CSR", "wait none", 3, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, all, append([]string{"csr", "-o", "json"}, strings.Fields(test.args)...)...)
			if test.code == failure.ExitUsage {
				wantUsageError(t, got, test.want)
				return
			}
			if got.code != test.code || results(t, got.out) != test.want {
				t.Errorf("exit code %d, results %q, want %d and %q; stderr %s", got.code, results(t, got.out), test.code, test.want, got.errOut)
			}
			if strings.HasPrefix(test.args, "deny") && test.code == 0 && !strings.Contains(got.errOut, "bootctl csr delete "+strings.Fields(test.args)[1]) {
				t.Errorf("no command to delete the CSR in stderr %q", got.errOut)
			}
		})
	}
}

// The values of flags are parsed before the kubeconfig is read.
func TestCSR_ValuesOfFlags(t *testing.T) {
	for _, args := range []string{
		"list --older-than x", "list --node Worker", "delete --denied --older-than x", "approve --pending --older-than x",
		"approve --fingerprint 12", "approve name --fingerprint 12", "wait --node Worker", "review --node Worker", "delete --node Worker",
		"wait name --signer x.example.com/y", "review name --signer x.example.com/y",
		"submit --cn jane --key key --expiration x", "submit --cn jane --key key --san a_b",
	} {
		t.Run(args, func(t *testing.T) {
			if got := invoke(t, nil, append([]string{"csr"}, strings.Fields(args)...)...); got.code != failure.ExitUsage || got.out != "" {
				t.Errorf("exit code %d, stdout %q, want %d and nothing; stderr %s", got.code, got.out, failure.ExitUsage, got.errOut)
			}
		})
	}
}

// The clock advances only when all goroutines wait, so a slow machine does not matter.
func TestWait_Timeout(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		code   int
		reason string
	}{
		{"pending", []string{"request-of-n1"}, 6, "(CSRPending)"},
		{"no CSR for the node", []string{"--node", "other"}, 3, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := invoke(t, requests(t, "n1"), append([]string{"csr", "wait", "--timeout", "10ms"}, test.args...)...)
				if got.code != test.code || got.out != "" || !strings.Contains(got.errOut, test.reason) {
					t.Errorf("exit code %d, stdout %q, want %d and nothing; stderr %s", got.code, got.out, test.code, got.errOut)
				}
			})
		})
	}
}

// Each permission that an approval needs is checked before anything is read, and the
// missing permission is named.
func TestApprove_ChecksAccess(t *testing.T) {
	tests := []struct {
		name    string
		allowed func(*authorizationv1.ResourceAttributes) bool
		code    int
		want    string
	}{
		{"allowed", func(*authorizationv1.ResourceAttributes) bool { return true }, 0, ""},
		{"all signers of the domain", func(a *authorizationv1.ResourceAttributes) bool {
			return a.Resource != "signers" || a.Name == "kubernetes.io/*"
		}, 0, ""},
		{"approval not allowed", func(a *authorizationv1.ResourceAttributes) bool { return a.Resource == "signers" }, 8, "update certificatesigningrequests/approval"},
		{"signer not allowed", func(a *authorizationv1.ResourceAttributes) bool { return a.Resource != "signers" }, 8, "approve signers named kubernetes.io/kube-apiserver-client-kubelet"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := context.WithValue(t.Context(), accessKey{}, test.allowed)
			got := invokeWith(ctx, t, requests(t, "n1"), "csr", "approve", "request-of-n1")
			if got.code != test.code || !strings.Contains(got.errOut, test.want) {
				t.Errorf("exit code %d, want %d and %q; stderr %s", got.code, test.code, test.want, got.errOut)
			}
		})
	}
}
