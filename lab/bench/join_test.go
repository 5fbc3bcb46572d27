package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// joins holds the compared ways to join a node.
type joins struct {
	*labtest.Server
	token, bare string // files
}

// BenchmarkJoin compares a complete bootctl join with barejoin, which does only what is
// required, and with a real kubelet that bootstraps itself, from its start until its
// kubeconfig exists. They run alternately.
func BenchmarkJoin(b *testing.B) {
	server, err := labtest.Start(filepath.Join(b.TempDir(), "lab"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Stop(); err != nil {
			b.Error(err)
		}
	})
	j := joins{server, filepath.Join(b.TempDir(), "token"), filepath.Join(b.TempDir(), "barejoin")}
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", j.bare, "./testdata/barejoin").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	timed(b, server.Command("bootctl", "setup", "--endpoint", server.URL()))
	_, token := timed(b, server.Command("bootctl", "token", "create", "--wait"))
	if err := os.WriteFile(j.token, []byte(token), 0o600); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	var ours, bare, kubelet []time.Duration
	for i := range rounds {
		took, _ := timed(b, server.Command("bootctl", "join", server.URL(), "--token-file", j.token, "--ca-file", server.CAFile,
			"--node-name", fmt.Sprintf("ours-%d", i), "--out-dir", filepath.Join(dir, fmt.Sprintf("ours-%d", i))))
		ours = append(ours, took)
		node := fmt.Sprintf("bare-%d", i)
		took, _ = timed(b, exec.Command(j.bare, server.URL(), server.CAFile, j.token, node, filepath.Join(dir, node)))
		bare = append(bare, took)
		if took, ok := j.kubelet(b, fmt.Sprintf("kubelet-%d", i)); ok {
			kubelet = append(kubelet, took)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(ours).Microseconds())/1000, "join-ms")
	b.ReportMetric(float64(median(bare).Microseconds())/1000, "bare-ms")
	b.ReportMetric(float64(median(ours))/float64(median(bare)), "of-bare")
	if len(kubelet) > 0 {
		b.ReportMetric(float64(median(kubelet).Microseconds())/1000, "kubelet-ms")
		b.ReportMetric(float64(median(ours))/float64(median(kubelet)), "of-kubelet")
	}
}

// kubelet starts the kubelet that make kubelet has built, as root, and returns the time
// until it has its kubeconfig. Then it kills the kubelet.
func (j joins) kubelet(b *testing.B, node string) (time.Duration, bool) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), node)
	config, bootstrap, kubeconfig := filepath.Join(dir, "config"), filepath.Join(dir, "bootstrap"), filepath.Join(dir, "kubeconfig")
	// In its mount namespace, /var/lib/kubelet is a separate directory.
	script := `mkdir -p /var/lib/kubelet; mount -t tmpfs none /var/lib/kubelet; exec "$@"`
	bin := j.Command("kubelet").Path
	cmd := exec.Command("unshare", "-m", "sh", "-euc", script, "sh", bin, "--config", config, "--bootstrap-kubeconfig", bootstrap,
		"--kubeconfig", kubeconfig, "--hostname-override", node, "--cert-dir", filepath.Join(dir, "pki"), "--root-dir", filepath.Join(dir, "root"))
	if _, err := os.Stat(bin); err != nil || cmd.Err != nil || os.Getuid() != 0 {
		return 0, false
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, kubeletConfig, j.CAFile, dir, dir), 0o600); err != nil {
		b.Fatal(err)
	}
	token, err := os.ReadFile(j.token)
	if err != nil {
		b.Fatal(err)
	}
	if err := j.WriteBootstrapKubeconfig(bootstrap, strings.TrimSpace(string(token))); err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it was killed
	defer cmd.Process.Kill() //nolint:errcheck // it may have exited
	for time.Since(begin) < 30*time.Second {
		if _, err := os.Stat(kubeconfig); err == nil {
			return time.Since(begin), true
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatal("the kubelet has no kubeconfig after 30 seconds")
	return 0, false
}

// kubeletConfig is for a machine without a container runtime. Without rotation, the
// kubelet writes its kubeconfig when it has the certificate.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: %s}}
address: 127.0.0.1
port: 1
healthzPort: 0
containerRuntimeEndpoint: unix://%s/none.sock
podLogsDir: %s/pods
rotateCertificates: false
failSwapOn: false
failCgroupV1: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
`
