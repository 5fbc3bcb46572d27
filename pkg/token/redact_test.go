package token_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/bootctl/bootctl/pkg/token"
)

// hidden has a token in a field for which fmt cannot call its methods.
type hidden struct {
	inner struct{ tok token.Token }
}

func TestToken_PrintsNoSecret(t *testing.T) {
	tok := parse(t, goodText)
	values := map[string]any{
		"token":            tok,
		"pointer":          &tok,
		"slice":            []token.Token{tok},
		"map value":        map[string]token.Token{"k": tok},
		"map key":          map[token.Token]int{tok: 1},
		"unexported field": hidden{struct{ tok token.Token }{tok}},
		"pointer to it":    &hidden{struct{ tok token.Token }{tok}},
		"spec":             spec(t),
		"spec pointer":     &token.Spec{Token: tok},
		"info":             token.Info{Spec: spec(t)},
		"info in a field":  struct{ infos []token.Info }{[]token.Info{{Spec: spec(t)}}},
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			for _, verb := range "vTtbcdoOqxXUeEfFgGsqp" {
				for _, flags := range []string{"", "+", "#", " ", "0", "-40", "+#", "# "} {
					format := "%" + flags + string(verb)
					noSecret(t, format, fmt.Sprintf(format, value))
				}
			}
			noSecret(t, "Sprint", fmt.Sprint(value))
			noSecret(t, "Errorf", fmt.Errorf("wrap: %v", value).Error())
		})
	}
}

func TestToken_MarshalsNoSecret(t *testing.T) {
	tok := parse(t, goodText)
	for name, value := range map[string]any{
		"token": tok, "pointer": &tok, "key": map[token.Token]int{tok: 1},
		"spec": spec(t), "info": token.Info{Spec: spec(t)}, "hidden": hidden{struct{ tok token.Token }{tok}},
	} {
		t.Run(name, func(t *testing.T) {
			asJSON, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			noSecret(t, "JSON", string(asJSON))
			asYAML, err := yaml.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			noSecret(t, "YAML", string(asYAML))
		})
	}
	asXML, err := xml.Marshal(tok)
	if err != nil {
		t.Fatal(err)
	}
	noSecret(t, "XML", string(asXML))
	if got, err := json.Marshal(tok); err != nil || string(got) != `"abcdef"` {
		t.Errorf("JSON = %s, %v, want the ID", got, err)
	}
}

func TestToken_LogsNoSecret(t *testing.T) {
	var out bytes.Buffer
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, level), slog.NewJSONHandler(&out, level)} {
		logger := slog.New(handler)
		tok := parse(t, goodText)
		logger.Info("x", "token", tok, "pointer", &tok, "spec", spec(t), "info", token.Info{Spec: spec(t)})
		logger.With("token", tok).WithGroup("g").Debug("x", slog.Any("hidden", hidden{struct{ tok token.Token }{tok}}))
	}
	noSecret(t, "slog", out.String())
	if !strings.Contains(out.String(), `"token":"abcdef"`) {
		t.Errorf("the log does not name the token: %s", out.String())
	}
}

func TestToken_PrintsID(t *testing.T) {
	tok := parse(t, goodText)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(format, tok); got != goodID {
			t.Errorf("%s prints %q, want %q", format, got, goodID)
		}
	}
	if tok.String() != goodID {
		t.Errorf("String() = %q, want %q", tok.String(), goodID)
	}
}

// noSecret searches for the secret as text, in hex and as a list of bytes.
func noSecret(t *testing.T, how, printed string) {
	t.Helper()
	for _, form := range []string{goodSecret, fmt.Sprintf("%x", goodSecret), fmt.Sprintf("%X", goodSecret), fmt.Sprintf("% x", goodSecret), "48 49 50"} {
		if strings.Contains(printed, form) {
			t.Errorf("%s contains the secret: %s", how, printed)
		}
	}
}
