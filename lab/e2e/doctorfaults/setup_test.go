package doctorfaults

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/lab/labtest"
)

// setupLab is a control plane on which neither setup nor kubeadm has run.
type setupLab struct {
	labtest.Admin
	admin  kubernetes.Interface
	before clusterState
}

func (l setupLab) readState(t *testing.T) clusterState {
	t.Helper()
	return readClusterState(t, l.admin)
}

// TestSetup changes one bare control plane step by step: each step uses the result of
// the previous one.
func TestSetup(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdmin(t)
	l := setupLab{Admin: p, admin: p.ClientAs(t, "")}
	l.before = l.readState(t)
	t.Run("without a permission", func(t *testing.T) { l.applyWithoutPermission(t) })
	wantSameState(t, "after setup without permissions", l.readState(t), l.before)

	byKubeadm := l.preparedByKubeadm(t)
	t.Run("after kubeadm", func(t *testing.T) { l.leavesKubeadmAlone(t, byKubeadm) })
	l.deleteAll(t, byKubeadm.missingFrom(l.before))

	l.applyConcurrently(t)
	made := l.readState(t)
	t.Run("as kubeadm", func(t *testing.T) { l.equalsKubeadm(t, made, byKubeadm) })
	t.Run("join", func(t *testing.T) { l.joinNode(t, "on-setup") })
	t.Run("second group", func(t *testing.T) { l.addAndRemoveGroup(t) })
	t.Run("force without a permission", func(t *testing.T) { l.forceWithoutPermission(t) })
	t.Run("remove without a permission", func(t *testing.T) { l.removeWithoutPermission(t) })
	l.MustRun(t, "setup", "--remove")
	wantSameState(t, "after setup --remove", l.readState(t), l.before)

	t.Run("manifests", func(t *testing.T) { l.applyManifests(t, made) })
	l.MustRun(t, "setup", "--remove")
	wantSameState(t, "after the manifests and setup --remove", l.readState(t), l.before)
}

// kubeadmConfig has the values that kubeadm would otherwise detect. The directory of its
// certificates is added to it.
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

// prepareWithKubeadm runs the phases of kubeadm init that let nodes join.
func prepareWithKubeadm(t *testing.T, p labtest.Admin) {
	t.Helper()
	runKubeadmInit(t, p, "bootstrap-token", "--skip-token-print", "--kubeconfig", p.Server.Kubeconfig)
	p.Eventually(t, "signature", func() bool { code, _, _ := p.Run(t, "cluster-info", "verify"); return code == 0 })
}

// uploadCertsWithKubeadm runs the phases of kubeadm init that let more control plane nodes
// join. They create a token that no node uses.
func uploadCertsWithKubeadm(t *testing.T, p labtest.Admin) {
	t.Helper()
	runKubeadmInit(t, p, "certs", "all")
	runKubeadmInit(t, p, "upload-certs", "--upload-certs", "--kubeconfig", p.Server.Kubeconfig)
}

