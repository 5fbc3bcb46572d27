package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/output/schema"
)

// leafCase says how a leaf command is tried in the walk over the tree. A command
// is done when it stands here.
type leafCase struct {
	// args make it succeed on the hostile cluster.
	args []string
	// kind is the type of its JSON document; empty when it prints none.
	kind string
	// code is the exit code of that success; 4 where the finding is one.
	code int
	// script names the script in lab/e2e that shows the success, and that its
	// document fits the schema, where that takes a real control plane.
	script string
}

func leafCases() map[string]leafCase {
	return map[string]leafCase{
		"token create":          {args: []string{"--print-join-command"}, kind: "Token"},
		"token list":            {kind: "TokenList"},
		"token delete":          {args: []string{plantedID}, kind: "ResultList"},
		"token extend":          {args: []string{plantedID, "--ttl", "2d"}, kind: "Token"},
		"token generate":        {kind: "GeneratedToken"},
		"token check":           {args: []string{plantedID}, kind: "TokenCheck"},
		"cluster-info show":     {kind: "ClusterInfo"},
		"cluster-info verify":   {kind: "Verification"},
		"cluster-info publish":  {args: []string{"--yes"}, kind: "ClusterInfoChange"},
		"cluster-info sign":     {kind: "ClusterInfoChange"},
		"cluster-info pin":      {kind: "PinList"},
		"csr list":              {kind: "CertificateRequestList"},
		"csr approve":           {args: []string{"request-of-n1", hostile}, kind: "ResultList", code: 5},
		"csr review":            {args: []string{hostile}, kind: "RequestReview"},
		"csr deny":              {args: []string{"request-of-n1", "--reason", "Hostile"}, kind: "ResultList"},
		"csr delete":            {args: []string{"--denied"}, kind: "ResultList"},
		"csr wait":              {script: "csr_submit"},
		"csr submit":            {args: []string{"-f", "testdata/hostile.csr"}, kind: "RequestedCertificate"},
		"setup":                 {kind: "SetupResult"},
		"doctor":                {args: []string{"--server", nodesServer}, kind: "DoctorReport", code: 5},
		"version":               {kind: "Version"},
		"lab status":            {kind: "LabStatus"},
		"lab down":              {kind: "LabStatus"},
		"lab up":                {script: "lab_lifecycle"},
		"lab logs":              {script: "lab_lifecycle"},
		"lab kubeconfig":        {script: "lab_lifecycle"},
		"join":                  {script: "join_rootfs"},
		"completion bash":       {},
		"completion zsh":        {},
		"completion fish":       {},
		"completion powershell": {},
	}
}

func TestTreeEveryLeafIsTried(t *testing.T) {
	cases := leafCases()
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		tried, ok := cases[path]
		if !ok {
			t.Errorf("bootctl %s stands in no case of this test", path)
		}
		if tried.script != "" {
			text, err := os.ReadFile(filepath.Join("..", "..", "lab", "e2e", "testdata", "script", tried.script+".txtar"))
			if err != nil || !strings.Contains(string(text), "bootctl "+path) {
				t.Errorf("script %s does not run bootctl %s (%v)", tried.script, path, err)
			}
		}
		delete(cases, path)
	}
	for path := range cases {
		t.Errorf("there is no command bootctl %s any more", path)
	}
}

func TestTreeFlagsAndExamples(t *testing.T) {
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		leaf.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			if leaf.InheritedFlags().Lookup(flag.Name) != nil {
				t.Errorf("bootctl %s: --%s shadows the global flag", path, flag.Name)
			}
		})
		if strings.HasPrefix(path, "completion") {
			continue
		}
		if leaf.Example == "" || leaf.Long == "" || strings.HasSuffix(leaf.Short, ".") {
			t.Errorf("bootctl %s: it needs an example, a long help and a short one without a full stop", path)
		}
		for line := range strings.Lines(leaf.Example) {
			exampleParses(t, leaf, line)
		}
	}
}

