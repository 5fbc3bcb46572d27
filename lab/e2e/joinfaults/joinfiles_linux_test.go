package joinfaults

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/join"
)

// TestJoin_FileModes joins with several umasks. The modes of the created files and
// directories do not depend on the umask.
func TestJoin_FileModes(t *testing.T) {
	j := newJoiner(t)
	for _, umask := range []string{"000", "022", "077"} {
		for _, flag := range []string{"--rootfs", "--out-dir"} {
			t.Run(umask+flag, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "new")
				bootctl := j.Server.Command("bootctl", j.args("modes"+flag+"-"+umask, flag, dir)...)
				cmd := exec.Command("sh", append([]string{"-c", `umask "$0"; exec "$@"`, umask}, bootctl.Args...)...)
				cmd.Env = bootctl.Env
				if code, _, stderr := labtest.RunCommand(t, cmd); code != 0 {
					t.Fatalf("exit code %d\n%s", code, stderr)
				}
				seen := 0
				err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
					if err != nil || entry.Type() == fs.ModeSymlink {
						return err
					}
					info, err := entry.Info()
					if err != nil {
						return err
					}
					want := fs.FileMode(0o600)
					switch {
					case entry.IsDir():
						want = fs.ModeDir | 0o755
					case entry.Name() == "ca.crt":
						want = 0o644
					}
					if seen++; info.Mode() != want {
						t.Errorf("%s has mode %s, want %s", strings.TrimPrefix(path, dir), info.Mode(), want)
					}
					return nil
				})
				if want := map[string]int{"--rootfs": 8 + 3, "--out-dir": 1 + 3}[flag]; err != nil || seen != want {
					t.Errorf("%d files and directories, want %d (%v)", seen, want, err)
				}
			})
		}
	}
}

// obstacle is an existing entry at a path that join writes to.
type obstacle struct {
	name  string
	place func(path, victim string) error
}

func obstacles() []obstacle {
	list := []obstacle{
		{"link", func(path, victim string) error { return os.Symlink(victim, path) }},
		{"dangling-link", func(path, victim string) error { return os.Symlink(victim+"-none", path) }},
		{"pipe", func(path, _ string) error { return syscall.Mkfifo(path, 0o600) }},
		{"directory", func(path, _ string) error { return os.Mkdir(path, 0o700) }},
	}
	if os.Getuid() == 0 {
		list = append(list, obstacle{"owner", func(path, victim string) error {
			text, err := os.ReadFile(victim)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				return err
			}
			return os.Chown(path, 12345, 12345)
		}})
	}
	return list
}

// TestJoin_Obstacles creates each obstacle at each path that join writes to. The victim has
// the content that join would accept at that path.
func TestJoin_Obstacles(t *testing.T) {
	j := newJoiner(t)
	good := join.OutDir(t.TempDir())
	j.MustRun(t, j.args("model", "--out-dir", filepath.Dir(good.CA()))...)
	key, err := os.ReadFile(good.Current())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{ // the accepted content of each path below the root
		"etc/kubernetes/kubelet.conf":                    labtest.ReadFile(t, good.Kubeconfig()),
		"etc/kubernetes/pki/ca.crt":                      j.ca,
		"var/lib/kubelet/pki/kubelet-client-current.pem": key,
		"var/lib/kubelet/pki/" + pendingName:             key[bytes.Index(key, []byte("-----BEGIN EC")):],
	}
	for _, flag := range []string{"--rootfs", "--out-dir"} {
		for name, text := range files {
			for _, obstacle := range obstacles() {
				t.Run(strings.Join([]string{flag[2:], filepath.Base(name), obstacle.name}, "/"), func(t *testing.T) {
					dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
					path := filepath.Join(dir, filepath.Base(name))
					if flag == "--rootfs" {
						path = filepath.Join(dir, name)
					}
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(victim, text, 0o600); err != nil {
						t.Fatal(err)
					}
					if err := obstacle.place(path, victim); err != nil {
						t.Fatal(err)
					}
					j.wantRefused(t, "model", path, victim, flag, dir)
				})
			}
		}
	}
	if n := csrsByNode(t, j.Admin)["model"]; n != 1 {
		t.Errorf("%d CSRs for the node, want only the first", n)
	}
}

// TestJoin_LinksOutOfRoot replaces each directory with a link that leads outside the
// root.
func TestJoin_LinksOutOfRoot(t *testing.T) {
	j := newJoiner(t)
	for _, name := range []string{"etc", "etc/kubernetes", "etc/kubernetes/pki", "var", "var/lib", "var/lib/kubelet", "var/lib/kubelet/pki"} {
		for _, kind := range []string{"absolute", "relative"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				top := t.TempDir()
				root, outside := filepath.Join(top, "root"), filepath.Join(top, "outside")
				path := filepath.Join(root, name)
				target := outside
				if kind == "relative" {
					target = strings.Repeat("../", strings.Count(name, "/")+1) + "outside"
				}
				for _, dir := range []string{filepath.Dir(path), outside} {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
				j.wantRefused(t, "outside", path, outside, "--rootfs", root)
				if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
					t.Errorf("outside the root, there are %v (%v)", left, err)
				}
			})
		}
	}
	if n := csrsByNode(t, j.Admin)["outside"]; n != 0 {
		t.Errorf("%d CSRs for the node, want none", n)
	}
}

// wantRefused checks that a join is refused because of the entry at path, at once and before
// anything is sent, and that the entry and the victim are unchanged.
func (j joiner) wantRefused(t *testing.T, node, path, victim string, flags ...string) {
	t.Helper()
	before := describeFiles(t, path, victim)
	code, stdout, stderr := j.Run(t, j.args(node, append(flags, "-v", "1")...)...)
	wantLocalFileError(t, "refused", code, stdout, stderr)
	if strings.Contains(stderr, "waiting") || strings.Contains(stderr, "bootctl: request:") {
		t.Errorf("the join waited, or something was sent:\n%s", stderr)
	}
	if after := describeFiles(t, path, victim); !maps.Equal(before, after) {
		t.Errorf("%v was changed to %v", before, after)
	}
}

// describeFiles returns the entries at the paths, without following links or opening
// pipes.
func describeFiles(t *testing.T, paths ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			t.Error(err)
			continue
		}
		all[path] = fmt.Sprintf("%s %+v", info.Mode(), info.ModTime())
		switch info.Mode().Type() {
		case 0:
			all[path] += string(labtest.ReadFile(t, path))
		case fs.ModeSymlink:
			target, _ := os.Readlink(path)
			all[path] += target
		}
	}
	return all
}
