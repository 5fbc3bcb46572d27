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

// leakRow is a command line, the exit code that it must have, and in words how it
// runs:
//
//	stored, expired, immutable, wrong-KEY   the cluster has the token, or has it in a key where it does not belong
//	stdin, env, full   the token comes by stdin, or in BOOTCTL_TOKEN; stdout has no room
//	own                it has an output format of its own
//	silent             nobody signs cluster-info or approves requests
//	late               it gives up at its --timeout, in a state that it must have reached
//	shown, random      the token is the result, on stdout; and is one that nobody knows before
//
// Where the command line has several parts with " | " between them, there is a row
// of the first with each other.
type leakRow struct {
	args string
	code int
	how  string
}

// leakRows are all commands that have to do with a token, and each way that they
// are known to fail.
func leakRows() []leakRow {
	const toNode = "--node-name leak-{id} --out-dir out "
	rows := []leakRow{
		{"token create | {token} | --token-file {file} | --token-file {file} --print-join-command | --token-file {file} --print-join-command=kubeadm | --token-file {file} --wait --timeout 5m", 0, "shown"},
		{"token create --token-file {file} | --dry-run | --dry-run=server", 0, "shown"},
		{"token create --token-file - --ttl never", 0, "stdin shown"},
		{"token create --token-file {file} --allow-weak", 0, "weak shown"},
		{"token create --token-file {file} --wait --timeout 1s", 4, "silent shown late"},
		{"token create --token-file {file} | -o bootstrap-kubeconfig | -o yaml | -o jsonpath={.token} | -o go-template={{.token}}", 0, "own shown"},
		{"token create --token-file {file} | -o jsonpath={.id} | -o name | -q", 0, "own"},
		{"token create | --ttl 1h | --count 3 | --count 2 --print-join-command", 0, "random"},
		{"token create --token-file | {file} | {other} | {file} --dry-run=server", 9, "stored"},
		{"token create --token-file {file}", 2, "weak"},
		{"token create --token-file | {longer} | {spaced} | {yaml} | {twice} | {large} | {bearer} | {file} {token} | {file} --count 2 | {file} --groups {token}", 2, ""},
		{"token create | {token} {token} | {token}x | -t{token} | --token-file {file} --usages signing --print-join-command", 2, ""},
		{"token create --token-file {file} | --ttl 1h | --print-join-command", 10, "full"},
		{"token create --token-file {file} | -o jsonpath={.nope[} | -o go-template={{.x | -o nonsense | -o {token}", 2, "own"},
		{"token create --token-file {file} -o go-template={{range{space}.usages}}{{index{space}.{space}99}}{{end}}", 2, "own"},
		{"token create --token-file {file} --wait --kubeconfig {nobody}", 8, ""},
		{"token list | --usage signing | --group {token}", 0, "stored"},
		{"token list | -o wide | -o yaml | -q | -o jsonpath={} | -o go-template={{.}} | --show-secrets -q", 0, "stored own"},
		{"token list --expired", 0, "expired"},
		{"token list --show-secrets", 0, "stored shown"},
		{"token list --show-secrets | -o yaml | -o jsonpath={.items[*].token}", 0, "stored own shown"},
		{"token | list --show-secrets | extend {id} --ttl 1h | delete {id}", 10, "stored full"},
		{"token check | {id} | {token} | --token-file {file}", 0, "stored"},
		{"token check --token-file -", 0, "stored stdin"},
		{"token check | --request-timeout 20s | --endpoint {url} --unsafe-skip-ca-verification", 0, "stored env"},
		{"token check --token-file {file}", 4, "expired"},
		{"token check --token-file | {file} --endpoint {url} --ca-file {ca} | {file} --endpoint {url} --ca-cert-hash {pin}", 0, "stored"},
		{"token check --endpoint {url} --token-file | {other} --ca-file {ca}", 8, "stored"},
		{"token check --endpoint {url} --token-file {file} | --ca-file {badca} | --ca-cert-hash {badpin}", 4, "stored"},
		{"token check --token-file | {twice} | {file} {id} | {file} --endpoint {url} | {file} --endpoint {url} --ca-file {file} | {file} --endpoint https://x:{token}@192.0.2.1 --ca-file {ca}", 2, ""},
		{"token extend {id} | --ttl 1h | --ttl never", 0, "stored"},
		{"token extend {token} --ttl 2h", 0, "expired"},
		{"token extend {id} --ttl 1h", 5, "stored immutable"},
		{" | token list --usage {token} | token extend {id} | token extend {id} --ttl {token} | token delete {id} {secret} | cluster-info sign --token-file {document} --file {document}", 2, ""},
		{"token delete | {id} | {token} --deny-pending | {id} --dry-run | {token} --ignore-not-found", 0, "stored"},
		{"token delete --expired --dry-run", 0, "expired"},
		{"token | check --token-file {other} | extend {othertoken} --ttl 1h | delete {othertoken} | extend {id} --ttl 1h --server {proxy} | delete {id} --server {proxy}", 9, "stored"},
		{"token generate", 0, "random"},
		{"token generate | -o yaml | -o jsonpath={.token}", 0, "own random"},
		{"cluster-info sign --file {document} --token-file {file}", 0, ""},
		{"cluster-info sign --file {document}", 0, "env"},
		{"cluster-info sign --token-file {file} --file {file}", 4, ""},
		{"cluster-info verify --endpoint {url} --ca-file {ca} --token-file {file}", 0, "stored"},
		{"cluster-info verify --endpoint {url} --ca-cert-hash {pin}", 0, "stored env"},
		{"cluster-info verify --endpoint {url} | --ca-cert-hash {badpin} --token-file {file} | --ca-file {ca} --token-file {other}", 4, "stored"},
		{"cluster-info verify --file {document} --token-file {file}", 4, ""},
		{"cluster-info | verify | sign", anyCode, "stored"},
		{"csr | review {request} | review {request} --kubeconfig {bearer}", 0, "stored"},
		{" | token check {token} | token extend {id} --ttl 1h | token delete {token} | csr review {token} | csr approve {token}", 3, ""},
		{"join {url} " + toNode + "| --ca-file {ca} --token-file {file} | --ca-cert-hash {pin} --token {token}", 0, "stored"},
		{"join {url} --node-name leak-{id} --rootfs out --ca-cert-hash {pin}", 0, "stored env"},
		{"join " + toNode + "| --bootstrap-kubeconfig {bearer} | --discovery-file {bearer} | --dry-run --bootstrap-kubeconfig {bearer}", 0, "stored"},
		{"join {url} --ca-file {ca} " + toNode + "| --discovery-token {token} --tls-bootstrap-token {token} | --tls-bootstrap-token {token} --dry-run", 0, "stored"},
		{"join " + toNode + "| --config {token} | --config {bearer}x | --bootstrap-kubeconfig {token}", 10, ""},
		{"join " + toNode + "| --config {bearer} | --bootstrap-kubeconfig {file} | {url} --discovery-file {bearer} | --discovery-file https://x:{token}@192.0.2.1/ | {url} --ca-file {ca} --token {token} --discovery-token {token}", 2, ""},
		{"join {url} " + toNode + "| --ca-cert-hash {badpin} --token-file {file} | --ca-file {badca} --token-file {file} | --ca-file {ca} --token-file {other}", 4, "stored"},
		{"join {url} --ca-file {ca} --token-file {file} " + toNode, 8, "expired"},
		{"join {url} --ca-file {ca} --token-file {file} --timeout 1s " + toNode, 6, "stored silent late"},
		{" | token check --token-file {file} --endpoint {dead} --ca-file {ca} | join {dead} --ca-file {ca} --token-file {file} --timeout 1s " + toNode, 7, ""},
		{"join " + toNode + "--ca-file {ca} --token-file {file} | {token} | {url} --ca-cert-hash {token} | {url} -token={token}", 2, ""},
		{" | token create --token-file {token} | join {url} --ca-file {ca} --token-file {file} --out-dir {file}", 10, ""},
		{"__complete token | delete '' | check lk", 0, "stored own"},
		{"doctor | --probe | --endpoint {url} --token-file {file} --ca-file {ca} | --endpoint {url} --token-file {other} --ca-cert-hash {pin}", anyCode, "stored"},
		{"doctor --probe --timeout 5s | --strict", anyCode, "stored silent"},
		{"doctor | {token} | --endpoint {token} | --group {token} | --endpoint {url} --ca-cert-hash {token} | --auto-approve={token} | --probe={token}", 2, ""},
		{"{token}", 2, ""}, {"help {token}", 2, ""}, {"token {token}", 2, ""}, {"version {token}", 2, ""}, {"setup --endpoint https://x:{token}@192.0.2.1", 2, ""},
		{"token create --token-file {file} | --ttl={token} | --expires-at={token} | --usages={token} | --count={token} | --print-join-command={token} | --dry-run={token} | --config={token} | --timeout={token} | --nope={token} | --request-timeout={token} | -v={token} | -token={token} | -q={token}", 2, "own"},
	}
	for _, key := range []string{"token-id", "token-secret", "expiration", "auth-extra-groups", "usage-bootstrap-authentication", "usage-bootstrap-signing", "unknown"} {
		rows = append(rows, leakRow{"token | check {id} | list | extend {id} --ttl 1h | delete {id}", anyCode, "wrong-" + key})
	}
	// What each command says to whoever may not, and when it reaches nobody.
	for _, command := range []string{"token create --token-file {file}", "token list --show-secrets", "token check --token-file {file}", "token extend {token} --ttl 1h", "token delete {token}", "token delete --expired", "cluster-info sign"} {
		rows = append(rows,
			leakRow{command + " --kubeconfig | {nobody} | {bearer}", 8, "stored"}, leakRow{command + " --kubeconfig {untrusting}", 4, ""}, leakRow{command + " --server {dead}", 7, ""},
			leakRow{command + " | --kubeconfig {file} | --context {token}", 2, ""}, leakRow{command + " --kubeconfig {token}", 10, ""},
		)
	}
	for _, command := range []string{"token list", "token generate", "token extend", "token check {id}", "cluster-info verify", "cluster-info sign", "lab up", "csr list"} {
		rows = append(rows, leakRow{command + " | {token} | --expired={token}", 2, ""})
	}
	var all []leakRow
	for _, row := range rows {
		all = append(all, row.expand()...)
	}
	return all
}

