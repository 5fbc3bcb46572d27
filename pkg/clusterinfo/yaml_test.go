package clusterinfo_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testcluster"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

func asJSON(t testing.TB, text string) string {
	t.Helper()
	out, err := sigsyaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The same document, written differently.
func TestParseDocument_Spellings(t *testing.T) {
	c := testcluster.NewCA(t)
	written := testcluster.DocumentOf(certpem.Encode(c.Certificate))
	inJSON := asJSON(t, written)
	tests := []struct {
		name, text string
		want       clusterinfo.Endpoint
	}{
		{"JSON", inJSON, "10.0.0.1:6443"},
		{"JSON with a line feed", inJSON + "\n", "10.0.0.1:6443"},
		{"JSON with empty lists", strings.NewReplacer(`"contexts":null`, `"contexts":[]`, `"users":null`, `"users":[]`).Replace(inJSON), "10.0.0.1:6443"},
		{"braces, but not JSON", strings.Replace(inJSON, `"kind":`, "kind: ", 1), "10.0.0.1:6443"},
		{"braces after a comment", "# cluster-info\n" + inJSON, "10.0.0.1:6443"},
		{"braces between markers", "---\n" + inJSON + "\n...\n", "10.0.0.1:6443"},
		{"indented", "  " + strings.ReplaceAll(strings.TrimSuffix(written, "\n"), "\n", "\n  ") + "\n", "10.0.0.1:6443"},
		{"comment after the end of document", written + "...\n# the end\n", "10.0.0.1:6443"},
		{"comments", "# cluster-info\n" + written + "# the end\n", "10.0.0.1:6443"},
		{"carriage returns", strings.ReplaceAll(written, "\n", "\r\n"), "10.0.0.1:6443"},
		{"no line feed at the end", strings.TrimSuffix(written, "\n"), "10.0.0.1:6443"},
		{"end of document", written + "...\n", "10.0.0.1:6443"},
		{"quoted server", strings.Replace(written, testcluster.DocServer, `"`+testcluster.DocServer+`"`, 1), "10.0.0.1:6443"},
		{"only contexts an empty list", strings.Replace(written, "contexts: null", "contexts: []", 1), "10.0.0.1:6443"},
		{"only users an empty list", strings.Replace(written, "users: null", "users: []", 1), "10.0.0.1:6443"},
		{"null current-context", strings.Replace(written, `current-context: ""`, "current-context: null", 1), "10.0.0.1:6443"},
		{"server without a port", strings.Replace(written, ":6443", "", 1), "10.0.0.1:443"},
		{"server with a slash after it", strings.Replace(written, testcluster.DocServer, testcluster.DocServer+"/", 1), "10.0.0.1:6443"},
		{"IPv6 server", strings.Replace(written, testcluster.DocServer, "https://[fd00::1]:6443", 1), "[fd00::1]:6443"},
		{"named server", strings.Replace(written, testcluster.DocServer, "https://api.example.com:6443", 1), "api.example.com:6443"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document, err := clusterinfo.ParseDocument([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if document.Server != test.want || string(document.Raw) != test.text {
				t.Errorf("server %s, want %s; raw %q", document.Server, test.want, document.Raw)
			}
			testcluster.WantRoots(t, document.CAs, c)
			wantUpstreamAgrees(t, document)
		})
	}
}

func TestParseDocument_InvalidSpellings(t *testing.T) {
	good := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(t).Certificate))
	inJSON := asJSON(t, good)
	server := "    server: " + testcluster.DocServer + "\n"
	tests := []struct{ name, text string }{
		{"JSON: duplicate kind", strings.Replace(inJSON, `"kind":"Config"`, `"kind":"Config","kind":"Config"`, 1)},
		{"JSON: duplicate server", strings.Replace(inJSON, `"server"`, `"server":"https://10.0.0.2:6443","server"`, 1)},
		{"JSON: server in another case", strings.Replace(inJSON, `"server"`, `"SERVER"`, 1)},
		{"JSON: both cases", strings.Replace(inJSON, `"server"`, `"Server":"https://10.0.0.2:6443","server"`, 1)},
		{"JSON: unknown field", strings.Replace(inJSON, `"kind"`, `"unknown":1,"kind"`, 1)},
		{"JSON: twice", inJSON + inJSON},
		{"JSON: text after", inJSON + "x"},
		{"JSON: a field after", inJSON + "\nfirst: 1\n"},
		{"JSON: a list", "[" + inJSON + "]"},
		{"text after braces and a comment", "# cluster-info\n" + inJSON + "x"},
		{"text after the end of document", good + "...\nx"},
		{"document after the end of document", good + "...\nkind: Config\n"},
		{"document marker after", good + "---"},
		{"document before", "kind: Config\n---\n" + good},
		{"empty document before", "---\n---\n" + good},
		{"null", "null"},
		{"only a comment", "# nothing\n"},
		{"a string", "text"},
		{"merged fields", strings.Replace(good, server, "    <<: {server: "+testcluster.DocServer+", proxy-url: http://10.0.0.9}\n", 1)},
		{"merged cluster field", strings.Replace(good, server, server+"    <<: {insecure-skip-tls-verify: true}\n", 1)},
		{"undefined alias", strings.Replace(good, testcluster.DocServer, "*a", 1)},
		{"clusters in another case", strings.Replace(good, "clusters:", "Clusters:", 1)},
		{"cluster in another case", strings.Replace(good, "- cluster:", "- Cluster:", 1)},
		{"CA in another case", strings.Replace(good, "certificate-authority-data:", "Certificate-Authority-Data:", 1)},
		{"kind in another case", strings.Replace(good, "kind:", "Kind:", 1)},
		{"apiVersion in another case", strings.Replace(good, "apiVersion:", "apiversion:", 1)},
		{"duplicate clusters", strings.Replace(good, "contexts:", "clusters: []\ncontexts:", 1)},
		{"duplicate CA", strings.Replace(good, server, "    certificate-authority-data: eA==\n"+server, 1)},
		{"duplicate name", strings.Replace(good, `  name: ""`, "  name: \"\"\n  name: \"\"", 1)},
		{"duplicate users, the second empty", strings.Replace(good, "users: null", "users:\n- name: a\nusers: null", 1)},
		{"clusters by name", good[:strings.Index(good, "clusters:")] + "clusters: {\"\": {}}\n" + good[strings.Index(good, "contexts:"):]},
		{"null cluster", good[:strings.Index(good, "clusters:")] + "clusters: [null]\n" + good[strings.Index(good, "contexts:"):]},
		{"empty cluster", good[:strings.Index(good, "clusters:")] + "clusters: [{}]\n" + good[strings.Index(good, "contexts:"):]},
		{"null server", strings.Replace(good, testcluster.DocServer, "null", 1)},
		{"empty server", strings.Replace(good, testcluster.DocServer, `""`, 1)},
		{"server with a space", strings.Replace(good, testcluster.DocServer, `" `+testcluster.DocServer+`"`, 1)},
		{"server with a line feed", strings.Replace(good, testcluster.DocServer, `"`+testcluster.DocServer+`\n"`, 1)},
		{"server with a password", strings.Replace(good, "https://", "https://a:b@", 1)},
		{"null CA", good[:strings.Index(good, "    certificate")] + "    certificate-authority-data: null\n" + good[strings.Index(good, "    server"):]},
		{"null kind", strings.Replace(good, "kind: Config", "kind: null", 1)},
		{"apiVersion is a number", strings.Replace(good, "apiVersion: v1", "apiVersion: 1", 1)},
		{"users by name", strings.Replace(good, "users: null", "users: {a: {}}", 1)},
		{"users is a string", strings.Replace(good, "users: null", "users: a", 1)},
		{"zero byte", good + "\x00"},
		{"not UTF-8", strings.Replace(good, `name: ""`, "name: \"\xff\"", 1)},
		{"many aliases", "a: &a [x,x,x,x,x,x,x,x,x]\n" + bomb + good},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.text == good || test.text == inJSON {
				t.Fatal("the test does not change the document")
			}
			_, err := clusterinfo.ParseDocument([]byte(test.text))
			testcluster.WantError(t, err, clusterinfo.ErrDocument)
		})
	}
}

