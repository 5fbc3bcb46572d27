package pictures

import (
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// picture is a file of docs/img.
type picture struct {
	name    string
	title   string                        // also the alternative text in the pages
	without []string                      // controllers that do not run
	prepare func(t *testing.T, s session) // runs before the session
	steps   []step
}

func (p picture) commands() []string {
	var lines []string
	for _, step := range p.steps {
		lines = append(lines, step.typed())
	}
	return lines
}

// draw runs the session on a new control plane and returns its lines.
func (p picture) draw(t *testing.T) []line {
	t.Helper()
	s := session{labtest.NewAdmin(t, p.without...), t.TempDir()}
	if p.prepare != nil {
		p.prepare(t, s)
	}
	var lines []line
	for _, step := range p.steps {
		lines = append(lines, s.run(t, step)...)
	}
	return lines
}

func pictures() []picture {
	return []picture{
		{
			name: "doctor",
			title: "bootctl doctor reports that cluster-info is not signed and that bootstrapsigner is not running, " +
				"and prints a fix. After bootctl cluster-info sign, it reports no failures.",
			without: []string{"bootstrapsigner"},
			prepare: prepareUnsignedToken,
			steps: []step{
				{command: "bootctl doctor", code: 5, keep: `^(OK    (server|clock)|FAIL|$|\d+ ok|bootctl: )`},
				{command: "bootctl cluster-info sign"},
				{command: "bootctl doctor", keep: `^(OK    sign(atures|er):|$|\d+ ok)`},
			},
		},
		{
			name: "quick-start",
			title: "bootctl doctor finds that the cluster has no cluster-info, and bootctl setup creates it. " +
				"bootctl token create writes a bootstrap kubeconfig, with which bootctl join joins worker-7.",
			steps: []step{
				{command: "bootctl doctor", code: 5, keep: `^(OK    server|FAIL  (anonymous|cluster-info):|$|\d+ ok|bootctl: )`},
				{command: "bootctl setup --endpoint https://" + documentationHost, keep: `^(KIND|ConfigMap)`},
				{command: "umask 077; bootctl token create --ttl 15m --wait -o bootstrap-kubeconfig >bootstrap.conf", keep: `^$`},
				{command: "# copy bootstrap.conf to worker-7"},
				{
					host: "worker-7", command: "bootctl join --bootstrap-kubeconfig bootstrap.conf", hidden: " --node-name worker-7 --rootfs root",
					keep: `^(bootctl: ([^w]|wr|waiting for)|NODE|state|server|authenticates|certificate|kubeconfig)`,
				},
			},
		},
		{
			name: "csr-review",
			title: "bootctl csr review shows the subject, the key fingerprint, the requester and the token of worker-7's CSR, " +
				"the result of each policy rule, and the command that approves the CSR.",
			prepare: prepareCSR,
			steps:   []step{{command: "bootctl csr review --node worker-7"}},
		},
		{
			name: "csr-review-refused",
			title: "bootctl csr review shows a CSR that requests the group system:masters: two policy rules failed, " +
				"and the last line is the command that denies the CSR. bootctl csr approve refuses it.",
			prepare: prepareAdministratorCSR,
			steps: []step{
				{command: "bootctl csr review csr-x7k2p", keep: `^(CSR|UID|age|condition|subject|requester|  in groups +system|token|rule|policy|signer  |$|bootctl csr)`},
				{command: "bootctl csr approve csr-x7k2p", code: 5, keep: `^(NAME|csr|bootctl: error)`},
			},
		},
	}
}

// tokenID is the ID of the token in the pictures.
const tokenID = "964rpg"

// createToken creates a token with a random secret, and writes a bootstrap kubeconfig.
func createToken(t *testing.T, s session) {
	t.Helper()
	token := tokenID + s.MustRun(t, "token", "generate")[len(tokenID):]
	kubeconfig := s.MustRun(t, "token", "create", token, "--ttl", "15m", "--description", "for worker-7", "-o", "bootstrap-kubeconfig")
	if err := os.WriteFile(filepath.Join(s.dir, "bootstrap.conf"), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
}

func prepareUnsignedToken(t *testing.T, s session) {
	t.Helper()
	s.MustRun(t, "setup", "--endpoint", s.Server.URL())
	createToken(t, s)
	s.Eventually(t, "report of the missing signature", func() bool { // doctor gives the signer time to sign
		_, report, _ := s.Run(t, "doctor")
		return strings.Contains(report, "FAIL  signatures")
	})
}

func prepareCSR(t *testing.T, s session) {
	t.Helper()
	s.MustRun(t, "setup", "--endpoint", s.Server.URL(), "--auto-approve", "none")
	createToken(t, s)
	s.MustRun(t, "csr", "submit", "--node", "worker-7", "--key", filepath.Join(s.dir, "key"), "--kubeconfig", filepath.Join(s.dir, "bootstrap.conf"))
}

// prepareAdministratorCSR creates a CSR that bootctl csr submit refuses to submit.
func prepareAdministratorCSR(t *testing.T, s session) {
	t.Helper()
	s.MustRun(t, "setup", "--endpoint", s.Server.URL(), "--auto-approve", "none")
	createToken(t, s)
	request := labtest.NewCSR(t, "worker-7", func(_ *testing.T, r *labtest.CSR) {
		r.User = "system:bootstrap:" + tokenID
		r.Template.Subject = pkix.Name{CommonName: "system:node:worker-7", Organization: []string{"system:nodes", "system:masters"}}
	})
	if _, err := s.SendCSR(t.Context(), t, "csr-x7k2p", request); err != nil {
		t.Fatal(err)
	}
}
