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

// Each flag of kubeadm's token commands and of its join is known to bootctl, or refused with a
// reason, and stands in docs/kubeadm.md.
func TestFlagsOfKubeadm(t *testing.T) {
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
	for _, name := range []string{"token create", "token list", "token delete", "token generate", "join"} {
		help, err := exec.Command(filepath.Join(bin, "kubeadm"), append(strings.Fields(name), "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(page, "## "+name+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		found := flag.FindAllStringSubmatch(string(help), -1)
		if len(found) < 5 {
			t.Fatalf("kubeadm %s --help has the flags %v", name, found)
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
				t.Errorf("docs/kubeadm.md does not tell of --%s with %s", match[1], name)
			}
			cmd := exec.Command(filepath.Join(bin, "bootctl"), append(strings.Fields(name), "--"+match[1]+"=true")...)
			cmd.Env = []string{"HOME=/nonexistent"}
			out, _ := cmd.CombinedOutput()
			if strings.Contains(string(out), "unknown flag") {
				t.Errorf("bootctl %s --%s: %s", name, match[1], out)
			}
		}
	}
}