// leakLab is where the rows run: one control plane in which all works, and one in
// which nobody signs cluster-info or approves requests.
type leakLab struct {
	full, silent labtest.Admin
	// shared stands for the same in all rows.
	shared     []string
	dir, in    string
	fullDevice *os.File // has no room
	scan       leakScan
}

// leakRun is one run of a row, with a token of its own.
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
	if row.hasTrait("silent") {
		r.Admin = l.silent
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

// inputs are the files with the token that the run may be given.
func (r leakRun) inputs() map[string]string {
	return map[string]string{
		"file": r.tok + "\n", "other": r.otherTok, "longer": r.tok + "x", "spaced": " " + r.tok, "yaml": "token: " + r.tok, "twice": r.tok + "\n" + r.tok + "\n",
		"large": strings.Repeat(r.tok+"\n", 100), "bearer": "", // a kubeconfig
	}
}

// newLeakLab starts both control planes, the one without a token cleaner, which
// would be quicker than the rows.
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
	l := &leakLab{full: start("whole", "tokencleaner"), silent: start("silent", "bootstrapsigner", "csrapproving"), dir: t.TempDir(), in: t.TempDir(), scan: newLeakScan(leakedSecret, otherSecret, weakSecret)}
	proxy, err := faultproxy.Before(l.full.Server)
	if err != nil {
		t.Fatal(err)
	}
	if l.fullDevice, err = os.OpenFile("/dev/full", os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = proxy.Close(), l.fullDevice.Close() })
	secrets := l.full.ClientAs(t, "").CoreV1().Secrets(metav1.NamespaceSystem)
	proxy.Inject(func(r *http.Request) faultproxy.Fault { // someone else is quicker
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

// prepare makes the directories and files of the run, and what the cluster has.
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

// run runs bootctl, and checks that the secret came out nowhere but where it is
// the result, and there it must.
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
			t.Errorf("%s (%s): the secret came out, %s, on %s\nstdout %.2000s\nstderr %.2000s", args, r.how, form, place, w.stdout, w.stderr)
		}
		return r.code == anyCode || w.cmd.ProcessState.ExitCode() == r.code
	}
	var err error
	switch {
	case r.hasTrait("late"):
		err = labtest.RetryTimeout(r.args, func(args []string) bool {
			if r.showsToken() {
				r.MustRun(t, "token", "delete", "--ignore-not-found", r.id) // of the try before
			}
			return hasCode(args)
		})
	case !hasCode(r.args):
		err = errors.New("once")
	}
	if err != nil {
		t.Errorf("%s (%s): exit code %d, want %d (%v); stderr\n%s", r.args, r.how, w.cmd.ProcessState.ExitCode(), r.code, err, w.stderr)
	}
	if len(w.argv) == 0 {
		t.Errorf("%s: its command line was not seen", r.args)
	}
	if r.showsToken() && !r.isShown(w) {
		t.Errorf("%s: the token is not shown, so this proves nothing: stdout %s", r.args, w.stdout)
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

// isShown says whether a token is on stdout.
func (r leakRun) isShown(w observedRun) bool {
	if r.hasTrait("random") {
		return tokenText.Match(w.stdout)
	}
	return bytes.Contains(w.stdout, []byte(r.tok))
}

// leaks says where a secret came out that may not, and in which form.
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

// TestCommands_LeakNoSecret runs every row without and with -v 10, in text and in JSON, every
// second row the other way round, and looks for the secret half of its token in all
// that comes out of it. make soak has all four ways.
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
	last := l.newRun(leakRow{"token list", 0, "stored"}, len(runs)) // what is prepared last, all controllers know last
	clients := map[labtest.Admin]kubernetes.Interface{l.full: l.full.ClientAs(t, ""), l.silent: l.silent.ClientAs(t, "")}
	runConcurrently(runs, func(r leakRun) {
		if err := r.prepare(t, clients[r.Admin]); err != nil {
			t.Errorf("%s: %v", r.args, err)
		}
	})
	if err := last.prepare(t, clients[l.full]); err != nil {
		t.Fatal(err)
	}
	l.silent.MustRun(t, "cluster-info", "sign")
	l.full.Eventually(t, "signature", func() bool {
		info, err := clusterinfo.Fetch(t.Context(), clients[l.full].CoreV1())
		return err == nil && info.Signatures[last.id] != ""
	})
	runConcurrently(append(runs, last), func(r leakRun) { r.run(t) })
	t.Logf("%d runs of %d command lines were scanned; %d showed their token, on stdout", len(runs), len(leakRows()), shown)
}
