package gotemplate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"text/template"

	"github.com/bootctl/bootctl/internal/gotemplate"
)

const document = `{"kind":"TokenList","n":3,"big":1234567,"f":1.5,"yes":true,"no":false,"null":null,"empty":[],"none":{},
"html":"<a href='x'>&\"","items":[{"id":"a","usages":["x","y"],"n":1},{"id":"b","usages":[],"n":2},{"id":"c"}],"map":{"k2":"v2","k1":"v1"}}`

func data(t testing.TB) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(document), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// run returns what our evaluator and text/template print.
func run(t testing.TB, text string) (ours, theirs string, ourErr, theirErr error) {
	t.Helper()
	var a, b strings.Builder
	ourErr = gotemplate.Execute(&a, text, data(t))
	parsed, theirErr := template.New("output").Parse(text)
	if theirErr == nil {
		theirErr = parsed.Execute(&b, data(t))
	}
	return a.String(), b.String(), ourErr, theirErr
}

func TestLikeTextTemplate(t *testing.T) {
	for _, text := range []string{
		"", "plain", "{{.kind}}", "{{ .kind -}} \n x", "{{/* c */}}x", "{{.missing}}", "{{.null}}", "{{.missing.deeper.still}}",
		"{{.kind.deeper}}", "{{.}}", "{{.items}}", "{{$.kind}}", "{{.n}} {{.big}} {{.f}} {{.yes}}", "{{with .items}}{{len .}}{{end}}",
		`{{range .items}}{{.id}}{{"\n"}}{{end}}`, "{{range .items}}{{.id}},{{else}}none{{end}}", "{{range .empty}}x{{else}}none{{end}}",
		"{{range $i, $e := .items}}{{$i}}={{$e.id}};{{end}}", "{{range $e := .items}}{{$e.id}}{{end}}", "{{range .map}}{{.}} {{end}}",
		"{{range $k, $v := .map}}{{$k}}={{$v}} {{end}}", "{{range 3}}{{.}}{{end}}", "{{range .missing}}x{{else}}y{{end}}", "{{range .kind}}x{{end}}",
		"{{range .items}}{{if eq .id \"b\"}}{{break}}{{end}}{{.id}}{{end}}", "{{range .items}}{{if eq .id \"b\"}}{{continue}}{{end}}{{.id}}{{end}}",
		"{{if .yes}}a{{else}}b{{end}}", "{{if .no}}a{{else if .n}}c{{else}}b{{end}}", "{{if .empty}}a{{end}}{{if .none}}b{{end}}{{if .missing}}c{{end}}",
		"{{with .map}}{{.k1}}{{else}}x{{end}}", "{{with .no}}x{{else with .kind}}{{.}}{{end}}", "{{with $x := .kind}}{{$x}}{{end}}",
		"{{$x := .kind}}{{$x}}", "{{$x := 1}}{{if .yes}}{{$x = 2}}{{end}}{{$x}}", "{{$x := 1}}{{range .items}}{{$x = .id}}{{end}}{{$x}}",
		"{{index .items 0}}", "{{(index .items 0).id}}", "{{index .map \"k1\"}}", "{{index .items 9}}", "{{index .kind 0}}", "{{index .items 0 \"usages\" 1}}",
		"{{slice .kind 1 3}}", "{{slice .items 1}}", "{{slice .kind 9}}", "{{len .kind}} {{len .map}}", "{{len .n}}",
		"{{print 1 2 \"a\" \"b\"}}", "{{printf \"%s-%v\" .kind .n}}", "{{println .kind}}", "{{.kind | printf \"%q\"}}", "{{printf \"%d\" 3}}",
		"{{html .html}}", "{{urlquery .html}}", "{{.html | html | len}}", "{{not .yes}} {{not .missing}}",
		"{{and .yes .kind}} {{and .no .kind}} {{or .no .kind}} {{or .no .missing}}", "{{and}}", "{{or .yes (index .items 99)}}",
		"{{eq .kind \"TokenList\"}} {{eq .kind \"a\" \"TokenList\"}} {{ne .kind \"a\"}}", "{{eq 1 1}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}}",
		"{{eq .f 1.5}} {{lt .f 2.5}}", "{{lt \"a\" \"b\"}}", "{{eq .kind 1}}", "{{eq .n 3}}", "{{lt .kind 1}}", "{{eq .missing .null}}", "{{eq .kind}}",
		"{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .kind}}{{template \"t\"}}", "{{block \"b\" .map}}{{.k1}}{{end}}", "{{template \"none\"}}",
		"{{true}} {{1}} {{1.5}} {{\"s\"}} {{'a'}}", "{{nil}}", "{{.kind 1}}", "{{.kind | .n}}", "{{(.map).k2}}", "{{.map.k1.x}}", "{{nofunc}}", "{{if}}", "{{", "{{end}}",
		"{{- .kind -}}", "{{range $i, $e := .items}}{{if $i}},{{end}}{{.id}}{{end}}", "{{with .items}}{{range .}}{{$.kind}}{{end}}{{end}}",
	} {
		ours, theirs, ourErr, theirErr := run(t, text)
		if (ourErr == nil) != (theirErr == nil) || ourErr == nil && ours != theirs {
			t.Errorf("%s: we print %q (%v), text/template %q (%v)", text, ours, ourErr, theirs, theirErr)
		}
	}
}

func TestFurtherFunctions(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{{exists .items 0 "id"}} {{exists .items 9 "id"}} {{exists . "nope"}}`, "true false false"},
		{`{{base64decode "aGk="}}`, "hi"},
		{`{{.null.deeper}}`, "<no value>"}, // as where the field is missing
	}
	for _, tt := range tests {
		if got, _, err, _ := run(t, tt.text); err != nil || got != tt.want {
			t.Errorf("%s prints %q (%v), want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestRecursionEnds(t *testing.T) {
	if _, _, err, _ := run(t, `{{define "t"}}{{template "t"}}{{end}}{{template "t"}}`); err == nil {
		t.Error("an endless template ended without an error")
	}
}
