package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/token"
)

// Usage errors name the flags and arguments of the command line, and end with the command
// that prints the help, wherever they are found: by cobra, or in the body of a command.
func TestRun_UsageErrors(t *testing.T) {
	tests := []struct {
		args, want string
		command    string // whose help is named
	}{
		{"help nosuch", `bootctl has no subcommand "nosuch"`, "bootctl"},
		{"help token creat", "did you mean create?", "bootctl token"},
		{"help doctor nope", `bootctl doctor has no subcommands`, "bootctl doctor"},
		{"nosuch --help", `bootctl has no subcommand "nosuch"`, "bootctl"},
		{"token nosuch", `bootctl token has no subcommand "nosuch"`, "bootctl token"},
		{"token nosuch --help", `bootctl token has no subcommand "nosuch"`, "bootctl token"},
		{"token list extra", "wrong number of arguments: 1; the usage is: bootctl token list", "bootctl token list"},
		{"token extend --ttl 1h", "wrong number of arguments: 0; the usage is: bootctl token extend ID", "bootctl token extend"},
		{"token list --nosuch", "unknown flag: --nosuch", "bootctl token list"},
		{"token list -o nosuch", `unknown output format "nosuch"`, "bootctl token list"},
		{"csr approve --max x --pending", `--max accepts an integer, not "x"`, "bootctl csr approve"},
		{"csr approve --pending=perhaps", `--pending accepts true or false, not "perhaps"`, "bootctl csr approve"},
		{"csr wait --node n1 --timeout 5", `--timeout accepts a duration with a unit, such as 30s or 5m, not "5"`, "bootctl csr wait"},
		{"csr wait n1 --request-timeout x", `--request-timeout accepts seconds, or a duration such as 30s or 5m, not "x"`, "bootctl csr wait"},
		{"token create --timeout 5s", "--timeout requires --wait", "bootctl token create"},
		{"csr submit --node n1 --key k --timeout 5s", "--timeout requires --wait", "bootctl csr submit"},
		{"csr submit --node n1 --key k --org o", "--org requires --cn", "bootctl csr submit"},
		{"csr approve --pending --wait", "--wait requires --node", "bootctl csr approve"},
		{"csr approve", "specify CSRs by name, or with a filter such as --pending", "bootctl csr approve"},
		{"csr list --older-than x", `--older-than "x" is not a duration`, "bootctl csr list"},
		{"csr delete a/b", `"a/b" has the type "a"`, "bootctl csr delete"},
		{"csr submit --cn jane --san a_b --key k", `--san "a_b" is not a DNS name`, "bootctl csr submit"},
		{"csr submit --cn jane --expiration 5m --key k", "the CSR would not be signed", "bootctl csr submit"},
		{"token create --usages sign", `usage "sign" is neither`, "bootctl token create"},
		{"cluster-info sign --token-file x", "--token-file requires --file", "bootctl cluster-info sign"},
		{"setup --group x", `--group "x" is not a group of bootstrap tokens`, "bootctl setup"},
		{"doctor --endpoint x --probe", "--probe and --endpoint cannot be used together", "bootctl doctor"},
		{"join", "specify the ENDPOINT of an API server", "bootctl join"},
		{"join --control-plane", "--control-plane is not supported: bootctl joins worker nodes", "bootctl join"},
		{"lab logs -o json", "-o and -q cannot be used with a log", "bootctl lab logs"},
		{"lab logs -q", "-o and -q cannot be used with a log", "bootctl lab logs"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			got := invoke(t, nil, strings.Fields(test.args)...)
			if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, test.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want 2 and %q", got.code, got.out, got.errOut, test.want)
			}
			if hint := "see: " + test.command + " --help"; !strings.HasSuffix(strings.TrimRight(got.errOut, "\"}\n"), hint) {
				t.Errorf("stderr %q, want the hint %q", got.errOut, hint)
			}
		})
	}
}

func TestHelp_Commands(t *testing.T) {
	for _, args := range []string{"", "token", "help", "help token", "help token create", "token --help", "token create --help", "token create x --help", "--help"} {
		if got := invoke(t, nil, strings.Fields(args)...); got.code != 0 || !strings.Contains(got.out, "Usage:") || got.errOut != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, got.code, got.out, got.errOut)
		}
	}
}

// Help about flags and exit codes is in the program, and wrong commands name their own help.
func TestHelp_Topics(t *testing.T) {
	tests := []struct {
		args string
		code int
		want string
	}{
		{"options", 0, "--output format"},
		{"help exit-codes", 0, "PinMismatch: compare the pin"},
		{"help lab nosuch", 2, "bootctl lab --help"},
		{"lab nosuch", 2, "bootctl lab --help"},
		{"help", 0, "Tokens and Discovery:"},
	}
	for _, test := range tests {
		got := invoke(t, nil, strings.Fields(test.args)...)
		if got.code != test.code || !strings.Contains(got.out+got.errOut, test.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q, want %q", test.args, got.code, got.out, got.errOut, test.want)
		}
	}
}

