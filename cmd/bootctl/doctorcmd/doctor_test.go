package doctorcmd

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
)

// reportOf returns a report with a finding for each status.
func reportOf(statuses ...doctor.Status) output.DoctorReport {
	var findings []doctor.Finding
	for _, status := range statuses {
		findings = append(findings, doctor.Finding{Check: "check-" + string(status), Status: status, Message: strings.Repeat("long ", 40) + "end"})
		if status != doctor.OK && status != doctor.SKIP {
			findings[len(findings)-1].Reason, findings[len(findings)-1].Fix = "Because", "bootctl do this"
		}
	}
	return newReport((&cli.Env{}), findings)
}

func TestReport_ExitCode(t *testing.T) {
	tests := []struct {
		name   string
		report output.DoctorReport
		strict bool
		want   string // empty: no error
	}{
		{"OK", reportOf(doctor.OK), true, ""},
		{"WARN", reportOf(doctor.OK, doctor.WARN), false, ""},
		{"WARN, strict", reportOf(doctor.OK, doctor.WARN), true, "with --strict, warnings count as failures: 1 ok, 1 warning, 0 failures"},
		{"FAIL", reportOf(doctor.OK, doctor.WARN, doctor.FAIL), false, "1 ok, 1 warning, 1 failure"},
		{"FAIL, strict", reportOf(doctor.OK, doctor.WARN, doctor.FAIL), true, "1 ok, 1 warning, 1 failure"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := options{strict: test.strict}.notReady(test.report)
			if test.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if f := failure.Of(err); f.Exit != failure.ExitRefused || f.Reason != "NotReady" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, %+v, want %q", err, f, test.want)
			}
		})
	}
}

// Messages are wrapped and not truncated. The fix is on one line, so that it can be pasted.
func TestReport_Text(t *testing.T) {
	report := reportOf(doctor.OK, doctor.FAIL, doctor.SKIP)
	if report.OK != 1 || report.Failures != 1 || report.Warnings != 0 || report.Skipped != 1 {
		t.Errorf("counts %+v", report)
	}
	report.Items[1].Fix = strings.Repeat("bootctl fix ", 20)
	v := doctorView(report)
	text, err := v.Render(cli.GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if len(line) > 81 && !strings.Contains(line, report.Items[1].Fix) {
			t.Errorf("the line %q has %d columns", line, len(line)-1)
		}
	}
	if words := strings.Join(strings.Fields(string(text)), " "); !strings.Contains(words, "FAIL check-FAIL: Because: long long ") ||
		strings.Count(words, "long") != 120 || !strings.HasSuffix(words, "1 ok, 0 warnings, 1 failure, 1 skipped") {
		t.Errorf("text\n%s", text)
	}
	if len(v.Names) != 1 || v.Names[0].Bare != "check-FAIL" {
		t.Errorf("names %q", v.Names)
	}
}

// The text has each fix once, and a row with the same fix names the check that has it. The
// table and JSON have every fix.
func TestReport_SameFix(t *testing.T) {
	report := reportOf(doctor.WARN, doctor.FAIL, doctor.OK, doctor.FAIL)
	report.Items[3].Fix = "bootctl do that"
	report.Items = append(report.Items, report.Items[1])
	v := doctorView(report)
	var fixes []string
	for line := range strings.Lines(v.Text) {
		if fix, ok := strings.CutPrefix(strings.TrimSpace(line), "fix: "); ok {
			fixes = append(fixes, fix)
		}
	}
	same := "the same as for check-WARN"
	if want := []string{"bootctl do this", same, "bootctl do that", same}; !slices.Equal(fixes, want) {
		t.Errorf("fixes %q, want %q", fixes, want)
	}
	if report.Items[1].Fix != "bootctl do this" || v.Rows[1][3] != "bootctl do this" || len(v.Names) != 4 {
		t.Errorf("fix %q, row %q, names %q", report.Items[1].Fix, v.Rows[1], v.Names)
	}
}

// Only fixes that name flags of components get the command that restarts a lab.
func TestAddLabFix(t *testing.T) {
	const restart = "bootctl lab down && bootctl lab up"
	tests := []struct {
		name, check, reason, restart, want string
	}{
		{"controller", "signer", doctor.BootstrapSignerNotRunning, restart, "fix; or, for this lab: " + restart},
		{"not a lab", "signer", doctor.BootstrapSignerNotRunning, "", "fix"},
		{"another reason", "requests", doctor.SignerFailed, restart, "fix"},
		{"CSR that waits for a person", "requests", doctor.CSRPending, restart, "fix"},
		{"CSR of the probe", "probe: approval", doctor.CSRPending, restart, "fix; or, for this lab: " + restart},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			findings := []doctor.Finding{{Check: test.check, Status: doctor.FAIL, Reason: test.reason, Fix: "fix"}}
			addLabFix(findings, test.restart)
			if findings[0].Fix != test.want {
				t.Errorf("fix %q, want %q", findings[0].Fix, test.want)
			}
		})
	}
}

// The cluster has the CA of the kubeconfig, or none if no CA verifies the connection.
func TestAdminCluster_Kubeconfig(t *testing.T) {
	tests := []struct {
		name   string
		change func(*clientcmdapi.Cluster)
		server clusterinfo.Endpoint
		cas    int
	}{
		{"CA", func(*clientcmdapi.Cluster) {}, "192.0.2.1:6443", 1},
		{"not verified", func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData, c.InsecureSkipTLSVerify = nil, true }, "192.0.2.1:6443", 0},
		{"through kubectl proxy", func(c *clientcmdapi.Cluster) { c.Server, c.CertificateAuthorityData = "http://127.0.0.1:8001", nil }, "", 0},
		{"server with a path", func(c *clientcmdapi.Cluster) { c.Server += "/k8s/clusters/c-1" }, "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			config := &clientcmdapi.Config{
				Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: "https://192.0.2.1:6443", CertificateAuthorityData: certpem.Encode(testca.New(t, time.Now()).Certificate)}},
				AuthInfos:      map[string]*clientcmdapi.AuthInfo{"u": {Token: "none"}},
				Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c", AuthInfo: "u"}},
				CurrentContext: "c",
			}
			test.change(config.Clusters["c"])
			if err := clientcmd.WriteToFile(*config, path); err != nil {
				t.Fatal(err)
			}
			e := &cli.Env{Getenv: func(string) string { return path }, Now: time.Now, NewClient: kubeclient.New, Connection: cli.NewConnection()}
			admin, err := e.AdminConfig()
			if err != nil || admin.File != path {
				t.Fatalf("kubeconfig %q, %v", admin.File, err)
			}
			got, err := adminCluster(e, admin, setup.Options{})
			if err != nil || got.Server != test.server || len(got.CAs) != test.cas || got.Address != config.Clusters["c"].Server {
				t.Errorf("server %q, %d CAs, address %q, %v", got.Server, len(got.CAs), got.Address, err)
			}
		})
	}
}
