package leaks

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// leakLab has the control planes for the rows: one with bootstrapsigner and csrapproving,
// and an idle one without these controllers.
type leakLab struct {
	full, idle labtest.Admin
	// shared has the replacements that are the same in all rows.
	shared     []string
	dir, in    string
	fullDevice *os.File // always out of space
	scan       leakScan
}

// leakRun is one run of a row, with its own token.
type leakRun struct {
	leakRow
	args     []string
	id       string
	tok      string
	otherTok string // the same ID with another secret half
	dir, in  string
	labtest.Admin
	*leakLab
}

// The secret halves that every run looks for.
const leakedSecret, otherSecret, weakSecret = "v9q4z7m2x5k8r3w6", "b6w3j8t5r2n7h4d1", "passwordv9q4z7m2"

func (l *leakLab) newRun(row leakRow, n int, more ...string) leakRun {
	r := leakRun{leakRow: row, id: fmt.Sprintf("lk%04d", n), leakLab: l, Admin: l.full, dir: filepath.Join(l.dir, strconv.Itoa(n)), in: filepath.Join(l.in, strconv.Itoa(n))}
	r.tok, r.otherTok = r.id+"."+leakedSecret, r.id+"."+otherSecret
	if row.hasTrait("weak") {
		r.tok = r.id + "." + weakSecret
	}
	if row.hasTrait("idle") {
		r.Admin = l.idle
	}
	names := append([]string{
		"{id}", r.id, "{token}", r.tok, "{othertoken}", r.otherTok, "{secret}", leakedSecret, "{url}", r.Server.URL(), "{ca}", r.Server.CAFile, "{request}", "leak-" + r.id, "''", "", "{space}", " ",
	}, l.shared...)
	for name := range r.inputs() {
		names = append(names, "{"+name+"}", filepath.Join(r.in, name))
	}
	replacer := strings.NewReplacer(names...)
	for word := range strings.FieldsSeq(row.args) {
		r.args = append(r.args, replacer.Replace(word))
	}
	r.args = append(r.args, more...)
	return r
}

// inputs returns the files with the token that the run can use.
func (r leakRun) inputs() map[string]string {
	return map[string]string{
		"file": r.tok + "\n", "other": r.otherTok, "longer": r.tok + "x", "spaced": " " + r.tok, "yaml": "token: " + r.tok, "twice": r.tok + "\n" + r.tok + "\n",
		"large": strings.Repeat(r.tok+"\n", 100), "bearer": "", // a kubeconfig
	}
}

// newLeakLab starts both control planes, the full one without tokencleaner, which could
// delete a row's token too early.
func newLeakLab(t *testing.T) *leakLab {
	t.Helper()
	start := func(name string, without ...string) labtest.Admin {
		server, err := labtest.Start(filepath.Join(t.TempDir(), name), without...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
		labtest.Admin{Server: server}.MustRun(t, "setup", "--endpoint", server.URL())
		return labtest.Admin{Server: server}
	}
	l := &leakLab{full: start("full", "tokencleaner"), idle: start("idle", "bootstrapsigner", "csrapproving"), dir: t.TempDir(), in: t.TempDir(), scan: newLeakScan(leakedSecret, otherSecret, weakSecret)}
	proxy, err := faultproxy.Before(l.full.Server)
	if err != nil {
		t.Fatal(err)
	}
	if l.fullDevice, err = os.OpenFile("/dev/full", os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = proxy.Close(), l.fullDevice.Close() })
	secrets := l.full.ClientAs(t, "").CoreV1().Secrets(metav1.NamespaceSystem)
	proxy.Inject(func(r *http.Request) faultproxy.Fault { // another client acts first
		if r.Method == http.MethodDelete || r.Method == http.MethodPatch {
			if _, err := secrets.Patch(t.Context(), path.Base(r.URL.Path), types.MergePatchType, []byte(`{"metadata":{"labels":{"touched":"yes"}}}`), metav1.PatchOptions{}); err != nil {
				t.Error(err)
			}
		}
		return faultproxy.Fault{}
	})
	file := func(name string) string { return filepath.Join(l.in, name) }
	config := func(name string, change func(*clientcmdapi.Cluster, *clientcmdapi.AuthInfo)) {
		admin, err := clientcmd.LoadFromFile(l.full.Server.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		context := admin.Contexts[admin.CurrentContext]
		change(admin.Clusters[context.Cluster], admin.AuthInfos[context.AuthInfo])
		if err := clientcmd.WriteToFile(*admin, file(name)); err != nil {
			t.Fatal(err)
		}
	}
	badCA := certpem.Encode(testca.New(t, time.Now()).Certificate)
	config("nobody", func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) { user.Impersonate = "nobody" })
	config("untrusting", func(c *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) { c.CertificateAuthorityData = badCA })
	info, err := clusterinfo.Fetch(t.Context(), l.full.ClientAs(t, "").CoreV1())
	if err = errors.Join(err, os.WriteFile(file("badca"), badCA, 0o600), os.WriteFile(file("document"), info.Raw, 0o600)); err != nil {
		t.Fatal(err)
	}
	l.shared = []string{
		"{pin}", l.full.MustRun(t, "cluster-info", "show", "-o", "jsonpath={.caCertificates[0].pin}"), "{badpin}", "sha256:" + strings.Repeat("1", 64),
		"{dead}", "https://127.0.0.1:1", "{proxy}", proxy.URL, "{nobody}", file("nobody"), "{untrusting}", file("untrusting"), "{badca}", file("badca"), "{document}", file("document"),
	}
	return l
}

