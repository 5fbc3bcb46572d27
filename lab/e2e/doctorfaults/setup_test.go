package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/kubernetes"
)

// setupLab is a control plane that nobody has prepared, as it was in the beginning.
type setupLab struct {
	program
	admin  kubernetes.Interface
	before dump
}

func (l setupLab) dump(t *testing.T) dump {
	t.Helper()
	return dumpAll(t, l.admin)
}

// TestSetup takes one bare control plane from state to state: each part begins
// with what the one before has left.
func TestSetup(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	l := setupLab{program: p, admin: p.as(t, "")}
	l.before = l.dump(t)
	t.Run("without a right", func(t *testing.T) { l.lacksOneRight(t) })
	same(t, "after a setup without rights", l.dump(t), l.before)

	byKubeadm := l.preparedByKubeadm(t)
	t.Run("after kubeadm", func(t *testing.T) { l.leavesKubeadmAlone(t, byKubeadm) })
	l.deleteAll(t, byKubeadm.without(l.before))

	l.eightAtOnce(t)
	made := l.dump(t)
	t.Run("as kubeadm", func(t *testing.T) { l.madeAsKubeadm(t, made, byKubeadm) })
	t.Run("join", func(t *testing.T) { l.joins(t, "on-setup") })
	t.Run("second group", func(t *testing.T) { l.secondGroup(t) })
	t.Run("force without a right", func(t *testing.T) { l.forceLacksOneRight(t) })
	t.Run("remove without a right", func(t *testing.T) { l.removeLacksOneRight(t) })
	l.must(t, "setup", "--remove")
	same(t, "after setup --remove", l.dump(t), l.before)

	t.Run("manifests", func(t *testing.T) { l.manifests(t, made) })
	l.must(t, "setup", "--remove")
	same(t, "after the manifests and setup --remove", l.dump(t), l.before)
}

// kubeadmConfig is what kubeadm would ask the network for, or the machine. Where
// its certificates are is added to it.
const kubeadmConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: kubead.m0123456789abcde
localAPIEndpoint:
  advertiseAddress: 10.0.0.1
