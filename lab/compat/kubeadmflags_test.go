package compat

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// docs/kubeadm.md lists each flag of kubeadm's and kubectl's TLS bootstrapping commands.
// For commands with the same name, bootctl accepts each flag or refuses it with a
// reason.
func TestKubeadmPage_Flags(t *testing.T) {
	tests := []struct {
		program, command string
		isOurs           bool
	}{
		{"kubeadm", "token create", true}, {"kubeadm", "token list", true}, {"kubeadm", "token delete", true}, {"kubeadm", "token generate", true},
		{"kubeadm", "join", true}, {"kubeadm", "init phase bootstrap-token", false},
		{"kubectl", "certificate approve", false}, {"kubectl", "certificate deny", false},
	}
	for _, test := range tests {
		t.Run(test.command, func(t *testing.T) { flagsOf(t, test.program, test.command, test.isOurs) })
	}
}

func flagsOf(t *testing.T, program, name string, isOurs bool) {
	t.Helper()
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "kubeadm.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), "## Every command")
	every, _, _ := strings.Cut(page, "\n## ")
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	help, err := exec.Command(filepath.Join(bin, program), append(strings.Fields(name), "--help")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(page, "## "+name+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	found := flag.FindAllStringSubmatch(string(help), -1)
	if len(found) < 5 {
		t.Fatalf("%s %s --help has the flags %v", program, name, found)
	}
	for _, match := range found {
		if match[1] == "help" {
			continue
		}
		option := "--" + match[1]
		if match[1] == "output" {
			option = "-o "
		}
		if !strings.Contains(every, option) && !strings.Contains(section, option) {
			t.Errorf("docs/kubeadm.md does not list --%s of %s", match[1], name)
		}
		if !isOurs {
			continue
		}
		cmd := exec.Command(filepath.Join(bin, "bootctl"), append(strings.Fields(name), "--"+match[1]+"=true")...)
		cmd.Env = []string{"HOME=/nonexistent"}
		if out, _ := cmd.CombinedOutput(); strings.Contains(string(out), "unknown flag") {
			t.Errorf("bootctl %s --%s: %s", name, match[1], out)
		}
	}
}
