package controlplane_test

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkListeners checks that the only TCP listener is the API server's, on 127.0.0.1.
func checkListeners(t *testing.T, s *server) {
	t.Helper()
	const listening = "0A" // TCP_LISTEN, see proc_pid_net(5)
	mine := socketInodes(t, s.Pid)
	var found []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", s.Pid, table))
		if err != nil {
			continue // IPv6 is disabled
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			isUDP := strings.HasPrefix(table, "udp")
			if len(f) < 10 || !mine[f[9]] || (!isUDP && f[3] != listening) {
				continue
			}
			found = append(found, "https://"+address(t, f[1]))
		}
	}
	if !slices.Equal(found, []string{s.Server}) {
		t.Errorf("listens on %v, want only %s", found, s.Server)
	}
}

func socketInodes(t *testing.T, pid int) map[string]bool {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]bool{}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue // closed in the meantime
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}

// address decodes the IPv4 form 0100007F:1F90 and returns IPv6 unchanged.
func address(t *testing.T, s string) string {
	t.Helper()
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if err != nil || len(b) != net.IPv4len {
		return s
	}
	slices.Reverse(b)
	var n int
	if _, err := fmt.Sscanf(port, "%X", &n); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%d", net.IP(b), n)
}

// checkModes checks that other users can read only certificates.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	keys := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".key") || strings.HasSuffix(path, ".kubeconfig") {
			keys++
		}
		if info.Mode().Perm()&0o077 != 0 && !strings.HasSuffix(path, ".crt") {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || keys < 7 {
		t.Errorf("%d keys, %v", keys, err)
	}
}
