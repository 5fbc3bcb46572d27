package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/output"
)

// leafCase describes how the tests run a leaf command. Every command has a case.
type leafCase struct {
	// args let the command succeed on the hostile cluster.
	args []string
	// document has the type of its JSON document; nil if it prints none.
	document any
	// code is the expected exit code.
	code int
	// script is the name of the script in lab/e2e that runs the command and checks its
	// document, if it needs a real control plane.
	script string
}

func leafCases() map[string]leafCase {
	return map[string]leafCase{
		"token create":          {args: []string{"--print-join-command"}, document: output.Token{}},
		"token list":            {document: output.TokenList{}},
		"token delete":          {args: []string{plantedID}, document: output.ResultList{}},
		"token extend":          {args: []string{plantedID, "--ttl", "2d"}, document: output.Token{}},
		"token generate":        {document: output.GeneratedToken{}},
		"token check":           {args: []string{plantedID}, document: output.TokenCheck{}},
		"cluster-info show":     {document: output.ClusterInfo{}},
		"cluster-info verify":   {document: output.Verification{}},
		"cluster-info publish":  {args: []string{"--endpoint", "192.0.2.1", "--yes"}, document: output.ClusterInfoChange{}},
		"cluster-info sign":     {document: output.ClusterInfoChange{}},
		"cluster-info pin":      {document: output.PinList{}},
		"csr list":              {document: output.CSRList{}},
		"csr approve":           {args: []string{"request-of-n1", hostile}, document: output.ResultList{}, code: 5},
		"csr review":            {args: []string{hostile}, document: output.CSRReview{}},
		"csr deny":              {args: []string{"request-of-n1", "--reason", "Hostile"}, document: output.ResultList{}},
		"csr delete":            {args: []string{"--denied"}, document: output.ResultList{}},
		"csr wait":              {script: "csr_submit"},
		"csr submit":            {args: []string{"-f", "testdata/hostile.csr"}, document: output.IssuedCertificate{}},
		"setup":                 {document: output.SetupResult{}},
		"doctor":                {args: []string{"--server", nodesServer}, document: output.DoctorReport{}, code: 5},
		"options":               {},
		"version":               {document: output.Version{}},
		"lab status":            {document: output.LabStatus{}},
		"lab down":              {document: output.LabStatus{}},
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

func TestTree_EveryLeafTried(t *testing.T) {
	cases := leafCases()
	for _, leaf := range leaves(t) {
		path := pathOf(leaf)
		tried, ok := cases[path]
		if !ok {
			t.Errorf("bootctl %s has no case in this test", path)
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
		t.Errorf("the command bootctl %s does not exist", path)
	}
}

func TestTree_FlagsAndExamples(t *testing.T) {
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
			t.Errorf("bootctl %s: missing example or long help, or a short help that ends with a period", path)
		}
		for line := range strings.Lines(strings.ReplaceAll(leaf.Example, "\\\n", "")) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				exampleParses(t, leaf, line)
			}
		}
	}
}

// exampleParses parses a line of an example as the shell and cobra would.
func exampleParses(t *testing.T, leaf *cobra.Command, line string) {
	t.Helper()
	line = strings.TrimPrefix(line, `eval "$(`)
	line = strings.TrimPrefix(line, "(umask 077; ")
	line = strings.TrimPrefix(line, "BOOTCTL_TOKEN=$(cat token) ")
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

// shellWords splits a line that may contain double quotes.
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

func TestTree_Failures(t *testing.T) {
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

func TestTree_Successes(t *testing.T) {
	for path, tried := range leafCases() {
		if tried.document == nil {
			continue
		}
		t.Run(path, func(t *testing.T) {
			args := append(strings.Fields(path), tried.args...)
			got := invoke(t, hostileCluster(t), append(args, "-o", "json", "-v", "1")...)
			if got.code != tried.code {
				t.Fatalf("exit code %d, want %d; stderr %s", got.code, tried.code, got.errOut)
			}
			checkDocument(t, tried.document, got.out)
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

// checkDocument checks that text is one JSON document of the type of like.
func checkDocument(t *testing.T, like any, text string) {
	t.Helper()
	if err := documentError(like, text); err != nil {
		t.Errorf("it is not a %T: %v\n%s", like, err, text)
	}
}

// documentError returns why text is not one JSON document of the type of like: it
// has a field that the type has not, lacks one that the type writes, or has null in
// it. lab/schema shows that what is written of the types fits their schemas.
func documentError(like any, text string) error {
	typ := reflect.TypeOf(like)
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	typed := reflect.New(typ)
	if err := decoder.Decode(typed.Interface()); err != nil {
		return err
	}
	again, err := json.Marshal(typed.Interface())
	if err != nil {
		return err
	}
	var document, want map[string]any
	if err := errors.Join(json.Unmarshal([]byte(text), &document), json.Unmarshal(again, &want)); err != nil {
		return err
	}
	switch kind, ok := document["kind"]; {
	case !reflect.DeepEqual(document, want):
		return fmt.Errorf("the type is written as %v", want)
	case hasNull(document):
		return errors.New("it has null in it")
	case ok && kind != typ.Name():
		return fmt.Errorf("its kind is %v", kind)
	}
	return nil
}

func TestDocumentError(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"whole", `{"apiVersion":"a","kind":"TokenList","items":[]}`, ""},
		{"unknown field", `{"apiVersion":"a","kind":"TokenList","items":[],"b":1}`, "unknown field"},
		{"missing field", `{"kind":"TokenList","items":[]}`, "apiVersion"},
		{"field in another case", `{"apiVersion":"a","Kind":"TokenList","items":[]}`, "kind:TokenList"},
		{"null for a list", `{"apiVersion":"a","kind":"TokenList","items":null}`, "null"},
		{"another type of value", `{"apiVersion":"a","kind":"TokenList","items":{}}`, "cannot unmarshal"},
		{"another kind", `{"apiVersion":"a","kind":"Token","items":[]}`, "kind is Token"},
		{"two documents", `{"apiVersion":"a","kind":"TokenList","items":[]} {}`, "after top-level value"},
		{"nothing", "", "EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			switch err := documentError(output.TokenList{}, test.text); {
			case (err == nil) != (test.want == ""):
				t.Errorf("err = %v, want %q", err, test.want)
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("err = %v, want %q", err, test.want)
			}
		})
	}
}

// hasNull reports whether a JSON value is null, or one inside it is.
func hasNull(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), hasNull)
	case []any:
		return slices.ContainsFunc(value, hasNull)
	}
	return value == nil
}

// checkEvents checks that every line is a JSON event.
func checkEvents(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		checkDocument(t, output.Event{}, line)
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

func TestCheckClean_PlantedSecret(t *testing.T) {
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
	root := newRoot(&cli.Env{})
	root.InitDefaultCompletionCmd("completion")
	root.InitDefaultHelpCmd()
	var found []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() && cmd.Runnable() && cmd.Name() != "help" {
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
