// Package doctorfaults plants faults in a cluster and checks that bootctl doctor finds
// each one and that the printed fix repairs it. It also runs bootctl setup on bare
// clusters and on kubeadm clusters.
package doctorfaults

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/pki"
)

// A doctorFault is a fault of the cluster, with doctor's finding and the
// repair.
type doctorFault struct {
	name  string
	plant func(t *testing.T, l *doctorLab)
	args  []string // arguments of doctor, before and after the fix
	// want is the finding, as STATUS REASON CHECK, and also has the findings that
	// follow from the fault. No other findings are allowed.
	want string
	also []string
	// repair applies a fix that is not a command. If it is nil, the printed command
	// is run.
	repair func(t *testing.T, l *doctorLab, fix string)
	// restarted means that the fix is a component flag, with which the control plane
	// is restarted next.
	restarted bool
}

// doctorLab is a control plane with one valid token, and the means to plant faults.
type doctorLab struct {
	labtest.Admin
	admin kubernetes.Interface
	ca    *pki.CA
	other *labtest.Server // another cluster, for faults that need one
	proxy *faultproxy.Proxy

	kubeconfig string // doctor's kubeconfig; empty means the administrator's
	fix        string // the fix of the last fault that a restart repairs
	found      int    // the number of faults that doctor has found
}

func newDoctorLab(t *testing.T) *doctorLab {
	t.Helper()
	l := &doctorLab{Admin: labtest.NewAdmin(t)}
	l.admin = l.ClientAs(t, "")
	var err error
	if l.ca, err = pki.LoadCA(l.Server.Dir); err != nil {
		t.Fatal(err)
	}
	if l.proxy, err = faultproxy.Before(l.Server); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.proxy.Close() })
	l.MustRun(t, "setup", "--endpoint", l.Server.URL())
	l.waitForClean(t, "prepared by setup")
	l.MustRun(t, "token", "create")
	l.waitForClean(t, "with a token")
	return l
}

// doctor returns the exit code, the findings that are not OK as STATUS REASON CHECK, and
// the report.
func (l *doctorLab) doctor(t *testing.T, args ...string) (int, []string, output.DoctorReport) {
	t.Helper()
	args = append([]string{"doctor", "-o", "json"}, args...)
	if l.kubeconfig != "" {
		args = append(args, "--kubeconfig", l.kubeconfig)
	}
	code, stdout, stderr := l.Run(t, args...)
	var report output.DoctorReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("bootctl doctor: exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	var bad []string
	for _, item := range report.Items {
		isFault := item.Status == "WARN" || item.Status == "FAIL"
		if isFault {
			bad = append(bad, item.Status+" "+item.Reason+" "+item.Check)
		}
		if isFault == (item.Fix == "") {
			t.Errorf("%s is %s and has the fix %q", item.Check, item.Status, item.Fix)
		}
	}
	slices.Sort(bad)
	return code, bad, report
}

// waitUntil reports whether done returns true before the timeout.
func waitUntil(done func() bool) bool {
	wait := 50 * time.Millisecond
	for deadline := time.Now().Add(labtest.Hang); time.Now().Before(deadline); wait = min(2*wait, time.Second) {
		if done() {
			return true
		}
		time.Sleep(wait)
	}
	return false
}

// waitForClean waits until doctor finds nothing, not even a WARN.
func (l *doctorLab) waitForClean(t *testing.T, when string, args ...string) {
	t.Helper()
	var code int
	var bad []string
	if !waitUntil(func() bool {
		code, bad, _ = l.doctor(t, append(args, "--strict")...)
		return code == 0 && len(bad) == 0
	}) {
		t.Errorf("%s, doctor exits with code %d and finds %q", when, code, bad)
	}
}

// waitForFinding waits until doctor finds only the fault, and returns its fix.
func (l *doctorLab) waitForFinding(t *testing.T, f doctorFault) string {
	t.Helper()
	want := slices.Sorted(slices.Values(append([]string{f.want}, f.also...)))
	var code int
	var bad []string
	var report output.DoctorReport
	if !waitUntil(func() bool { code, bad, report = l.doctor(t, f.args...); return slices.Equal(bad, want) }) {
		t.Errorf("found %q, want %q", bad, want)
	}
	isFail := func(finding string) bool { return strings.HasPrefix(finding, "FAIL ") }
	if failed := slices.ContainsFunc(bad, isFail); failed != (code == 5) || !failed && code != 0 {
		t.Errorf("exit code %d for %q", code, bad)
	}
	for _, item := range report.Items {
		if item.Status+" "+item.Reason+" "+item.Check == f.want {
			t.Logf("%s\n message: %s\n fix: %s", f.want, item.Message, item.Fix)
			return item.Fix
		}
	}
	t.Fatalf("no finding %s", f.want)
	return ""
}

// testFault plants a fault, and checks that doctor finds it and that its fix repairs it.
func (l *doctorLab) testFault(t *testing.T, f doctorFault) {
	t.Helper()
	f.plant(t, l)
	fix := l.waitForFinding(t, f)
	if t.Failed() {
		t.FailNow()
	}
	l.found++
	if f.restarted {
		l.fix = fix
		return
	}
	if f.repair == nil {
		f.repair = runPrintedFix
	}
	f.repair(t, l, fix)
	l.waitForClean(t, "after the fix", f.args...)
}

// runPrintedFix runs the first command of a printed fix. It replaces the address and
// confirms the prompt, as a person would.
func runPrintedFix(t *testing.T, l *doctorLab, fix string) {
	t.Helper()
	command, _, _ := strings.Cut(fix, "; or ")
	command = strings.ReplaceAll(command, "ADDRESS", l.Server.URL())
	if strings.HasPrefix(command, "bootctl cluster-info publish ") {
		command += " --yes"
	}
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-euc", command)
	cmd.Env = append(l.Server.Command("bootctl").Env, "PATH="+bin)
	if code, stdout, stderr := labtest.RunCommand(t, cmd); code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", command, code, stdout, stderr)
	}
}