// exampleParses parses a line of an example as the shell and cobra would.
func exampleParses(t *testing.T, leaf *cobra.Command, line string) {
	t.Helper()
	line = strings.TrimPrefix(strings.TrimSpace(line), `eval "$(`)
	line, _, _ = strings.Cut(strings.TrimSuffix(line, `)"`), " >")
	words := shellWords(line)
	found, rest, err := leaf.Root().Find(words[1:])
	if words[0] != "bootctl" || err != nil || found != leaf {
		t.Errorf("example %q does not run bootctl %s (%v)", line, pathOf(leaf), err)
		return
	}
	if err := leaf.ParseFlags(rest); err != nil {
		t.Errorf("example %q: %v", line, err)
	}
	if err := leaf.ValidateArgs(leaf.Flags().Args()); err != nil {
		t.Errorf("example %q: %v", line, err)
	}
}

// shellWords splits a line, of which parts may stand in double quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func TestTreeFailures(t *testing.T) {
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		t.Run(path, func(t *testing.T) {
			words := strings.Fields(path)
			got := invoke(t, nil, append(words, "--no-such-flag", "-o", "json")...)
			if got.code != 2 || got.out != "" {
				t.Errorf("unknown flag: exit code %d, stdout %q; want 2 and nothing", got.code, got.out)
			}
			checkEvents(t, got.errOut)
			got = invoke(t, nil, append(words, "-o", "json", "x", "x", "x")...)
			if got.code == 0 && got.out != "" && !json.Valid([]byte(got.out)) {
				t.Errorf("stdout is neither empty nor valid: %q", got.out)
			}
			checkEvents(t, got.errOut)
		})
	}
}

func TestTreeSuccesses(t *testing.T) {
	for path, tried := range leafCases() {
		if tried.kind == "" {
			continue
		}
		t.Run(path, func(t *testing.T) {
			args := append(strings.Fields(path), tried.args...)
			got := invoke(t, hostileCluster(t), append(args, "-o", "json", "-v", "1")...)
			if got.code != tried.code {
				t.Fatalf("exit code %d, want %d; stderr %s", got.code, tried.code, got.errOut)
			}
			checkDocument(t, tried.kind, got.out)
			checkEvents(t, got.errOut)
			checkClean(t, got)
			for _, format := range []string{
				"-q", "-otable", "-owide", "-oname", "-oyaml", "-okyaml",
				"-ojsonpath={}", "-ojsonpath={.items[*]}", "-ojsonpath-as-json={}", "-ogo-template={{.}}",
			} {
				got := invoke(t, hostileCluster(t), append(args, format, "-v", "1")...)
				if got.code != tried.code || got.out == "" && format != "-ojsonpath={.items[*]}" {
					t.Errorf("%s: exit code %d, stdout %q, stderr %q", format, got.code, got.out, got.errOut)
				}
				checkClean(t, got)
			}
		})
	}
}

// checkDocument checks that text is one JSON document that fits its schema.
func checkDocument(t *testing.T, kind, text string) {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("stdout is not one JSON document: %v\n%s", err, text)
	}
	wanted, err := schema.For(kind)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := wanted.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(document); err != nil {
		t.Errorf("the document does not fit %s: %v\n%s", kind, err, text)
	}
	if object, ok := document.(map[string]any); ok && kind != "Event" && object["kind"] != kind {
		t.Errorf("the document is a %v, want %s", object["kind"], kind)
	}
}

// checkEvents checks that every line is a JSON event.
func checkEvents(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		checkDocument(t, "Event", line)
	}
}

// checkClean checks that no raw control character came out, nor the secret.
func checkClean(t *testing.T, got result) {
	t.Helper()
	for _, text := range []string{got.out, got.errOut} {
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("raw %U in %q", r, text)
				break
			}
		}
		for offset := range 3 { // base64 looks different at each offset
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + planted))
			if strings.Contains(text, planted) || strings.Contains(text, encoded[4:len(encoded)-4]) {
				t.Errorf("the secret came out: %q", text)
			}
		}
	}
}

func TestCheckCleanFindsPlantedSecret(t *testing.T) {
	for _, text := range []string{planted, base64.StdEncoding.EncodeToString([]byte("ab" + planted))} {
		found := &testing.T{}
		checkClean(found, result{out: text})
		if !found.Failed() {
			t.Errorf("a planted %q is not found", text)
		}
	}
}

func leaves(t *testing.T) []*cobra.Command {
	t.Helper()
	root := newRoot(&env{})
	root.InitDefaultCompletionCmd("completion")
	root.InitDefaultHelpCmd()
	var found []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() && cmd.Name() != "help" {
			found = append(found, cmd)
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(root)
	return found
}

func pathOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), "bootctl ")
}
