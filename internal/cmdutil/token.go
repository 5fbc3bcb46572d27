package cmdutil

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

// ReadToken reads a token from a file, or from stdin if file is "-". One line ending
// after the token is ignored.
func ReadToken(e *cli.Env, file string) (token.Token, error) {
	text, err := e.ReadFile(file, cli.MaxTokenFile)
	if err != nil {
		return token.Token{}, fmt.Errorf("read the token: %w", err)
	}
	return parseTokenLine(string(text))
}

// parseTokenLine parses a token and an optional line ending.
func parseTokenLine(line string) (token.Token, error) {
	return token.Parse(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
}

// TokenStatus returns the status of a token for a table.
func TokenStatus(item output.TokenInfo) string {
	switch {
	case item.Status == statusProxy:
		return "proxy of kubeadm-certs"
	case item.Status == statusValid && !slices.Contains(item.Usages, token.Authentication):
		return "valid, for signing only"
	}
	return cli.JoinNonEmpty(": ", item.Status, item.Problem)
}

// The status of a token in the output.
const (
	statusValid    = "valid"
	statusExpired  = "expired"
	statusUnusable = "unusable"
	statusProxy    = "proxy"
)

// TokenInfo returns a token for the output, without its secret.
func TokenInfo(info token.Info, now time.Time) output.TokenInfo {
	out := output.TokenInfo{
		ID: info.ID, SecretName: info.SecretName, Description: info.Description,
		Usages: cli.OrEmpty(info.Usages), Groups: cli.OrEmpty(info.Groups),
		Status: statusValid, Expired: info.Expired(now), Problem: info.Problem,
	}
	if !info.Expires.IsZero() {
		out.Expires = new(info.Expires.UTC().Truncate(time.Second))
	}
	switch {
	case info.IsProxy():
		out.Status, out.Problem = statusProxy, ""
	case info.Problem != "":
		out.Status = statusUnusable
	}
	if out.Expired && out.Problem == "" {
		out.Status = statusExpired
	}
	return out
}

// TokenVariable is the environment variable that may hold the token of a node.
const TokenVariable = "BOOTCTL_TOKEN" //nolint:gosec // a name, not a token

// ErrNoToken means that no token was given.
var ErrNoToken = failure.Usagef("a token is required: use --token-file or set %s", TokenVariable)

// NodeToken returns a node's token: plain or the contents of file, of which only one may be
// set, or the environment variable if neither is set.
func NodeToken(e *cli.Env, file, plain string) (token.Token, error) {
	switch {
	case file != "" && plain != "":
		return token.Token{}, failure.Usagef("--token and --token-file cannot be used together")
	case file != "":
		return ReadToken(e, file)
	case plain != "":
		return PlainToken(e, plain, "use --token-file instead")
	case e.Getenv(TokenVariable) != "":
		return parseTokenLine(e.Getenv(TokenVariable))
	}
	return token.Token{}, ErrNoToken
}

// PlainToken parses a token from the command line and prints a warning that ends with hint,
// the alternative.
func PlainToken(e *cli.Env, text, hint string) (token.Token, error) {
	tok, err := token.Parse(text)
	if err == nil {
		e.Warn("a token on the command line can be seen by every user of this machine; " + hint)
	}
	return tok, err
}