nodeRegistration:
  criSocket: unix:///run/none.sock
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.2
encryptionAlgorithm: ECDSA-P256
`

// prepareWithKubeadm does what kubeadm init does that nodes may join.
func (p program) prepareWithKubeadm(t *testing.T) {
	t.Helper()
	p.kubeadmInit(t, "bootstrap-token", "--skip-token-print", "--kubeconfig", p.server.Kubeconfig)
	p.eventually(t, "signature", func() bool { code, _, _ := p.run(t, "cluster-info", "verify"); return code == 0 })
}

// uploadCerts does what kubeadm init does that further control planes may join. It
// makes a token that nobody joins with.
func (p program) uploadCerts(t *testing.T) {
	t.Helper()
	p.kubeadmInit(t, "certs", "all")
	p.kubeadmInit(t, "upload-certs", "--upload-certs", "--kubeconfig", p.server.Kubeconfig)
}

// kubeadmInit runs one phase of kubeadm init.
func (p program) kubeadmInit(t *testing.T, phase string, args ...string) {
	t.Helper()
	dir := p.server.Dir + "-kubeadm"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "kubeadm.yaml")
	if err := os.WriteFile(config, []byte(kubeadmConfig+"certificatesDir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := p.exec(t, "kubeadm", append([]string{"init", "phase", phase, "--config", config}, args...)...)
	if code != 0 {
		t.Fatalf("kubeadm init phase %s: exit code %d\n%s", phase, code, stderr)
	}
}

func (l setupLab) preparedByKubeadm(t *testing.T) dump {
	t.Helper()
	l.prepareWithKubeadm(t)
	return l.dump(t)
}

// leavesKubeadmAlone wants nothing changed by setup, nor by its removal.
func (l setupLab) leavesKubeadmAlone(t *testing.T, byKubeadm dump) {
	t.Helper()
	for _, endpoint := range [][]string{nil, {"--endpoint", l.server.URL()}} {
		out := l.must(t, append([]string{"setup"}, endpoint...)...)
		if strings.Count(out, "unchanged") != 8 || !strings.Contains(out, "nothing to change") {
			t.Errorf("setup %v says\n%s", endpoint, out)
		}
	}
	same(t, "after setup", l.dump(t), byKubeadm)
	if out := l.must(t, "setup", "--remove"); strings.Count(out, "kept") != 8 || strings.Contains(out, "deleted") {
		t.Errorf("setup --remove says\n%s", out)
	}
	same(t, "after setup --remove", l.dump(t), byKubeadm)
	if !maps.Equal(l.dump(t).versions(), byKubeadm.versions()) {
		t.Error("an object was written")
	}
}

func (l setupLab) deleteAll(t *testing.T, names []string) {
	t.Helper()
	for _, name := range append(names, "Secret kube-system bootstrap-token-kubead") {
		args := strings.Fields(name)
		if len(args) == 3 {
			args = []string{args[0], args[2], "-n", args[1]}
		}
		if code, _, stderr := l.exec(t, "kubectl", append([]string{"delete"}, args...)...); code != 0 {
			t.Fatalf("delete %s: %s", name, stderr)
		}
	}
	same(t, "after what kubeadm made was deleted", l.dump(t), l.before)
}

// eightAtOnce wants each of eight setups at one time to succeed.
func (l setupLab) eightAtOnce(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if code, stdout, stderr := l.run(t, "setup", "--endpoint", l.server.URL()); code != 0 {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
	all.Wait()
	if out := l.must(t, "setup", "--endpoint", l.server.URL()); strings.Count(out, "unchanged") != 8 {
		t.Errorf("after eight setups, one says\n%s", out)
	}
}

// madeAsKubeadm compares, field by field, all that setup made.
func (l setupLab) madeAsKubeadm(t *testing.T, made, byKubeadm dump) {
	t.Helper()
	names := made.without(l.before)
	if len(names) != 8 {
		t.Errorf("setup made %q", names)
	}
	for _, name := range names {
		if made[name].Labels["app.kubernetes.io/managed-by"] != "bootctl" {
			t.Errorf("%s has the labels %v", name, made[name].Labels)
		}
	}
	same(t, "made by setup", made.only(names).bare(), byKubeadm.only(names).bare())
	t.Logf("setup made %q; kubeadm besides: %q", names, byKubeadm.without(made))
}

// joins joins a node with a new token of the groups.
func (l setupLab) joins(t *testing.T, node string, groups ...string) {
	t.Helper()
	args := []string{"token", "create"}
	for _, group := range groups {
		args = append(args, "--groups", group)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(l.must(t, args...)), 0o600); err != nil {
		t.Fatal(err)
	}
	who := l.must(t, "join", l.server.URL(), "--token-file", token, "--ca-file", l.server.CAFile, "--node-name", node,
		"--out-dir", t.TempDir(), "-o", "jsonpath={.username} in {.groups[0]}")
	if who != "system:node:"+node+" in system:nodes" {
		t.Errorf("the node is %s", who)
	}
}

// secondGroup prepares the cluster for another group, and takes that back.
func (l setupLab) secondGroup(t *testing.T) {
	t.Helper()
	const group = "system:bootstrappers:nodes"
	first := l.dump(t)
	rbac := first.without(dump{"ConfigMap kube-public cluster-info": {}})
	l.must(t, "setup", "--group", group)
	both := l.dump(t)
	if !maps.Equal(both.only(rbac).versions(), first.only(rbac).versions()) {
		t.Error("an object of the first group was written")
	}
	if names := both.without(first); len(names) != 7 {
		t.Errorf("for the second group it made %q", names)
	}
	l.joins(t, "of-second-group", group)
	if out := l.must(t, "setup", "--remove", "--group", group); !strings.Contains(out, "kept, since nodes of another group need it") {
		t.Errorf("setup --remove says\n%s", out)
	}
	same(t, "after the second group was removed", l.dump(t).bare(), first.bare())
	if !maps.Equal(l.dump(t).only(rbac).versions(), first.only(rbac).versions()) {
		t.Error("an object of the first group was written by the removal")
	}
	l.joins(t, "of-first-group")
}

// manifests lets kubectl make what setup prints.
func (l setupLab) manifests(t *testing.T, made dump) {
	t.Helper()
	yaml := l.must(t, "setup", "--endpoint", l.server.URL(), "-o", "yaml")
	apply := l.server.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(yaml)
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	applied := l.dump(t)
	same(t, "made by kubectl", applied.bare(), made.bare())
	for _, name := range made.without(l.before) {
		if !maps.Equal(applied[name].Labels, made[name].Labels) {
			t.Errorf("%s has the labels %v, want %v", name, applied[name].Labels, made[name].Labels)
		}
	}
	if out := l.must(t, "setup"); strings.Contains(out, "created") || strings.Contains(out, "updated") {
		t.Errorf("after it, setup says\n%s", out)
	}
	l.joins(t, "on-manifests")
}