// runKubeadmInit runs one phase of kubeadm init.
func runKubeadmInit(t *testing.T, p labtest.Admin, phase string, args ...string) {
	t.Helper()
	dir := p.Server.Dir + "-kubeadm"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "kubeadm.yaml")
	if err := os.WriteFile(config, []byte(kubeadmConfig+"certificatesDir: "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := p.Exec(t, "kubeadm", append([]string{"init", "phase", phase, "--config", config}, args...)...)
	if code != 0 {
		t.Fatalf("kubeadm init phase %s: exit code %d\n%s", phase, code, stderr)
	}
}

func (l setupLab) preparedByKubeadm(t *testing.T) clusterState {
	t.Helper()
	prepareWithKubeadm(t, l.Admin)
	return l.readState(t)
}

// leavesKubeadmAlone checks that neither setup nor setup --remove changes anything.
func (l setupLab) leavesKubeadmAlone(t *testing.T, byKubeadm clusterState) {
	t.Helper()
	for _, endpoint := range [][]string{nil, {"--endpoint", l.Server.URL()}} {
		out := l.MustRun(t, append([]string{"setup"}, endpoint...)...)
		if strings.Count(out, "unchanged") != 8 || !strings.Contains(out, "nothing to change") {
			t.Errorf("setup %v prints\n%s", endpoint, out)
		}
	}
	wantSameState(t, "after setup", l.readState(t), byKubeadm)
	if out := l.MustRun(t, "setup", "--remove"); strings.Count(out, "kept") != 8 || strings.Contains(out, "deleted") {
		t.Errorf("setup --remove prints\n%s", out)
	}
	wantSameState(t, "after setup --remove", l.readState(t), byKubeadm)
	if !maps.Equal(l.readState(t).resourceVersions(), byKubeadm.resourceVersions()) {
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
		if code, _, stderr := l.Exec(t, "kubectl", append([]string{"delete"}, args...)...); code != 0 {
			t.Fatalf("delete %s: %s", name, stderr)
		}
	}
	wantSameState(t, "after kubeadm's objects were deleted", l.readState(t), l.before)
}

// applyConcurrently checks that eight concurrent setups succeed.
func (l setupLab) applyConcurrently(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if code, stdout, stderr := l.Run(t, "setup", "--endpoint", l.Server.URL()); code != 0 {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
	all.Wait()
	if out := l.MustRun(t, "setup", "--endpoint", l.Server.URL()); strings.Count(out, "unchanged") != 8 {
		t.Errorf("after eight concurrent runs, setup prints\n%s", out)
	}
}

// equalsKubeadm compares, field by field, everything that setup created.
func (l setupLab) equalsKubeadm(t *testing.T, made, byKubeadm clusterState) {
	t.Helper()
	names := made.missingFrom(l.before)
	if len(names) != 8 {
		t.Errorf("setup created %q", names)
	}
	for _, name := range names {
		if made[name].Labels["app.kubernetes.io/managed-by"] != "bootctl" {
			t.Errorf("%s has the labels %v", name, made[name].Labels)
		}
	}
	wantSameState(t, "created by setup", made.subset(names).withoutMetadata(), byKubeadm.subset(names).withoutMetadata())
	t.Logf("setup created %q; only kubeadm created %q", names, byKubeadm.missingFrom(made))
}

// joinNode joins a node with a new token in the groups.
func (l setupLab) joinNode(t *testing.T, node string, groups ...string) {
	t.Helper()
	args := []string{"token", "create"}
	for _, group := range groups {
		args = append(args, "--groups", group)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(l.MustRun(t, args...)), 0o600); err != nil {
		t.Fatal(err)
	}
	who := l.MustRun(t, "join", l.Server.URL(), "--token-file", token, "--ca-file", l.Server.CAFile, "--node-name", node,
		"--out-dir", t.TempDir(), "-o", "jsonpath={.username} in {.groups[0]}")
	if who != "system:node:"+node+" in system:nodes" {
		t.Errorf("the node authenticates as %s", who)
	}
}

// addAndRemoveGroup sets up the cluster for another group, and removes that setup.
func (l setupLab) addAndRemoveGroup(t *testing.T) {
	t.Helper()
	const group = "system:bootstrappers:nodes"
	first := l.readState(t)
	rbac := first.missingFrom(clusterState{"ConfigMap kube-public cluster-info": {}})
	l.MustRun(t, "setup", "--group", group)
	both := l.readState(t)
	if !maps.Equal(both.subset(rbac).resourceVersions(), first.subset(rbac).resourceVersions()) {
		t.Error("an object of the first group was written")
	}
	if names := both.missingFrom(first); len(names) != 7 {
		t.Errorf("for the second group, setup created %q", names)
	}
	l.joinNode(t, "of-second-group", group)
	if out := l.MustRun(t, "setup", "--remove", "--group", group); !strings.Contains(out, "kept: nodes of another group need it") {
		t.Errorf("setup --remove prints\n%s", out)
	}
	wantSameState(t, "after the second group was removed", l.readState(t).withoutMetadata(), first.withoutMetadata())
	if !maps.Equal(l.readState(t).subset(rbac).resourceVersions(), first.subset(rbac).resourceVersions()) {
		t.Error("an object of the first group was written by the removal")
	}
	l.joinNode(t, "of-first-group")
}

// applyManifests applies the manifests from setup -o yaml with kubectl.
func (l setupLab) applyManifests(t *testing.T, made clusterState) {
	t.Helper()
	yaml := l.MustRun(t, "setup", "--endpoint", l.Server.URL(), "-o", "yaml")
	apply := l.Server.Command("kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(yaml)
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
	applied := l.readState(t)
	wantSameState(t, "created by kubectl", applied.withoutMetadata(), made.withoutMetadata())
	for _, name := range made.missingFrom(l.before) {
		if !maps.Equal(applied[name].Labels, made[name].Labels) {
			t.Errorf("%s has the labels %v, want %v", name, applied[name].Labels, made[name].Labels)
		}
	}
	if out := l.MustRun(t, "setup"); strings.Contains(out, "created") || strings.Contains(out, "updated") {
		t.Errorf("after kubectl apply, setup prints\n%s", out)
	}
	l.joinNode(t, "on-manifests")
}
