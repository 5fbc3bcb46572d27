package clusterinfo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func TestParseDocument_Valid(t *testing.T) {
	c, second := testcluster.NewCA(t), testcluster.NewCA(t)
	written := testcluster.DocumentOf(certpem.Encode(c.Certificate))
	emptyLists := strings.NewReplacer("contexts: null", "contexts: []", "users: null", "users: []")
	preferences := strings.NewReplacer("kind: Config\n", "kind: Config\npreferences: {}\n")
	tests := []struct {
		name, text string
		want       []testcluster.CA
	}{
		{"kubeadm 1.37", written, []testcluster.CA{c}},
		{"kubeadm 1.28", preferences.Replace(written), []testcluster.CA{c}},
		{"empty lists", preferences.Replace(emptyLists.Replace(written)), []testcluster.CA{c}},
		{"null preferences", strings.Replace(written, "kind: Config\n", "kind: Config\npreferences: null\n", 1), []testcluster.CA{c}},
		{"fields absent", strings.NewReplacer("contexts: null\n", "", "current-context: \"\"\n", "", "users: null\n", "").Replace(written), []testcluster.CA{c}},
		{"named cluster", strings.Replace(written, `name: ""`, "name: kubernetes", 1), []testcluster.CA{c}},
		{"document marker in front", "---\n" + written, []testcluster.CA{c}},
		{"two CA certificates", testcluster.DocumentOf(certpem.Encode(c.Certificate, second.Certificate)), []testcluster.CA{c, second}},
		{"white space between", testcluster.DocumentOf(bytes.Join([][]byte{certpem.Encode(c.Certificate), certpem.Encode(second.Certificate)}, []byte("\n \n"))), []testcluster.CA{c, second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document, err := clusterinfo.ParseDocument([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if document.Server != "10.0.0.1:6443" || string(document.Raw) != test.text {
				t.Errorf("server %s, raw %q", document.Server, document.Raw)
			}
			testcluster.WantRoots(t, document.CAs, test.want...)
		})
	}
}

func TestParseDocument_Invalid(t *testing.T) {
	good := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))
	if _, err := clusterinfo.ParseDocument([]byte(good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, replacement string }{
		{"empty", good, ""},
		{"not YAML", good, "{"},
		{"a list", good, "- a\n"},
		{"other apiVersion", "apiVersion: v1", "apiVersion: v2"},
		{"other kind", "kind: Config", "kind: ConfigMap"},
		{"second cluster", "contexts:", "- cluster:\n    server: https://10.0.0.2:6443\n  name: b\ncontexts:"},
		{"no cluster", good[strings.Index(good, "clusters:"):strings.Index(good, "contexts:")], "clusters: []\n"},
		{"user", "users: null", "users:\n- name: a\n  user: {}"},
		{"empty user", "users: null", "users:\n- {}"},
		{"null user", "users: null", "users:\n- null"},
		{"user with a token", "users: null", "users:\n- name: a\n  user: {token: x}"},
		{"user with exec", "users: null", "users:\n- name: a\n  user: {exec: {command: sh}}"},
		{"context", "contexts: null", "contexts:\n- name: a\n  context: {}"},
		{"empty context", "contexts: null", "contexts:\n- {}"},
		{"current context", `current-context: ""`, "current-context: a"},
		{"preference", "kind: Config", "kind: Config\npreferences: {colors: true}"},
		{"proxy-url", "    server:", "    proxy-url: http://10.0.0.9\n    server:"},
		{"insecure-skip-tls-verify", "    server:", "    insecure-skip-tls-verify: true\n    server:"},
		{"insecure-skip-tls-verify: false", "    server:", "    insecure-skip-tls-verify: false\n    server:"},
		{"tls-server-name", "    server:", "    tls-server-name: a\n    server:"},
		{"certificate-authority file", "    server:", "    certificate-authority: /etc/ca.crt\n    server:"},
		{"cluster extension", "    server:", "    extensions: []\n    server:"},
		{"extension", "kind: Config", "kind: Config\nextensions: []"},
		{"unknown field", "kind: Config", "kind: Config\nunknown: 1"},
		{"unknown field next to the cluster", `  name: ""`, `  name: ""` + "\n  user: {}"},
		{"other case", "    server:", "    Server:"},
		{"both cases", "    server:", "    Server: https://10.0.0.2:6443\n    server:"},
		{"duplicate server", "    server:", "    server: https://10.0.0.2:6443\n    server:"},
		{"duplicate kind", "kind: Config", "kind: Config\nkind: Config"},
		{"second YAML document", "users: null\n", "users: null\n---\nkind: Config\n"},
		{"second YAML document that is empty", "users: null\n", "users: null\n---\n"},
		{"http server", "https://10", "http://10"},
		{"no server", "    server: " + testcluster.DocServer + "\n", ""},
		{"server without a scheme", testcluster.DocServer, "10.0.0.1:6443"},
		{"userinfo", "https://", "https://a@"},
		{"path", testcluster.DocServer, testcluster.DocServer + "/path"},
		{"query", testcluster.DocServer, testcluster.DocServer + "?a=b"},
		{"fragment", testcluster.DocServer, testcluster.DocServer + "#a"},
		{"port 0", ":6443", ":0"},
		{"port 65536", ":6443", ":65536"},
		{"zone", "10.0.0.1", `"[fe80::1%25eth0]"`},
		{"server is a list", testcluster.DocServer, "[" + testcluster.DocServer + "]"},
		{"no CA", "    certificate-authority-data: ", "    # "},
		{"CA that is not base64", "certificate-authority-data: ", "certificate-authority-data: '*'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.replacement, 1)
			if bad == good {
				t.Fatalf("%q is not in the document", test.old)
			}
			_, err := clusterinfo.ParseDocument([]byte(bad))
			testcluster.WantError(t, err, clusterinfo.ErrDocument)
		})
	}
}