// bomb expands to 9^8 items.
const bomb = `b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]
f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]
g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]
h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]
`

// wantUpstreamAgrees reads the document as kubeadm and client-go do: they must see the
// same server, the same CAs and nothing that bootctl did not see.
func wantUpstreamAgrees(t *testing.T, document clusterinfo.Document) {
	t.Helper()
	config, err := clientcmd.Load(document.Raw)
	if err != nil {
		t.Fatalf("client-go does not read %q: %v", document.Raw, err)
	}
	if len(config.Clusters) != 1 || len(config.AuthInfos) != 0 || len(config.Contexts) != 0 || config.CurrentContext != "" {
		t.Fatalf("client-go sees %d clusters, %d users, %d contexts in %q", len(config.Clusters), len(config.AuthInfos), len(config.Contexts), document.Raw)
	}
	for _, cluster := range config.Clusters {
		endpoint, err := clusterinfo.ParseEndpoint(cluster.Server)
		if err != nil || endpoint != document.Server {
			t.Errorf("client-go sees the server %q, bootctl %q (%v)", cluster.Server, document.Server, err)
		}
		cas, err := certpem.Parse(cluster.CertificateAuthorityData)
		if err != nil || !bytes.Equal(certpem.Encode(cas...), certpem.Encode(document.CAs...)) {
			t.Errorf("client-go sees other CAs (%v)", err)
		}
		if cluster.InsecureSkipTLSVerify || cluster.ProxyURL != "" || cluster.TLSServerName != "" || cluster.CertificateAuthority != "" {
			t.Errorf("client-go sees additional fields: %+v", cluster)
		}
	}
}