// prepare creates the run's directories, files and cluster objects.
func (r leakRun) prepare(t *testing.T, client kubernetes.Interface) error {
	t.Helper()
	parsed, err := token.Parse(r.tok)
	errs := []error{err, os.MkdirAll(r.in, 0o700)}
	for _, dir := range []string{"home", "tmp", "work"} {
		errs = append(errs, os.MkdirAll(filepath.Join(r.dir, dir), 0o700))
	}
	for name, text := range r.inputs() {
		if strings.Contains(r.leakRow.args, "{"+name+"}") {
			errs = append(errs, os.WriteFile(filepath.Join(r.in, name), []byte(text), 0o600))
		}
	}
	if strings.Contains(r.leakRow.args, "{bearer}") {
		errs = append(errs, r.Server.WriteBootstrapKubeconfig(filepath.Join(r.in, "bearer"), r.tok))
	}
	secret := token.Spec{Token: parsed, Usages: []string{token.Signing, token.Authentication}, Groups: []string{token.DefaultGroup}, Expires: time.Now().Add(time.Hour)}.Secret()
	wrong, isWrong := strings.CutPrefix(r.how, "wrong-")
	switch {
	case isWrong:
		secret.Data[wrong] = []byte(r.tok)
	case r.hasTrait("expired"):
		secret.Data["expiration"] = []byte("2020-01-01T00:00:00Z")
	case r.hasTrait("immutable"):
		secret.Immutable = new(true)
	}
	if isWrong || r.hasTrait("expired") || r.hasTrait("stored") {
		_, err := client.CoreV1().Secrets(secret.Namespace).Create(t.Context(), secret, metav1.CreateOptions{})
		errs = append(errs, err)
	}
	if strings.Contains(r.leakRow.args, "{request}") {
		_, err := r.SendCSR(t.Context(), t, "leak-"+r.id, labtest.NewCSR(t, "leak-"+r.id, labtest.SentBy("system:bootstrap:"+r.id, "system:bootstrappers", token.DefaultGroup)))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// run runs bootctl, and checks that the secret appears in the output exactly if it is the
// result, and nowhere otherwise.
func (r leakRun) run(t *testing.T) {
	t.Helper()
	var w observedRun
	hasCode := func(args []string) bool {
		var err error
		if w, err = r.watch(args); err != nil {
			t.Errorf("%s: %v", args, err)
			return true
		}
		for place, form := range r.leaks(w) {
			t.Errorf("%s (%s): the secret leaked as %s on %s\nstdout %.2000s\nstderr %.2000s", args, r.how, form, place, w.stdout, w.stderr)
		}
		return r.code == anyCode || w.cmd.ProcessState.ExitCode() == r.code
	}
	var err error
	switch {
	case r.hasTrait("late"):
		err = labtest.RetryTimeout(r.args, func(args []string) bool {
			if r.showsToken() {
				r.MustRun(t, "token", "delete", "--ignore-not-found", r.id) // from the previous try
			}
			return hasCode(args)
		})
	case !hasCode(r.args):
		err = errors.New("one try")
	}
	if err != nil {
		t.Errorf("%s (%s): exit code %d, want %d (%v); stderr\n%s", r.args, r.how, w.cmd.ProcessState.ExitCode(), r.code, err, w.stderr)
	}
	if len(w.argv) == 0 {
		t.Errorf("%s: its command line was not observed", r.args)
	}
	if r.showsToken() && !r.isShown(w) {
		t.Errorf("%s: the token is not on stdout, so this proves nothing: stdout %s", r.args, w.stdout)
	}
}

func (r leakRun) watch(args []string) (observedRun, error) {
	cmd := r.Server.Command("bootctl", args...)
	cmd.Dir = filepath.Join(r.dir, "work")
	cmd.Env = append(cmd.Env, "HOME="+filepath.Join(r.dir, "home"), "TMPDIR="+filepath.Join(r.dir, "tmp"))
	if r.hasTrait("env") {
		cmd.Env = append(cmd.Env, "BOOTCTL_TOKEN="+r.tok)
	}
	if r.hasTrait("stdin") {
		cmd.Stdin = strings.NewReader(r.tok)
	}
	if r.hasTrait("full") {
		cmd.Stdout = r.fullDevice
	}
	return observe(cmd, r.dir, nil)
}

// isShown reports whether stdout has a token.
func (r leakRun) isShown(w observedRun) bool {
	if r.hasTrait("random") {
		return tokenText.Match(w.stdout)
	}
	return bytes.Contains(w.stdout, []byte(r.tok))
}

// leaks returns the places with a secret that is not the result, and its form.
func (r leakRun) leaks(w observedRun) map[string]string {
	scan := r.scan
	if r.hasTrait("random") {
		for _, match := range tokenText.FindAllSubmatch(w.stdout, -1) {
			scan.forms = append(slices.Clip(scan.forms), newLeakScan(string(match[1])).forms...)
		}
	}
	found := scan.leaks(w)
	if r.showsToken() {
		delete(found, "stdout")
	}
	return found
}

var tokenText = regexp.MustCompile(`\b[a-z0-9]{6}\.([a-z0-9]{16})\b`)

// TestCommands_LeakNoSecret runs every row without and with -v 10, in text and in JSON, in
// alternating combinations, and searches the output, files and processes for the secret
// half of its token. make soak runs all four combinations.
func TestCommands_LeakNoSecret(t *testing.T) {
	l := newLeakLab(t)
	var runs []leakRun
	shown := 0
	for i, row := range leakRows() {
		ways := [][]string{nil, {"-o", "json", "-v", "10"}, {"-v", "10"}, {"-o", "json"}}
		if row.hasTrait("own") {
			ways = [][]string{nil, {"-v", "10"}}
		} else if first := i % 2 * 2; labtest.SmallOrFull(true, false) {
			ways = ways[first : first+2]
		}
		for _, more := range ways {
			runs = append(runs, l.newRun(row, len(runs), more...))
		}
		if row.showsToken() {
			shown += len(ways)
		}
	}
	last := l.newRun(leakRow{"token list", 0, "stored"}, len(runs)) // the controllers process the last object last
	clients := map[labtest.Admin]kubernetes.Interface{l.full: l.full.ClientAs(t, ""), l.idle: l.idle.ClientAs(t, "")}
	runConcurrently(runs, func(r leakRun) {
		if err := r.prepare(t, clients[r.Admin]); err != nil {
			t.Errorf("%s: %v", r.args, err)
		}
	})
	if err := last.prepare(t, clients[l.full]); err != nil {
		t.Fatal(err)
	}
	l.idle.MustRun(t, "cluster-info", "sign")
	l.full.Eventually(t, "signature", func() bool {
		info, err := clusterinfo.Fetch(t.Context(), clients[l.full].CoreV1())
		return err == nil && info.Signatures[last.id] != ""
	})
	runConcurrently(append(runs, last), func(r leakRun) { r.run(t) })
	t.Logf("%d runs of %d command lines were scanned; %d printed their token on stdout", len(runs), len(leakRows()), shown)
}