func TestParseDocument_InvalidCA(t *testing.T) {
	c := testcluster.NewCA(t)
	good := string(certpem.Encode(c.Certificate))
	block := func(kind string, headers map[string]string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Headers: headers, Bytes: der}))
	}
	for name, text := range map[string]string{
		"empty":                       "",
		"white space":                 "\n",
		"private key after":           good + block("PRIVATE KEY", nil, []byte("key")),
		"private key before":          block("PRIVATE KEY", nil, []byte("key")) + good,
		"malformed private key first": "-----BEGIN PRIVATE KEY-----\n*\n" + good,
		"garbage after":               good + "garbage\n",
		"garbage before":              "garbage\n" + good,
		"garbage between":             good + "garbage\n" + good,
		"headers":                     block("CERTIFICATE", map[string]string{"a": "b"}, c.Raw),
		"other type":                  block("TRUSTED CERTIFICATE", nil, c.Raw),
		"not a certificate":           block("CERTIFICATE", nil, []byte("x")),
		"bytes after the certificate": block("CERTIFICATE", nil, append(bytes.Clone(c.Raw), 0)),
		"DER":                         string(c.Raw),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := clusterinfo.ParseDocument([]byte(testcluster.DocumentOf([]byte(text))))
			testcluster.WantError(t, err, clusterinfo.ErrDocument)
		})
	}
}

func TestEncode_EqualsKubeadm(t *testing.T) {
	c, second := testcluster.NewCA(t), testcluster.NewCA(t)
	got, err := clusterinfo.Encode("10.0.0.1:6443", testcluster.Bundle(c, second))
	if err != nil {
		t.Fatal(err)
	}
	if want := testcluster.DocumentOf(certpem.Encode(testcluster.Bundle(c, second)...)); string(got) != want {
		t.Errorf("document:\n%s\nwant:\n%s", got, want)
	}
}

func TestKubeconfig(t *testing.T) {
	c := testcluster.NewCA(t)
	got, err := clusterinfo.Kubeconfig("10.0.0.1:6443", testcluster.Bundle(c), "../pair.pem")
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ` + base64.StdEncoding.EncodeToString(certpem.Encode(c.Certificate)) + `
    server: https://10.0.0.1:6443
  name: default-cluster
contexts:
- context:
    cluster: default-cluster
    namespace: default
    user: default-auth
  name: default-context
current-context: default-context
kind: Config
users:
- name: default-auth
  user:
    client-certificate: ../pair.pem
    client-key: ../pair.pem
`
	if string(got) != want {
		t.Errorf("kubeconfig:\n%s\nwant:\n%s", got, want)
	}
}

func FuzzParseDocument(f *testing.F) {
	good := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(f).Certificate))
	f.Add([]byte(good))
	f.Add([]byte("---\n" + strings.Replace(good, "users: null", "users: []", 1)))
	f.Add([]byte(strings.Replace(good, "    server:", "    Server: x\n    server:", 1)))
	f.Add([]byte(`{"apiVersion":"v1","kind":"Config","clusters":[{"cluster":{}}]}`))
	f.Add([]byte("a: &a [*a, *a]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		document, err := clusterinfo.ParseDocument(raw)
		if err != nil {
			testcluster.WantError(t, err, clusterinfo.ErrDocument)
			return
		}
		if len(document.CAs) == 0 || !bytes.Equal(document.Raw, raw) {
			t.Fatalf("accepted %q with %d CAs", raw, len(document.CAs))
		}
		encoded, err := clusterinfo.Encode(document.Server, document.CAs)
		if err != nil {
			t.Fatal(err)
		}
		again, err := clusterinfo.ParseDocument(encoded)
		if err != nil || again.Server != document.Server || len(again.CAs) != len(document.CAs) {
			t.Errorf("%q, written again, is %+v, %v", raw, again, err)
		}
	})
}
