package controlplane_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/lab"
)

// TestServe starts one lab several times: each start uses the data of the previous one.
// The lab's path is longer than the path of a Unix socket can be.
func TestServe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long-", 25), "lab")
	marker := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "marker"}}

	s := serve(t, dir)
	client := s.client(t)
	t.Run("ready", func(t *testing.T) { checkReady(t, s, dir) })
	t.Run("version", func(t *testing.T) {
		v, err := client.Discovery().ServerVersion()
		if err != nil || v.GitVersion != "v1.37.2" {
			t.Errorf("version %v, %v", v, err)
		}
	})
	t.Run("listens on loopback only", func(t *testing.T) { checkListeners(t, s) })
	t.Run("keys are private", func(t *testing.T) { checkModes(t, dir) })
	t.Run("second server", func(t *testing.T) {
		f, code := fails(t, dir)
		if code != 9 || f.Reason != lab.ReasonRunning || !strings.Contains(f.Message, strconv.Itoa(s.Pid)) {
			t.Errorf("exit %d, %+v", code, f)
		}
	})
	t.Run("all controllers", func(t *testing.T) { checkControllers(t, client, "a", nil) })
	if _, err := client.CoreV1().ConfigMaps("default").Create(t.Context(), marker, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	makeExpiredCSR(t, client, "expired-1")
	s.kill()

	t.Run("port taken", func(t *testing.T) { checkPortTaken(t, s, dir) })

	without := []string{"bootstrapsigner", "csrsigning"}
	old := s.Ready
	s = serve(t, dir, "--without", strings.Join(without, ","))
	client = s.client(t)
	t.Run("killed server's data and address are kept", func(t *testing.T) {
		if _, err := client.CoreV1().ConfigMaps("default").Get(t.Context(), marker.Name, metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		if s.Server != old.Server {
			t.Errorf("server %s, was %s", s.Server, old.Server)
		}
	})
	t.Run("without signers", func(t *testing.T) { checkControllers(t, client, "b", without) })
	t.Run("with csrcleaner", func(t *testing.T) {
		eventually(t, "the expired CSR is deleted", func(ctx context.Context) bool {
			return !csrExists(ctx, t, client, "expired-1")
		})
	})
	makeExpiredCSR(t, client, "expired-2")
	checkStop(t, s)

	without = []string{"certificatesigningrequest-cleaner-controller", "tokencleaner", "csrapproving"}
	s = serve(t, dir, "--without", without[0], "--without", without[1], "--without", without[2],
		"--kube-apiserver-arg=anonymous-auth=false", "--kube-controller-manager-arg=cluster-signing-duration=10m")
	client = s.client(t)
	t.Run("with flags", func(t *testing.T) { checkFlags(t, s) })
	t.Run("without the others", func(t *testing.T) { checkControllers(t, client, "c", without) })
	t.Run("without csrcleaner", func(t *testing.T) { // the previous test took at least 3 s
		if !csrExists(t.Context(), t, client, "expired-2") {
			t.Error("the expired CSR was deleted")
		}
	})
	checkStop(t, s)
}

func TestServe_Usage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	f, code := fails(t, dir, "--without", "scheduler")
	if code != 2 || f.Reason != "UnknownController" || !strings.Contains(f.Message, "csrcleaner") {
		t.Errorf("exit %d, %+v", code, f)
	}
	for _, flag := range []string{"--kube-apiserver-arg=nonsense=1", "--kube-apiserver-arg=anonymous-auth=maybe", "--kube-apiserver-arg=anonymous-auth",
		"--kube-controller-manager-arg=nonsense=1", "--kube-controller-manager-arg==1"} {
		component := strings.TrimSuffix(strings.TrimPrefix(flag[:strings.Index(flag, "=")], "--"), "-arg")
		if f, code := fails(t, dir, flag); code != 2 || f.Reason != "InvalidComponentFlag" || !strings.Contains(f.Message, "flags of "+component) {
			t.Errorf("%s: exit %d, %+v", flag, code, f)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was created")
	}
	// An error in the complete configuration: no port is recorded.
	if f, code := fails(t, dir, "--kube-apiserver-arg=authorization-mode=Nobody"); code != 2 || f.Reason != "InvalidComponentFlag" {
		t.Errorf("exit %d, %+v", code, f)
	}
	if status, err := (lab.Lab{Dir: dir}).Status(); err != nil || status.Running {
		t.Errorf("status %+v, %v", status, err)
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".profile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, code := fails(t, home); code != 9 || f.Reason != "NotALab" {
		t.Errorf("exit %d, %+v", code, f)
	}
	if f, code := fails(t, filepath.Join(home, ".profile", "lab")); code != 10 || f.Reason != "LocalFile" {
		t.Errorf("exit %d, %+v", code, f)
	}
}

func checkReady(t *testing.T, s *server, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, lab.ReadyFile))
	if err != nil {
		t.Fatal(err)
	}
	var inFile lab.Ready
	if err := json.Unmarshal(data, &inFile); err != nil {
		t.Fatal(err)
	}
	if inFile.Server != s.Server || !slices.Equal(inFile.Controllers, lab.Controllers()) {
		t.Errorf("%s contains %+v, stdout %+v", lab.ReadyFile, inFile, s.Ready)
	}
	if s.Event != "ready" || s.Pid != s.cmd.Process.Pid || s.KubernetesVersion != "v1.37.2" ||
		s.CAFile != filepath.Join(dir, "pki", "ca.crt") || s.Kubeconfig != filepath.Join(dir, "admin.kubeconfig") {
		t.Errorf("ready %+v", s.Ready)
	}
}

