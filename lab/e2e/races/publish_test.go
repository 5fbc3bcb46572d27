package races

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// createSignedTokens creates valid tokens, and waits until cluster-info is signed with them.
func createSignedTokens(t *testing.T, p labtest.Admin, n int) []token.Token {
	t.Helper()
	var tokens []token.Token
	for range n {
		tok, err := token.Parse(p.MustRun(t, "token", "create"))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, tok)
	}
	p.Eventually(t, "signatures", func() bool { code, _, _ := p.Run(t, "cluster-info", "verify"); return code == 0 })
	return tokens
}

// readClusterInfo reads cluster-info every 5 ms until ctx is done, and returns the errors
// and the number of reads. It calls saw for each document.
func readClusterInfo(ctx context.Context, client kubernetes.Interface, tokens []token.Token, saw func(document string)) (wrong []string, reads int) {
	for ctx.Err() == nil {
		info, err := clusterinfo.Fetch(ctx, client.CoreV1())
		if err != nil {
			if ctx.Err() == nil {
				wrong = append(wrong, err.Error())
			}
			continue
		}
		reads++
		saw(string(info.Raw))
		for _, tok := range tokens {
			if err := clusterinfo.Verify(info.Raw, info.Signatures[tok.ID()], tok); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return wrong, reads
}

// TestPublish_AlwaysSigned publishes changing addresses with a concurrent reader and the
// real bootstrapsigner controller.
func TestPublish_AlwaysSigned(t *testing.T) {
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	tokens := createSignedTokens(t, p, 3)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var wrong []string
	var reads int
	var seen atomic.Value
	seen.Store("")
	client := p.ClientAs(t, "")
	wg.Go(func() {
		wrong, reads = readClusterInfo(ctx, client, tokens, func(document string) { seen.Store(document) })
	})
	times := labtest.SmallOrFull(15, 200)
	for i := range times {
		endpoint := fmt.Sprintf("https://127.0.0.1:%d", 10000+i)
		p.MustRun(t, "cluster-info", "publish", "--yes", "--endpoint", endpoint)
		p.Eventually(t, "reader of "+endpoint, func() bool { return strings.Contains(seen.Load().(string), endpoint) })
	}
	cancel()
	wg.Wait()
	t.Logf("%d publications, all of them observed, in %d reads", times, reads)
	if len(wrong) > 0 {
		t.Errorf("%d reads had no valid signature, the first: %s", len(wrong), wrong[0])
	}
	wantIdleSigner(t, p)
}

// wantIdleSigner checks that the signer has nothing to do after a write.
func wantIdleSigner(t *testing.T, p labtest.Admin) {
	t.Helper()
	client := p.ClientAs(t, "")
	version := func() string {
		cm, err := client.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return cm.ResourceVersion
	}
	before, idle := version(), labtest.SmallOrFull(3*time.Second, time.Minute)
	time.Sleep(idle)
	if after := version(); after != before {
		t.Errorf("within %s the signer wrote again: version %s, then %s", idle, before, after)
	}
}

// TestPublish_EightWriters runs eight concurrent writers that publish and add their own
// keys, with the real bootstrapsigner controller.
func TestPublish_EightWriters(t *testing.T) {
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	tokens := createSignedTokens(t, p, 3)
	client := p.ClientAs(t, "")
	rounds := labtest.SmallOrFull(3, 50)
	var wg sync.WaitGroup
	var conflicts atomic.Int64
	done := make([]int, 8) // the number of rounds for each writer
	begin := time.Now()
	for writer := range done {
		wg.Go(func() {
			for round := 0; round < rounds || round < 100 && conflicts.Load() == 0 && time.Since(begin) < labtest.Hang; round++ {
				patch := fmt.Sprintf(`{"data":{"writer-%d-%d":"kept"}}`, writer, round)
				if _, err := client.CoreV1().ConfigMaps("kube-public").Patch(t.Context(), "cluster-info", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
					t.Error(err)
				}
				code, _, stderr := p.Run(t, "cluster-info", "publish", "--yes", "-v", "1", "--endpoint", fmt.Sprintf("https://127.0.0.1:%d", 10000+100*writer+round))
				if code != 0 {
					t.Errorf("exit code %d: %s", code, stderr[max(0, len(stderr)-300):])
				}
				conflicts.Add(int64(strings.Count(stderr, ": 409 in ")))
				done[writer]++
			}
		})
	}
	wg.Wait()
	t.Logf("8 writers, %v rounds, %d conflicts", done, conflicts.Load())
	if conflicts.Load() == 0 {
		t.Error("no conflict occurred, so this proves nothing")
	}
	cm, err := client.CoreV1().ConfigMaps("kube-public").Get(t.Context(), "cluster-info", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for writer, rounds := range done {
		for round := range rounds {
			if key := fmt.Sprintf("writer-%d-%d", writer, round); cm.Data[key] != "kept" {
				t.Errorf("%s was lost", key)
			}
		}
	}
	for _, tok := range tokens {
		if err := clusterinfo.Verify([]byte(cm.Data["kubeconfig"]), cm.Data["jws-kubeconfig-"+tok.ID()], tok); err != nil {
			t.Error(err)
		}
	}
}

// denySigner denies writes only by the bootstrapsigner controller.
const denySigner = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: deny-signer}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [configmaps]}
  validations:
  - {expression: "request.userInfo.username != 'system:serviceaccount:kube-system:bootstrap-signer'", message: not now}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: deny-signer}
