package compat

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/token"
)

// tokenCase is the changed Secret of an ordinary token. It is checked with its own
// secret half, or with another.
type tokenCase struct {
	name    string
	changes []secretChange
	ask     string // another secret half
	// deleted means that the Secret is being deleted.
	deleted bool
	// stricter means that bootstrapsigner signs with the token and bootctl does
	// not: row token-secret-length of docs/stricter.md.
	stricter bool
}

type secretChange func(*corev1.Secret)

func key(name, value string) secretChange {
	return func(s *corev1.Secret) { s.Data[name] = []byte(value) }
}

func noKey(names ...string) secretChange {
	return func(s *corev1.Secret) {
		for _, name := range names {
			delete(s.Data, name)
		}
	}
}

const (
	authUsage = "usage-bootstrap-authentication"
	signUsage = "usage-bootstrap-signing"
	oneGroup  = "system:bootstrappers:one"
)

func usages(value string) []secretChange {
	return []secretChange{key(authUsage, value), key(signUsage, value)}
}

// usageAndEndCases vary the token's usages and expiration.
func usageAndEndCases(now time.Time) []tokenCase {
	cases := []tokenCase{
		{name: "authentication only", changes: []secretChange{noKey(signUsage)}},
		{name: "signing only", changes: []secretChange{noKey(authUsage, "auth-extra-groups")}},
		{name: "signing only, with groups", changes: []secretChange{noKey(authUsage)}},
		{name: "no usage", changes: []secretChange{noKey(authUsage, signUsage)}},
		{name: "proxy token for kubeadm-certs", changes: []secretChange{noKey(authUsage, signUsage), key("description", "Proxy for managing TTL for the kubeadm-certs secret")}},
		{name: "no expiration", changes: []secretChange{noKey("expiration")}},
	}
	for _, value := range []string{"True", "TRUE", "1", "yes", "false", "", " true", "true ", "true\n"} {
		cases = append(cases, tokenCase{name: fmt.Sprintf("usage %q", value), changes: usages(value)})
	}
	soon := now.Add(time.Hour)
	for _, end := range []string{
		"2020-01-01T00:00:00Z", soon.In(time.FixedZone("", 7200)).Format(time.RFC3339), soon.Add(-4*time.Hour).UTC().Format("2006-01-02T15:04:05") + "-05:00",
		now.Add(-time.Minute).UTC().Format("2006-01-02T15:04:05") + "+02:00", strings.ToLower(soon.UTC().Format(time.RFC3339)),
		" 2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z ", "2099-01-01T00:00:00Z\n", "2099-01-01T00:00:00.5Z", "2099-01-01T00:00:00,5Z", "2099-01-01T00:00:00.Z",
		"2099-01-01", "2099-01-01T00:00:00", "2099-01-01 00:00:00Z", "2099-06-30T23:59:60Z", "2099-01-01T24:00:00Z", "2099-1-1T0:0:0Z", "2099-01-01T1:00:00Z", "2099-02-29T00:00:00Z",
		"2099-01-01T00:00:00+0200", "2099-01-01T00:00:00+24:00", "2099-01-01T00:00:00+02:60", "2099-01-01T00:00:00-00:00",
		"", " ", "10000-01-01T00:00:00Z", "+9999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "soon", "4102444800", "never", "Fri, 01 Jan 2099 00:00:00 GMT",
	} {
		cases = append(cases, tokenCase{name: fmt.Sprintf("expiration %q", end), changes: []secretChange{key("expiration", end)}})
	}
	return cases
}