// checkFlags checks that the server reports the flags and applies them.
func checkFlags(t *testing.T, s *server) {
	t.Helper()
	if !slices.Equal(s.APIServerArgs, []string{"anonymous-auth=false"}) || !slices.Equal(s.ControllerManagerArgs, []string{"cluster-signing-duration=10m"}) {
		t.Errorf("ready %+v", s.Ready)
	}
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(rest.AnonymousClientConfig(config))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Discovery().ServerVersion(); !apierrors.IsUnauthorized(err) {
		t.Errorf("anonymous: %v, want unauthorized", err)
	}
	admin := s.client(t)
	name := makeCSR(t, admin, "flags", "someone", certificatesv1.KubeAPIServerClientSignerName)
	approve(t, admin, name)
	eventually(t, "the certificate is issued", func(ctx context.Context) bool {
		csr, err := admin.CertificatesV1().CertificateSigningRequests().Get(ctx, name, metav1.GetOptions{})
		if err != nil || len(csr.Status.Certificate) == 0 {
			return false
		}
		block, _ := pem.Decode(csr.Status.Certificate)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || cert.NotAfter.After(time.Now().Add(10*time.Minute)) {
			t.Errorf("expires at %v, %v", cert.NotAfter, err)
		}
		return true
	})
}

func checkPortTaken(t *testing.T, s *server, dir string) {
	t.Helper()
	defer occupy(t, s.Server).Close() //nolint:errcheck // it only occupies the port
	f, code := fails(t, dir)
	if code != 9 || f.Reason != "PortTaken" || !strings.Contains(f.Message, s.Server[strings.LastIndex(s.Server, ":")+1:]) {
		t.Errorf("exit %d, %+v", code, f)
	}
}

// occupy listens on a stopped server's port as soon as the kernel allows it.
func occupy(t *testing.T, server string) net.Listener {
	t.Helper()
	var l net.Listener
	eventually(t, "the port is free", func(context.Context) (done bool) {
		var err error
		l, err = net.Listen("tcp", strings.TrimPrefix(server, "https://"))
		return err == nil
	})
	if l == nil {
		t.FailNow()
	}
	return l
}

func checkStop(t *testing.T, s *server) {
	t.Helper()
	if code := s.stop(t); code != 0 {
		t.Errorf("exit %d\n%s", code, s.stderr)
	}
}
