package joinfaults

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
)

// TestToken_LostRequests drops requests for tokens or their responses, and checks that the
// result agrees with what the server did.
func TestToken_LostRequests(t *testing.T) {
	t.Parallel()
	p := labtest.NewAdmin(t)
	proxy, err := faultproxy.Before(p.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test is over
	kubeconfig := p.WriteProxyKubeconfig(t, proxy.URL)
	p.MustRun(t, "token", "create", "--count", "1020", "--description", "many", "--usages", "authentication")
	on := func(method string, fault faultproxy.Fault) func(*http.Request) faultproxy.Fault {
		return func(r *http.Request) faultproxy.Fault {
			if r.Method == method || method == "continue" && r.URL.Query().Get("continue") != "" {
				return fault
			}
			return faultproxy.Fault{}
		}
	}
	post, remove := on(http.MethodPost, faultproxy.Fault{DropAnswer: true}), on(http.MethodDelete, faultproxy.Fault{DropAnswer: true})
	tests := []struct {
		name  string
		made  bool // whether the token exists before
		fault func(*http.Request) faultproxy.Fault
		args  string
		code  int
		left  int // the number of tokens afterwards
	}{
		{"created, response lost", false, post, "token create --token-file FILE --description faulty", 0, 1},
		{"random, response lost", false, post, "token create --description faulty", 0, 1},
		{"create request lost", false, on(http.MethodPost, faultproxy.Fault{Drop: true}), "token create --token-file FILE --description faulty", 7, 0},
		{"deleted, response lost", true, remove, "token delete faulty", 0, 0},
		{"delete request lost", true, on(http.MethodDelete, faultproxy.Fault{Drop: true}), "token delete faulty", 7, 1},
		{"second page lost", true, on("continue", faultproxy.Fault{Drop: true}), "token list -o json", 7, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte("faulty.w8f0s7d6h5j4n3m2"), 0o600); err != nil {
				t.Fatal(err)
			}
			if test.made {
				p.MustRun(t, "token", "create", "--token-file", file, "--description", "faulty")
			}
			before := proxy.Faults()
			proxy.Inject(test.fault)
			defer proxy.Inject(nil)
			args := strings.Fields(strings.ReplaceAll(test.args, "FILE", file))
			code, stdout, stderr := p.Run(t, append(args, "--kubeconfig", kubeconfig)...)
			if code != test.code || code != 0 && !strings.Contains(test.args, "delete") && stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %.200s; stderr\n%s", code, test.code, stdout, stderr)
			}
			if proxy.Faults() == before {
				t.Error("no fault was injected")
			}
			ids := strings.Fields(p.MustRun(t, "token", "list", "-o", `jsonpath={.items[?(@.description=="faulty")].id}`))
			if len(ids) != test.left {
				t.Errorf("tokens %q, want %d", ids, test.left)
			}
			for _, id := range ids {
				p.MustRun(t, "token", "delete", id)
			}
		})
	}
}