// groupCases vary the token's groups.
func groupCases() []tokenCase {
	cases := []tokenCase{{name: "no groups", changes: []secretChange{noKey("auth-extra-groups")}}}
	const below = "system:bootstrappers:"
	for _, groups := range []string{
		"", oneGroup, oneGroup + "," + below + "another", below + "z," + below + "a", oneGroup + "," + oneGroup,
		"system:bootstrappers", oneGroup + ", " + below + "two", oneGroup + ",", "," + oneGroup, oneGroup + ",," + below + "two",
		below + "ONE", "system:masters", oneGroup + ",system:masters", "system:authenticated", below + "one-", below + "one:", below, below + "-one", below + ":one",
		below + "one two", oneGroup + "\n", below + "éa", below + "a.b", below + strings.Repeat("a", 256), below + strings.Repeat("a", 257),
	} {
		cases = append(cases, tokenCase{name: fmt.Sprintf("groups %.60q of %d", groups, len(groups)), changes: []secretChange{key("auth-extra-groups", groups)}})
	}
	return cases
}

// shapeCases vary the two parts of the token, and the Secret itself.
func shapeCases() []tokenCase {
	half := func(value string) []secretChange { return []secretChange{key("token-secret", value)} }
	yes := true
	return []tokenCase{
		{name: "no token-id", changes: []secretChange{noKey("token-id")}},
		{name: "empty token-id", changes: []secretChange{key("token-id", "")}},
		{name: "another token's token-id", changes: []secretChange{key("token-id", "other1")}},
		{name: "token-id in upper case", changes: []secretChange{func(s *corev1.Secret) { s.Data["token-id"] = bytes.ToUpper(s.Data["token-id"]) }}},
		{name: "token-id with line feed", changes: []secretChange{func(s *corev1.Secret) { s.Data["token-id"] = append(s.Data["token-id"], '\n') }}},
		{name: "no token-secret", changes: []secretChange{noKey("token-secret")}},
		{name: "empty token-secret", changes: half("")},
		{name: "short token-secret", changes: half("k3x9q2w7m5r8tsh"), stricter: true},
		{name: "long token-secret", changes: half("k3x9q2w7m5r8tlong"), stricter: true},
		{name: "long token-secret, checked with its beginning", changes: half("k3x9q2w7m5r8tlon9"), ask: "k3x9q2w7m5r8tlon", stricter: true},
		{name: "token-secret with line feed", changes: half("k3x9q2w7m5r8t0lf\n"), stricter: true},
		{name: "token-secret with line feed inside", changes: half("k3x9q2w7m5r8tlf\n"), ask: "k3x9q2w7m5r8tlf0", stricter: true},
		{name: "token-secret in upper case", changes: half("K3X9Q2W7M5R8T0UP"), stricter: true},
		{name: "token-secret in upper case, checked in lower case", changes: half("K3X9Q2W7M5R8T1UP"), ask: "k3x9q2w7m5r8t1up", stricter: true},
		{name: "other secret half", ask: "z3x9q2w7m5r8toth"},
		{name: "no secret half, checked with another", changes: []secretChange{noKey("token-secret")}, ask: "z3x9q2w7m5r8ton2"},
		{name: "type Opaque", changes: []secretChange{func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }}},
		{name: "type similar to the correct one", changes: []secretChange{func(s *corev1.Secret) { s.Type += "s" }}},
		{name: "no data", changes: []secretChange{func(s *corev1.Secret) { s.Data = nil }}},
		{name: "immutable", changes: []secretChange{func(s *corev1.Secret) { s.Immutable = &yes }}},
		{name: "being deleted", changes: []secretChange{func(s *corev1.Secret) { s.Finalizers = []string{"example.com/kept"} }}, deleted: true},
		{name: "kept by a finalizer, not deleted", changes: []secretChange{func(s *corev1.Secret) { s.Finalizers = []string{"example.com/kept"} }}},
		{name: "unknown key", changes: []secretChange{key("usage-bootstrap-everything", "true"), key("note", "x")}},
		{name: "odd description", changes: []secretChange{key("description", "\x1b[31mred\u202e\r\n\x00")}},
	}
}

// checker checks a token with the real API server and with bootctl.
type checker struct {
	server *labtest.Server
	admin  kubernetes.Interface
	client *http.Client
	dir    string
}

