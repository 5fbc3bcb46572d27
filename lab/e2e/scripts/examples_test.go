package scripts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/bootctl/bootctl/lab/labtest"
)

// readExample reads an example file and replaces its placeholders.
func readExample(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(labtest.Root(t), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			t.Fatalf("%s has no %q", name, replace[i])
		}
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

func decodeYAML(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// wantJoined checks that the files below root are the node's credentials.
func wantJoined(t *testing.T, p labtest.Admin, root, name string) {
	t.Helper()
	if who := p.MustRun(t, "join", "--dry-run", "--rootfs", root, "-o", "jsonpath={.username}"); who != "system:node:"+name {
		t.Errorf("the node authenticates as %q", who)
	}
}

// TestExamples_SystemdUnit checks the systemd unit and runs its commands.
func TestExamples_SystemdUnit(t *testing.T) {
	labtest.RequireTools(t, "systemd-analyze")
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	bootctl := p.Server.Command("bootctl").Path
	unit := filepath.Join(t.TempDir(), "bootctl-join.service")
	text := readExample(t, "bootctl-join.service", "/usr/local/bin/bootctl", bootctl)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := exec.Command("systemd-analyze", "--user", "verify", "--man=no", unit)
	verify.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir()) // the default directory may not exist
	if out, err := verify.CombinedOutput(); err != nil || strings.Contains(string(out), "bootctl-join") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	_, line, _ := strings.Cut(text, "\nExecStart=")
	line, _, _ = strings.Cut(line, "\n")
	values := map[string]string{"ENDPOINT": p.Server.URL(), "PIN": p.MustRun(t, "cluster-info", "pin")}
	words := strings.Fields(os.Expand(line, func(name string) string { return values[name] }))
	token, err := os.ReadFile(p.CreateTokenFile(t))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	for _, token := range []string{string(token), ""} { // the token can be removed when the node has joined
		cmd := exec.Command(words[0], append(words[1:], "--node-name", "by-unit", "--rootfs", root)...)
		cmd.Env = []string{"BOOTCTL_TOKEN=" + token}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	wantJoined(t, p, root, "by-unit")
}

// TestExamples_CloudInit writes the files and runs the commands of the cloud-init document,
// except for the kubelet.
func TestExamples_CloudInit(t *testing.T) {
	p := labtest.NewAdmin(t)
	p.MustRun(t, "setup", "--endpoint", p.Server.URL())
	dir := t.TempDir()
	var document struct {
		Files []struct {
			Path, Permissions, Owner, Content string
		} `json:"write_files"`
		Commands [][]string `json:"runcmd"`
	}
	root := filepath.Join(dir, "root")
	text := readExample(t, "cloud-init.yaml", "/etc/bootctl/bootstrap-kubelet.conf", filepath.Join(dir, "bootstrap-kubelet.conf"),
		"--timeout 10m", "--timeout 10m --node-name by-cloud-init --rootfs "+root, "systemctl enable --now kubelet.service", "echo the kubelet starts")
	if !strings.HasPrefix(text, "#cloud-config\n") {
		t.Error("cloud-init would not accept it")
	}
	decodeYAML(t, text, &document)
	var shown, made map[string]any
	conf := p.MustRun(t, "token", "create", "-o", "bootstrap-kubeconfig")
	decodeYAML(t, document.Files[0].Content, &shown)
	decodeYAML(t, conf, &made)
	for key := range shown {
		if made[key] == nil {
			t.Errorf("token create prints no %s", key)
		}
	}
	if err := os.WriteFile(document.Files[0].Path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range document.Commands {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = p.Server.Command("bootctl").Env
		if code, stdout, stderr := labtest.RunCommand(t, cmd); code != 0 || !strings.HasSuffix(stdout, "the kubelet starts") {
			t.Errorf("exit code %d, stdout %q, stderr %s", code, stdout, stderr)
		}
	}
	wantJoined(t, p, root, "by-cloud-init")
	if _, err := os.Stat(document.Files[0].Path); err == nil {
		t.Error("the token file still exists")
	}
}

// TestExamples_CIJob runs the steps of the CI job, like a runner.
func TestExamples_CIJob(t *testing.T) {
	labtest.RequireTools(t, "jq")
	labtest.RequireTools(t, "bash")
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, If, Run string }
		}
	}
	decodeYAML(t, readExample(t, "ci-job.yaml"), &workflow)
	dir := t.TempDir()
	variables := filepath.Join(dir, "env")
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	steps := workflow.Jobs["join"].Steps
	for i, step := range steps {
		cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "RUNNER_TEMP=" + dir, "GITHUB_ENV=" + variables}
		if text, err := os.ReadFile(variables); err == nil {
			cmd.Env = append(cmd.Env, strings.Fields(string(text))...)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("step %q: %v\n%s", step.Name, err, out)
			for _, last := range steps[i+1:] {
				if last.If != "" { // this step cleans up
					cmd := exec.Command("bash", "-c", last.Run)
					cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "RUNNER_TEMP=" + dir}
					_ = cmd.Run()
				}
			}
			return
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "join.json"))
	if err != nil || !json.Valid(text) || !bytes.Contains(text, []byte("system:node:worker-1")) {
		t.Errorf("join.json: %v\n%s", err, text)
	}
}