// Every help begins with its short description and fits into 80 columns.
func TestHelp_Layout(t *testing.T) {
	for _, cmd := range commands(newRoot(&cli.Env{})) {
		got := invoke(t, nil, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		if strings.HasPrefix(pathOf(cmd), "completion") || cmd.Name() == "help" { // cobra's own
			continue
		}
		if words := strings.Join(strings.Fields(got.out), " "); !strings.HasPrefix(words, cmd.Short) {
			t.Errorf("%s: the help does not begin with %q", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(got.out) {
			if width := len([]rune(strings.TrimRight(line, "\n"))); width > 80 && len(strings.Fields(line)) > 1 { // a longer word has a line of its own
				t.Errorf("%s: a line has %d columns: %s", cmd.CommandPath(), width, line)
			}
		}
		for i, line := range strings.Split(cmd.Example, "\n") {
			if line != "" && (i == 0 || strings.Split(cmd.Example, "\n")[i-1] == "") && !strings.HasPrefix(line, "  # ") {
				t.Errorf("%s: the example %q has no caption", cmd.CommandPath(), line)
			}
		}
	}
}

// commands returns the command and all below it that a user can find.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			all = append(all, commands(child)...)
		}
	}
	return all
}

// A CSR that is named twice is one CSR.
func TestApprove_NamedTwice(t *testing.T) {
	pending := requests(t, "n1")
	denied := changed(pending[0].DeepCopyObject(), func(r *certificatesv1.CertificateSigningRequest) {
		r.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: "Denied", Status: "True"}}
	})
	tests := []struct {
		args    string
		objects []runtime.Object
	}{
		{"approve", pending}, {"deny --reason Twice", pending}, {"delete", []runtime.Object{denied}},
	}
	for _, test := range tests {
		got := invoke(t, test.objects, strings.Fields("csr "+test.args+" request-of-n1 request-of-n1 -q")...)
		if got.code != 0 || got.out != "request-of-n1\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.args, got.code, got.out, got.errOut)
		}
	}
}

func TestCompletion(t *testing.T) {
	tests := []struct {
		args string // and then the word that is begun, after the last space
		want []string
	}{
		{"csr review ", []string{"request-of-n1", "request-of-n2"}},
		{"csr review request-of-n1 ", nil},
		{"csr approve request-of-n1 ", []string{"request-of-n2"}},
		{"csr approve --node ", []string{"n1", "n2"}},
		{"csr list --signer ", []string{"kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client"}},
		{"csr list --context ", []string{"c"}},
		{"csr list --cluster ", []string{"c"}},
		{"csr list --user ", []string{"u"}},
		{"csr wait -o ", []string{"pem", "table", "wide", "name", "json", "yaml", "kyaml", "jsonpath=", "jsonpath-as-json=", "jsonpath-file=", "go-template=", "go-template-file="}},
		{"token create --usages signing,", []string{"signing,authentication"}},
		{"setup --auto-approve ", []string{"keep", "nodes", "none"}},
		{"help tok", []string{"token"}},
	}
	for _, test := range tests {
		got := invoke(t, requests(t, "n1", "n2"), append([]string{"__complete"}, strings.Split(test.args, " ")...)...)
		var offered []string
		for line := range strings.Lines(got.out) {
			if word, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t"); !strings.HasPrefix(word, ":") {
				offered = append(offered, word)
			}
		}
		if got.code != 0 || !slices.Equal(offered, test.want) {
			t.Errorf("%q: exit code %d, offered %q, want %q", test.args, got.code, offered, test.want)
		}
	}
}

// A name that a shell would not take for one word is not offered.
func TestCompletion_ReadOnly(t *testing.T) {
	got := invoke(t, hostileCluster(t), "__complete", "csr", "review", "")
	if got.code != 0 || strings.Contains(got.out, hostile) || !strings.Contains(got.out, "request-of-n1") {
		t.Errorf("exit code %d, offered %q", got.code, got.out)
	}
	checkClean(t, result{out: strings.ReplaceAll(got.out, "\t", " ")})
}

// Windows has the administrator's commands.
func TestRun_Windows(t *testing.T) {
	for _, args := range []string{"join 192.0.2.1 --token-file t", "join --dry-run", "lab up", "lab down", "lab status", "lab logs", "lab kubeconfig"} {
		var out, errOut bytes.Buffer
		e := cli.Env{Redact: token.Redact, Goos: "windows", IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}}
		code := run(t.Context(), &e, strings.Fields(args))
		if code != 1 || out.Len() > 0 || !strings.Contains(errOut.String(), "runs on Linux and macOS") || !strings.Contains(errOut.String(), "(Unsupported)") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, code, &out, &errOut)
		}
	}
}