// FuzzParseDocumentLikeUpstream checks that every document that a node accepts means the
// same to client-go: text that two parsers read differently could bypass a check.
func FuzzParseDocumentLikeUpstream(f *testing.F) {
	good := testcluster.DocumentOf(certpem.Encode(testcluster.NewCA(f).Certificate))
	f.Add([]byte(good))
	f.Add([]byte(asJSON(f, good)))
	f.Add([]byte("%YAML 1.1\n---\n" + good))
	f.Add([]byte(strings.Replace(good, "    server:", "    <<: {server: x}\n    server:", 1)))
	f.Add([]byte(strings.Replace(good, testcluster.DocServer, "!!str "+testcluster.DocServer, 1)))
	f.Add([]byte(strings.Replace(good, "name: \"\"", "name: !!binary "+base64.StdEncoding.EncodeToString([]byte("x")), 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if document, err := clusterinfo.ParseDocument(raw); err == nil {
			wantUpstreamAgrees(t, document)
		}
	})
}

// Errors about a document use YAML terms and no Go types.
func TestParseDocument_ErrorDetails(t *testing.T) {
	for raw, want := range map[string]string{
		"nonsense":                           "the document has the invalid type string",
		"[a]":                                "the document has the invalid type array",
		"kind: [a]":                          "kind has the invalid type array",
		"kind: 5":                            "kind has the invalid type number",
		"clusters: x":                        "clusters has the invalid type string",
		"clusters: [x]":                      "clusters has the invalid type string",
		"clusters: [{cluster: {server: 5}}]": "clusters.cluster.server has the invalid type number",
		"clusters: [{cluster: {certificate-authority-data: 5}}]": "clusters.cluster.certificate-authority-data has the invalid type number",
		"preferences: x": "preferences has the invalid type string",
		"[a]: b":         "a key is not a string",
		"{a: b}: c":      "a key is not a string",
		"~: b":           "a key is not a string",
		"foo: 5":         `unknown field "foo"`,
		"a: b\na: c":     `key "a" already set`,
	} {
		_, err := clusterinfo.ParseDocument([]byte(raw))
		if !errors.Is(err, clusterinfo.ErrDocument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", raw, err, want)
			continue
		}
		for _, word := range []string{"Go ", "struct", "interface", "[]", "clusterinfo."} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v contains %q", raw, err, word)
			}
		}
	}
}
