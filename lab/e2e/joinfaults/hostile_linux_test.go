package joinfaults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/lab/labtest"
)

// hostileHandlers respond unlike an API server, for as long as the client reads.
func hostileHandlers() map[string]func(http.ResponseWriter, *http.Request) {
	chunk := make([]byte, 1<<16)
	return map[string]func(http.ResponseWriter, *http.Request){
		"endless body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"slow drip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(" ")); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		},
		"gzip bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 1 << 14 { // 1 GiB
				if _, err := z.Write(chunk); err != nil {
					return
				}
			}
		},
		"a million headers": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack() // net/http would sort the headers before it sends the first
			if err != nil {
				return
			}
			defer conn.Close() //nolint:errcheck // the client may be gone
			if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n"); err != nil {
				return
			}
			for i := range 1_000_000 {
				if _, err := fmt.Fprintf(conn, "X-%d: x\r\n", i); err != nil {
					return
				}
			}
			_, _ = io.WriteString(conn, "\r\n")
		},
		"endless redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		},
		"endless informational responses": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.WriteHeader(http.StatusProcessing)
			}
		},
	}
}

// TestJoin_HostileServers limits the resources that a server can make a joining node use.
func TestJoin_HostileServers(t *testing.T) {
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("abcdef.0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"endless body": 4, "slow drip": 4, "gzip bomb": 4, "a million headers": 4, "endless redirects": 4,
		"endless informational responses": 4, "plain HTTP": 7,
	}
	handlers := hostileHandlers()
	handlers["plain HTTP"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") }
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1000)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case asked <- struct{}{}:
				default:
				}
				handler(w, r)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if name == "plain HTTP" {
				server.Start()
			} else {
				server.StartTLS()
			}
			defer server.Close()
			cmd := exec.Command(filepath.Join(bin, "bootctl"), "join", server.Listener.Addr().String(), "--token-file", token,
				"--ca-cert-hash", "sha256:"+strings.Repeat("1", 64), "--node-name", "n", "--out-dir", t.TempDir(), "--timeout", labtest.Hang.String())
			start := time.Now()
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			peak := labtest.WatchPeakMemory(cmd.Process.Pid)
			_ = cmd.Wait()
			took, kilobytes := time.Since(start), peak()
			t.Logf("exit code %d after %s, %d MB resident, %s of CPU", cmd.ProcessState.ExitCode(), took.Round(10*time.Millisecond), kilobytes/1024, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			if cmd.ProcessState.ExitCode() != want[name] {
				t.Errorf("exit code %d, want %d\n%s", cmd.ProcessState.ExitCode(), want[name], &out)
			}
			if strings.Contains(out.String(), "gave up waiting") {
				t.Errorf("the join gave up waiting after %s", took)
			}
			if kilobytes == 0 || kilobytes > 64*1024 {
				t.Errorf("%d KB were resident", kilobytes)
			}
			if name != "plain HTTP" && len(asked) == 0 {
				t.Error("the server got no request")
			}
		})
	}
}