// newChecker starts a control plane that keeps expired tokens.
func newChecker(t *testing.T) checker {
	t.Helper()
	server := startLabWithout(t, "tokencleaner")
	bootctl(t, server, "bootctl", "setup", "--endpoint", server.URL())
	admin, err := server.Client("")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	return checker{server, admin, client, t.TempDir()}
}

func startLabWithout(t *testing.T, controllers ...string) *labtest.Server {
	t.Helper()
	server, err := labtest.Start(filepath.Join(t.TempDir(), "lab"), controllers...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// ask returns the user and groups that the API server authenticates the token as, or
// none if it rejects the token.
func (k checker) ask(t *testing.T, text string) (user string, groups []string) {
	t.Helper()
	body := strings.NewReader(`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, k.server.URL()+"/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+text)
	request.Header.Set("Content-Type", "application/json")
	answer, err := k.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode == http.StatusUnauthorized {
		return "", nil
	}
	var review authenticationv1.SelfSubjectReview
	if err := json.NewDecoder(answer.Body).Decode(&review); err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("the API server responds with %s, %v", answer.Status, err)
	}
	return review.Status.UserInfo.Username, review.Status.UserInfo.Groups
}

// signatures returns the IDs that cluster-info is signed with.
func (k checker) signatures(t *testing.T) map[string]bool {
	t.Helper()
	info, err := k.admin.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(t.Context(), "cluster-info", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for name := range info.Data {
		if id, ok := strings.CutPrefix(name, "jws-kubeconfig-"); ok {
			ids[id] = true
		}
	}
	return ids
}

// settle waits until the API server and bootstrapsigner have seen the token that was
// created last, and returns the IDs that cluster-info is signed with.
func (k checker) settle(t *testing.T, n int) map[string]bool {
	t.Helper()
	_, id, half := tokenCase{}.secretOf(n)
	for deadline := time.Now().Add(labtest.Hang); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if user, _ := k.ask(t, id+"."+half); user != "" && k.signatures(t)[id] {
			return k.signatures(t)
		}
	}
	t.Fatal("an ordinary token is not accepted or has no signature")
	return nil
}

// secretOf returns the Secret of case n, and the secret half that it is checked
// with.
func (c tokenCase) secretOf(n int) (secret *corev1.Secret, id, half string) {
	id, half = fmt.Sprintf("chk%03d", n), fmt.Sprintf("k3x9q2w7m5r8t%03d", n)
	secret = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "bootstrap-token-" + id, Namespace: metav1.NamespaceSystem},
		Type:       "bootstrap.kubernetes.io/token",
		Data: map[string][]byte{
			"token-id": []byte(id), "token-secret": []byte(half), "expiration": []byte("2099-01-01T00:00:00Z"),
			authUsage: []byte("true"), signUsage: []byte("true"), "auth-extra-groups": []byte(token.DefaultGroup),
		},
	}
	for _, change := range c.changes {
		change(secret)
	}
	if stored, ok := secret.Data["token-secret"]; ok {
		half = string(stored)
	}
	if c.ask != "" {
		half = c.ask
	}
	return secret, id, half
}

// store creates the Secret and reports whether the API server accepts it.
func (k checker) store(t *testing.T, c tokenCase, n int) bool {
	t.Helper()
	secret, _, _ := c.secretOf(n)
	secrets := k.admin.CoreV1().Secrets(metav1.NamespaceSystem)
	_, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{})
	if apierrors.IsInvalid(err) {
		t.Logf("%s: not stored: %v", c.name, err)
		return false
	}
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	if c.deleted {
		if err := secrets.Delete(t.Context(), secret.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	return true
}

// run runs bootctl with -o json and returns its exit code, its stdout, and the reason
// code of its error.
func (k checker) run(t *testing.T, args ...string) (code int, object output.TokenCheck, reason string) {
	t.Helper()
	cmd := k.server.Command("bootctl", append(args, "-o", "json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if stdout.Len() > 0 {
		if err := json.Unmarshal(stdout.Bytes(), &object); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, &stdout)
		}
	}
	for line := range bytes.Lines(stderr.Bytes()) {
		var event output.Event
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%s: stderr %s", args, line)
		}
		if event.Event == "error" {
			reason = event.Reason
		}
	}
	return cmd.ProcessState.ExitCode(), object, reason
}

// check compares the two results for one token, and returns the differences.
func (k checker) check(t *testing.T, n int, c tokenCase, signed map[string]bool) (wrong []string, accepted bool) {
	t.Helper()
	_, id, half := c.secretOf(n)
	text := id + "." + half
	user, groups := k.ask(t, strings.TrimSuffix(text, "\n")) // a header cannot carry a line end
	accepted = user != ""
	differs := func(what string, ours, theirs any) {
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			wrong = append(wrong, fmt.Sprintf("%s: bootctl prints %v, Kubernetes %v", what, ours, theirs))
		}
	}
	args := []string{"token", "check", id}
	_, err := token.Parse(strings.TrimSuffix(text, "\n"))
	wellFormed := err == nil
	file := filepath.Join(k.dir, id)
	if wellFormed {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"token", "check", "--token-file", file}
	}
	code, object, reason := k.run(t, args...)
	authenticated := slices.Index(groups, "system:authenticated")
	differs("accepted", object.Accepted, accepted)
	differs("user", object.User, user)
	if accepted {
		differs("groups", object.Groups, slices.Delete(slices.Clone(groups), authenticated, authenticated+1))
	} else if object.RejectedReason == "" {
		wrong = append(wrong, "the reason for the rejection is missing")
	}
	differs("signing", object.Signing, signed[id] && !c.stricter && c.ask == "") // with another secret, the signature is not the token's own
	if c.stricter && !signed[id] {
		wrong = append(wrong, "bootstrapsigner is as strict as bootctl")
	}
	if (code == 0) != (reason == "") || accepted && code != 0 {
		wrong = append(wrong, fmt.Sprintf("exit code %d, reason code %q", code, reason))
	}
	if !wellFormed {
		return wrong, accepted
	}
	code, object, reason = k.run(t, "token", "check", "--token-file", file, "--endpoint", k.server.URL(), "--ca-file", k.server.CAFile)
	differs("user at the endpoint", object.User, user)
	differs("groups at the endpoint", object.Groups, groups)
	if want := map[bool]string{true: "0 ", false: "8 TokenRejected"}[accepted]; fmt.Sprint(code, " ", reason) != want {
		wrong = append(wrong, fmt.Sprintf("at the endpoint: exit code and reason code %d %s, want %s", code, reason, want))
	}
	return wrong, accepted
}

// TestTokenCheck_AgreesWithServer creates tokens of many kinds, and compares the result
// of token check for each with the API server's response to its holder, and with the
// signatures that bootstrapsigner writes.
func TestTokenCheck_AgreesWithServer(t *testing.T) {
	k := newChecker(t)
	cases := slices.Concat(usageAndEndCases(time.Now()), groupCases(), shapeCases(), []tokenCase{{name: "ordinary"}})
	var stored []int
	for n, c := range cases {
		if k.store(t, c, n) {
			stored = append(stored, n)
		}
	}
	signed := k.settle(t, len(cases)-1)
	agree, yes := 0, 0
	for _, n := range stored {
		wrong, accepted := k.check(t, n, cases[n], signed)
		if len(wrong) == 0 {
			agree++
		} else {
			t.Errorf("%s:\n%s", cases[n].name, strings.Join(wrong, "\n"))
		}
		if accepted {
			yes++
		}
	}
	t.Logf("%d Secrets, %d agree; %d are accepted, %d sign cluster-info", len(stored), agree, yes, len(signed))
	if len(stored) < 36 || yes < 10 || len(stored)-yes < 20 || len(signed) < 10 {
		t.Error("too few cases to prove anything")
	}
}
