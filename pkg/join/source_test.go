package join_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// bootstrap returns a bootstrap kubeconfig for the cluster, as the kubelet reads it.
func (c *cluster) bootstrap(user string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority-data: %s}}]
users: [{name: u, user: {%s}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, c.endpoint, base64.StdEncoding.EncodeToString(certpem.Encode(c.ca.Certificate)), user)
}

// Each case differs in one thing from a file that can be used to join.
func TestParseFile(t *testing.T) {
	c := newCluster(t)
	good := c.bootstrap("token: " + id + "." + secret)
	replace := func(old, now string) string { return strings.ReplaceAll(good, old, now) }
	tests := []struct {
		name, text string
		who        string
		wantErr    error
	}{
		{"unchanged", good, "token " + id, nil},
		{"another token", c.bootstrap("token: something.else"), "the token in the file", nil},
		{"no user", strings.ReplaceAll(c.bootstrap(""), ", user: u}", "}"), "", nil},
		{"a user without a credential", c.bootstrap(""), "", nil},
		{"no context", strings.ReplaceAll(strings.ReplaceAll(c.bootstrap(""), "current-context: x", ""), "users: [{name: u, user: {}}]", ""), "", nil},
		{"another context", replace("current-context: x", "current-context: y"), "", join.ErrFile},
		{"another cluster", replace("cluster: c,", "cluster: d,"), "", join.ErrFile},
		{"another user", replace("user: u}", "user: v}"), "", join.ErrFile},
		{"plain HTTP", replace("https://", "http://"), "", join.ErrFile},
		{"no CA", replace("certificate-authority-data", "disable-compression: true, x"), "", join.ErrFile},
		{"no verification", replace("cluster: {", "cluster: {insecure-skip-tls-verify: true, "), "", join.ErrFile},
		{"a proxy", replace("cluster: {server", "cluster: {proxy-url: 'http://p', server"), "", join.ErrFile},
		{"another name in TLS", replace("cluster: {server", "cluster: {tls-server-name: name, server"), "", join.ErrFile},
		{"a program", c.bootstrap("exec: {apiVersion: client.authentication.k8s.io/v1, command: program}"), "", join.ErrFile},
		{"a password", c.bootstrap("username: u, password: p"), "", join.ErrFile},
		{"token and certificate", c.bootstrap("token: x, client-certificate-data: eA=="), "", join.ErrFile},
		{"a file for the token", c.bootstrap("tokenFile: t"), "", join.ErrFile},
		{"a file for the CA", strings.ReplaceAll(good, "certificate-authority-data: ", "certificate-authority: "), "", join.ErrFile},
		{"empty", "", "", join.ErrFile},
		{"invalid", "junk", "", join.ErrFile},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := join.ParseFile([]byte(test.text))
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error = %v, want %v", err, test.wantErr)
			}
			if err == nil && (got.Credential.String() != test.who || got.Server != c.endpoint || !got.CAs[0].Equal(c.ca.Certificate)) {
				t.Errorf("file = %+v, asked as %q", got.Server, got.Credential)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the error contains the token")
			}
			if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got.Credential); strings.Contains(text, secret) || strings.Contains(text, "something.else") {
				t.Error("the printed file shows its token")
			}
		})
	}
}

// A file on disk may refer to other files, by paths relative to its directory.
func TestReadFile_References(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	overwrite(t, filepath.Join(dir, "ca.pem"), certpem.Encode(c.ca.Certificate))
	overwrite(t, filepath.Join(dir, "token"), []byte(id+"."+secret+"\n"))
	text := strings.Replace(c.bootstrap("tokenFile: token"), "certificate-authority-data: "+base64.StdEncoding.EncodeToString(certpem.Encode(c.ca.Certificate)), "certificate-authority: ca.pem", 1)
	path := filepath.Join(dir, "conf")
	overwrite(t, path, []byte(text))
	got, err := join.ReadFile(path)
	if err != nil || got.Credential.String() != "token "+id || !got.CAs[0].Equal(c.ca.Certificate) {
		t.Errorf("%v, asked as %q", err, got.Credential)
	}
	remove(t, filepath.Join(dir, "token"))
	if _, err := join.ReadFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v, want ErrNotExist", err)
	}
}

// The cluster is the one in the file, if the pins match, and cluster-info is not read.
func TestJoin_File(t *testing.T) {
	other := newCA(t).Certificate
	tests := []struct {
		name    string
		change  func(*join.Options, *join.File)
		wantErr func(error) bool
	}{
		{"unchanged", func(*join.Options, *join.File) {}, nil},
		{"pinned", func(o *join.Options, f *join.File) {
			o.Discovery.Pins = clusterinfo.Pins(f.CAs)
			f.CAs = append(f.CAs, other)
		}, nil},
		{"other pin", func(o *join.Options, _ *join.File) { o.Discovery.Pins = []clusterinfo.Pin{clusterinfo.PinOf(other)} }, func(err error) bool { return errors.Is(err, clusterinfo.ErrPinMismatch) }},
		{"separate token", func(o *join.Options, f *join.File) { o.Credential, f.Credential = f.Credential, join.Credential{} }, nil},
		{"wrong token in the file", func(_ *join.Options, f *join.File) { f.Credential = wrongToken(t) }, func(err error) bool { return errors.Is(err, discovery.ErrTokenRejected) }},
		{"separate token, and a wrong one in the file", func(o *join.Options, f *join.File) { o.Credential, f.Credential = f.Credential, wrongToken(t) }, nil},
		{"no token", func(_ *join.Options, f *join.File) { f.Credential = join.Credential{} }, func(err error) bool { return errors.Is(err, token.ErrInvalid) && errors.Is(err, join.ErrNotJoined) }},
		{"another CA", func(_ *join.Options, f *join.File) { f.CAs[0] = other }, kubeclient.IsUntrusted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t)
			file, err := join.ParseFile([]byte(c.bootstrap("token: " + id + "." + secret)))
			if err != nil {
				t.Fatal(err)
			}
			opts := c.options(join.OutDir(t.TempDir()))
			opts.Discovery = discovery.Options{Client: clientOptions()}
			asked := false
			opts.Discovery.Client.Observe = func(call kubeclient.Call) { asked = asked || strings.Contains(call.Path, "cluster-info") }
			test.change(&opts, &file)
			opts.File = &file
			result, err := join.Run(t.Context(), opts)
			switch {
			case test.wantErr == nil && (err != nil || result.Username != "system:node:worker-1" || len(result.Roots) != 1):
				t.Errorf("result %+v, error %v", result, err)
			case test.wantErr != nil && !test.wantErr(err):
				t.Errorf("error = %v", err)
			case asked:
				t.Error("cluster-info was read")
			}
		})
	}
}

func wrongToken(t *testing.T) join.Credential {
	t.Helper()
	tok, err := token.Parse(id + ".0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	return join.TokenCredential(tok)
}
