package scripts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/lab/schema"
)

// commands returns the script commands in addition to testscript's own.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits":      exits,
		"capture":    capture,
		"fits":       fitsSchema,
		"fitsevents": fitsEvents,
		"signalled":  signalled,
		"mode":       mode,
		"eventually": eventually,
		"writecsr":   writeCSR,
		"skewed":     skewedProxy,
		"givesup":    givesUp,
		"serve":      serveFile,
		"tunnel":     connectProxy,
	}
}

// hasTool is true for [tool:NAME] if the program is installed. With BOOTCTL_NO_SKIP, it
// is always true, so that a missing tool fails its script.
func hasTool(name string) (bool, error) {
	tool, ok := strings.CutPrefix(name, "tool:")
	if !ok {
		return false, errors.New("unknown condition")
	}
	if os.Getenv("BOOTCTL_NO_SKIP") != "" {
		return true, nil
	}
	_, err := exec.LookPath(tool)
	return err == nil, nil
}

// exits CODE PROGRAM ARG... runs a program that must exit with exactly that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	if code := exitCode(ts, args[1:]); code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func exitCode(ts *testscript.TestScript, args []string) string {
	var exit *exec.ExitError
	switch err := ts.Exec(args[0], args[1:]...); {
	case errors.As(err, &exit):
		return strconv.Itoa(exit.ExitCode())
	case err != nil:
		ts.Fatalf("%v", err)
	}
	return "0"
}

// givesup CODE PATTERN PROGRAM ARG... runs a program that must give up at its --timeout
// with that exit code and a match of the pattern on stderr. On a busy machine, it is
// repeated with a longer timeout.
func givesUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: givesup CODE PATTERN PROGRAM ARG...")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	code := ""
	err = labtest.RetryTimeout(args[2:], func(line []string) bool {
		code = exitCode(ts, line)
		return code == args[0] && want.MatchString(ts.ReadFile("stderr"))
	})
	if err != nil {
		ts.Fatalf("exit code %s, want %s and %s: %v", code, args[0], args[1], err)
	}
}

// capture NAME PROGRAM ARG... runs a program and stores its stdout without the last line
// end in the variable NAME.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: capture NAME PROGRAM ARG...")
	}
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile("stdout"), "\n"))
}

// fits KIND FILE checks that a file is one document of that kind.
func fitsSchema(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fits KIND FILE")
	}
	validateSchema(ts, args[0], ts.ReadFile(args[1]))
}

// fitsevents FILE checks that every line of a file is an event.
func fitsEvents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fitsevents FILE")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		validateSchema(ts, "Event", line)
	}
}

func validateSchema(ts *testscript.TestScript, kind, text string) {
	if err := schema.Validate(kind, []byte(text)); err != nil {
		ts.Fatalf("it does not match the schema of %s: %v", kind, err)
	}
}

// signalled SIGNAL CODE WORD PROGRAM ARG... starts a program, sends it the signal when
// stderr has WORD, and checks the exit code.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signalled SIGNAL CODE WORD PROGRAM ARG...")
	}
	signal := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}[args[0]]
	path := ts.Getenv("BIN") + "/" + args[3]
	cmd := exec.Command(path, args[4:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "KUBECONFIG=" + ts.Getenv("KUBECONFIG"), "PATH=" + ts.Getenv("PATH")}
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	defer time.AfterFunc(labtest.Hang, func() { _ = cmd.Process.Kill() }).Stop()
	var seen bytes.Buffer
	sent := false
	buf := make([]byte, 4096)
	for {
		n, err := stderr.Read(buf)
		seen.Write(buf[:n])
		if !sent && bytes.Contains(seen.Bytes(), []byte(args[2])) {
			ts.Check(cmd.Process.Signal(signal))
			sent = true
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	ts.Logf("[stderr]\n%s", seen.String())
	if code := cmd.ProcessState.ExitCode(); !sent || strconv.Itoa(code) != args[1] {
		ts.Fatalf("signal sent: %v, exit code %d, want %s", sent, code, args[1])
	}
}

// mode OCTAL FILE... checks permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE...")
	}
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, got, args[0])
		}
	}
}

// eventually PROGRAM ARG... runs a program until it succeeds.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: eventually PROGRAM ARG...")
	}
	err := ts.Exec(args[0], args[1:]...)
	for begin := time.Now(); err != nil && time.Since(begin) < labtest.Hang; time.Sleep(100 * time.Millisecond) {
		err = ts.Exec(args[0], args[1:]...)
	}
	if err != nil {
		ts.Fatalf("it does not succeed in time: %v", err)
	}
}

// writecsr NAME SIGNER CN ORG FILE writes a CertificateSigningRequest object with its own
// key.
func writeCSR(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: writecsr NAME SIGNER CN ORG FILE")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	subject := pkix.Name{CommonName: args[2], Organization: []string{args[3]}}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	ts.Check(err)
	object, err := json.Marshal(map[string]any{
		"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": map[string]any{"name": args[0]},
		"spec": map[string]any{
			"signerName": args[1], "usages": []string{"client auth", "digital signature"},
			"request": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		},
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[4]), object, 0o600))
}
