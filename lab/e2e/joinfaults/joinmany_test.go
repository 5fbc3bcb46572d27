package joinfaults

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

// TestJoin_OneNodeConcurrently runs 16 concurrent joins of one node in one directory: one
// of them joins, and the others find that the node has already joined.
func TestJoin_OneNodeConcurrently(t *testing.T) {
	const joins = 16
	j := newJoiner(t)
	for round := range labtest.SmallOrFull(3, 20) {
		node, dir := fmt.Sprintf("same-%d", round), t.TempDir()
		outputs := make([]string, joins)
		var group sync.WaitGroup
		for i := range joins {
			group.Go(func() {
				code, stdout, stderr := j.Run(t, j.args(node, "--out-dir", dir, "-o", "jsonpath={.state} {.username}")...)
				if code != 0 {
					t.Errorf("exit code %d\n%s", code, stderr)
				}
				outputs[i] = stdout
			})
		}
		group.Wait()
		slices.Sort(outputs)
		want := slices.Repeat([]string{"already-joined system:node:" + node}, joins)
		want[joins-1] = "joined system:node:" + node
		if !slices.Equal(outputs, want) {
			t.Errorf("%s: the joins print %q", node, outputs)
		}
		for _, wrong := range j.incompleteFiles(join.OutDir(dir)) {
			t.Errorf("%s: %s", node, wrong)
		}
		if pairs, _ := filepath.Glob(filepath.Join(dir, "kubelet-client-2*.pem")); len(pairs) != 1 {
			t.Errorf("%s: certificates %q, want one", node, pairs)
		}
		if n := csrsByNode(t, j.Admin)[node]; n != 1 {
			t.Errorf("%s: %d CSRs, want one", node, n)
		}
		code, who, stderr := j.Exec(t, "kubectl", "auth", "whoami", "--kubeconfig", join.OutDir(dir).Kubeconfig(), "-o", "jsonpath={.status.userInfo.username}")
		if code != 0 || who != "system:node:"+node {
			t.Errorf("%s: the node authenticates as %q\n%s", node, who, stderr)
		}
	}
}

// apiCallLine matches the line for a request, with the method and the path.
var apiCallLine = regexp.MustCompile(`(?m)^bootctl: request: (\S+) (\S+) .*$`)

// listPath matches the path of the collection of CSRs, and not of a single CSR.
var listPath = regexp.MustCompile(`/certificatesigningrequests(\?|$)`)

// TestJoin_ManyNodes joins many nodes with one token, and compares the throughput with a
// loop that only requests certificates.
func TestJoin_ManyNodes(t *testing.T) {
	j := newJoiner(t)
	n, atOnce := labtest.SmallOrFull(60, 1000), labtest.SmallOrFull(20, 100)
	bare := j.timeBareRequests(t, n, atOnce)
	dir := t.TempDir()
	calls := make([]int, n)
	var jobs []func()
	for i := range n {
		jobs = append(jobs, func() {
			node := fmt.Sprintf("many-%d", i)
			code, _, stderr := labtest.RunCommand(t, j.lowPriorityCommand(j.args(node, "--out-dir", filepath.Join(dir, node), "-v", "1")...))
			lines := apiCallLine.FindAllStringSubmatch(stderr, -1)
			calls[i] = len(lines)
			if code != 0 || len(lines) == 0 || len(lines) > 5 {
				t.Errorf("%s: exit code %d after %d requests\n%s", node, code, len(lines), stderr)
			}
			for _, line := range lines {
				if line[1] == "GET" && listPath.MatchString(line[2]) && !strings.Contains(line[2], "fieldSelector=metadata.name%3D") {
					t.Errorf("%s: an unfiltered list: %s", node, line[0])
				}
			}
		})
	}
	begin := time.Now()
	runConcurrently(atOnce, jobs)
	took := time.Since(begin)
	asked := csrsByNode(t, j.Admin)
	for i := range n {
		node := fmt.Sprintf("many-%d", i)
		if asked[node] != 1 {
			t.Errorf("%s created %d CSRs", node, asked[node])
		}
		for _, wrong := range j.incompleteFiles(join.OutDir(filepath.Join(dir, node))) {
			t.Errorf("%s: %s", node, wrong)
		}
	}
	rate := func(took time.Duration) float64 { return float64(n) / took.Seconds() }
	t.Logf("%d joins, %d at a time: %.1f a second, at most %d requests each; a bare loop gets %.1f certificates a second",
		n, atOnce, rate(took), slices.Max(calls), rate(bare))
}

// lowPriorityCommand returns bootctl with low priority, as if on another machine: otherwise, a
// hundred of them would starve the control plane.
func (j joiner) lowPriorityCommand(args ...string) *exec.Cmd {
	bootctl := j.Server.Command("bootctl", args...)
	cmd := exec.Command("nice", append([]string{"-n", "19"}, bootctl.Args...)...)
	cmd.Env = bootctl.Env
	return cmd
}

// timeBareRequests only requests n certificates with the token, and returns the elapsed
// time.
func (j joiner) timeBareRequests(t *testing.T, n, atOnce int) time.Duration {
	t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: j.Server.URL(), BearerToken: string(labtest.ReadFile(t, j.token)), QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAFile: j.Server.CAFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	var jobs []func()
	for i := range n {
		jobs = append(jobs, func() {
			if err := requestCertificate(t, client, fmt.Sprintf("bare-%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	begin := time.Now()
	runConcurrently(atOnce, jobs)
	return time.Since(begin)
}

func requestCertificate(t *testing.T, client kubernetes.Interface, node string) error {
	t.Helper()
	key, err := csr.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	wanted, err := csr.NewNodeRequest(node, key, rand.Reader)
	if err != nil {
		return err
	}
	requests := client.CertificatesV1().CertificateSigningRequests()
	made, err := requests.Create(t.Context(), wanted, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	changes, err := requests.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + made.Name, ResourceVersion: made.ResourceVersion})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for change := range changes.ResultChan() {
		if object, ok := change.Object.(*certificatesv1.CertificateSigningRequest); ok && len(object.Status.Certificate) > 0 {
			return nil
		}
	}
	return errors.New(node + ": the watch ended without a certificate")
}

// runConcurrently runs the jobs with the given number of workers.
func runConcurrently(workers int, jobs []func()) {
	queue := make(chan func())
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for job := range queue {
				job()
			}
		})
	}
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	group.Wait()
}