// restart stops the control plane and starts it with the flags. It must be called by the
// test's own goroutine.
func (l *doctorLab) restart(t *testing.T, flags ...string) {
	t.Helper()
	if err := l.Server.Stop(); err != nil {
		t.Fatal(err)
	}
	l.waitForFinding(t, doctorFault{want: "FAIL Unreachable server"})
	if err := l.Server.RestartWith(flags...); err != nil {
		t.Fatal(err)
	}
}

// flagsOfFix returns the API server flags in the last fix.
func (l *doctorLab) flagsOfFix(t *testing.T) string {
	t.Helper()
	flag := regexp.MustCompile(`--([a-z-]+=[a-z]+)`).FindStringSubmatch(l.fix)
	if flag == nil {
		t.Fatalf("no flag in %q", l.fix)
	}
	return "--kube-apiserver-arg=" + flag[1]
}

// testFaults plants the faults, one at a time.
func (l *doctorLab) testFaults(t *testing.T, faults ...doctorFault) {
	t.Helper()
	for _, f := range faults {
		if !t.Run(strings.ReplaceAll(f.name, "/", "-"), func(t *testing.T) { l.testFault(t, f) }) {
			t.FailNow() // the fault remains, and every other row would find it
		}
	}
}

// TestDoctor_ClusterFaults plants faults that an administrator or a user can cause.
func TestDoctor_ClusterFaults(t *testing.T) {
	t.Parallel() // most of the time, it waits for conditions that take 10 s
	l := newDoctorLab(t)
	other := labtest.NewAdmin(t)
	l.other = other.Server
	prepareWithKubeadm(t, other)
	uploadCertsWithKubeadm(t, other)
	(&doctorLab{Admin: other}).waitForClean(t, "prepared by kubeadm")
	l.testFaults(t, slices.Concat(objectFaults(), clusterInfoFaults(), tokenFaults(), anonymousFaults(), accessFaults(), requestFaults())...)
	t.Logf("%d faults were found", l.found)
	if l.found < 25 {
		t.Error("too few faults to prove anything")
	}
}

// TestDoctor_ControlPlaneFaults restarts a control plane with other flags. Each restart
// repairs the previous fault and plants the next.
func TestDoctor_ControlPlaneFaults(t *testing.T) {
	t.Parallel()
	l := newDoctorLab(t)
	test := func(faults ...doctorFault) { t.Helper(); l.testFaults(t, faults...) }
	l.restart(t, "--without=bootstrapsigner,tokencleaner")
	l.waitForClean(t, "without bootstrapsigner and tokencleaner, before they have work")
	test(signatureFaults()...)
	l.restart(t, "--without=csrsigning")
	l.waitForClean(t, "with bootstrapsigner")
	test(certificateSignerOff())
	l.restart(t, "--without=csrapproving")
	l.waitForClean(t, "with csrsigning")
	test(approverOff()...)
	l.restart(t, "--kube-apiserver-arg=anonymous-auth=false")
	test(anonymousOff())
	l.restart(t, l.flagsOfFix(t), "--kube-apiserver-arg=enable-bootstrap-token-auth=false")
	test(tokenAuthenticationOff())
	ca, bundle := l.writeExpiringCA(t)
	l.restart(t, l.flagsOfFix(t), "--kube-apiserver-arg=client-ca-file="+bundle,
		"--kube-controller-manager-arg=cluster-signing-cert-file="+ca+".crt", "--kube-controller-manager-arg=cluster-signing-key-file="+ca+".key")
	test(signerEndsSoon())
	l.restart(t)
	// The API server adds CAs to the ConfigMap and never removes one.
	l.kubectl(t, "delete", "configmap", "-n", "kube-system", "extension-apiserver-authentication")
	test(signerUnknown())
	t.Logf("%d faults were found", l.found)
}

func (l *doctorLab) kubectl(t *testing.T, args ...string) {
	t.Helper()
	if code, stdout, stderr := l.Exec(t, "kubectl", args...); code != 0 {
		t.Fatalf("kubectl %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
}

// kubectlCommand returns a fault that one kubectl command plants.
func kubectlCommand(command string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.kubectl(t, strings.Fields(command)...)
	}
}

// bootctlCommand returns a fault that one bootctl command plants.
func bootctlCommand(command string) func(*testing.T, *doctorLab) {
	return func(t *testing.T, l *doctorLab) {
		t.Helper()
		l.MustRun(t, strings.Fields(strings.ReplaceAll(command, "SERVER", l.Server.URL()))...)
	}
}