spec: {policyName: deny-signer, validationActions: [Deny]}
`

// countDenials returns how often the API server denied a write by the signer.
func countDenials(t *testing.T, p labtest.Admin) int {
	t.Helper()
	code, metrics, stderr := p.Exec(t, "kubectl", "get", "--raw", "/metrics")
	if code != 0 {
		t.Fatal(stderr)
	}
	found := regexp.MustCompile(`(?m)^apiserver_validating_admission_policy_check_total\{.*enforcement_action="deny".*policy="deny-signer".*\} (\d+)$`).FindStringSubmatch(metrics)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSign_LostUpdate denies one write by the real signer, which then does not try
// again.
func TestSign_LostUpdate(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	createSignedTokens(t, p, 1)
	policy := t.TempDir() + "/policy.yaml"
	if err := os.WriteFile(policy, []byte(denySigner), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := p.Exec(t, "kubectl", "apply", "-f", policy); code != 0 {
		t.Fatal(stderr)
	}
	signer := p.ClientAs(t, "system:serviceaccount:kube-system:bootstrap-signer").CoreV1().ConfigMaps("kube-public")
	p.Eventually(t, "denial", func() bool {
		cm, err := signer.Get(t.Context(), "cluster-info", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = signer.Update(t.Context(), cm, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "not now")
	})
	var code, before int
	var stdout, stderr string
	if err := labtest.RetryTimeout([]string{"token", "create", "--wait", "--timeout", "4s"}, func(args []string) bool {
		before = countDenials(t, p)
		code, stdout, stderr = p.Run(t, args...)
		return code == 4 && len(stdout) == len("abcdef.0123456789abcdef") && strings.Contains(stderr, "has missed this one, or has stopped since") && strings.Contains(stderr, "(SignatureMissing)")
	}); err != nil {
		t.Errorf("create --wait: exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	p.Eventually(t, "denial of the signer", func() bool { return countDenials(t, p) > before })
	if code, _, stderr := p.Exec(t, "kubectl", "delete", "-f", policy); code != 0 {
		t.Fatal(stderr)
	}
	time.Sleep(labtest.SmallOrFull(3*time.Second, time.Minute)) // a signer that should do nothing gets time to act
	code, stdout, stderr = p.Run(t, "cluster-info", "verify")
	if code != 4 || !strings.Contains(stdout, "MISSING") {
		t.Fatalf("the signer's update was not denied: exit code %d\n%s%s", code, stdout, stderr)
	}
	p.MustRun(t, "cluster-info", "sign")
	p.MustRun(t, "cluster-info", "verify")
	wantIdleSigner(t, p)
}
