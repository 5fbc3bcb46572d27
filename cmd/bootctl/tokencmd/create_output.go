package tokencmd

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

// warnOfTokens warns about a dry run, a token that never expires, and a wrong clock.
func warnOfTokens(e *cli.Env, one token.Info, dryRun string) {
	if dryRun != "" {
		e.Warn("nothing was created: this is a dry run")
	}
	if one.Expires.IsZero() {
		e.Warn("the token " + neverExpires)
	}
	if behind := one.Created.Sub(e.Now()); !one.Created.IsZero() && behind.Abs() > time.Minute {
		e.Warn(fmt.Sprintf("the clock of this machine is %s the API server's, which determines when the token expires", discovery.Skew(behind)))
	}
}

// checkPrintable returns an error if such tokens cannot be printed in the requested format.
func (o createOptions) checkPrintable(e *cli.Env, preview []token.Info, document clusterinfo.Document) error {
	v, err := o.view(e, preview, document, false)
	if err == nil {
		_, err = v.Render(e.Global)
	}
	if err != nil {
		return failure.Usagef("nothing was created, because it could not be printed: %w", err)
	}
	return nil
}

// view returns the output for the created tokens.
func (o createOptions) view(e *cli.Env, created []token.Info, document clusterinfo.Document, signed bool) (v cli.Result, err error) {
	list := output.TokenList{Meta: output.Kind("TokenList")}
	var text strings.Builder
	for _, info := range created {
		item := cmdutil.TokenInfo(info, e.Now())
		item.Token, item.Signed, item.DryRun = info.Token.Reveal(), signed, o.dryRun
		if o.joinCommand != "" {
			item.JoinCommand = joinCommand(o.joinCommand, document, info.Token)
		}
		list.Items = append(list.Items, item)
		v.Names = append(v.Names, cmdutil.TokenReference(item.ID))
		text.WriteString(cmp.Or(item.JoinCommand, item.Token) + "\n")
	}
	v.Text, v.Object = text.String(), list
	if !o.many {
		v.Object = output.Token{Meta: output.Kind("Token"), TokenInfo: list.Items[0]}
	}
	if e.Global.Output == formatBootstrapKubeconfig {
		var kubeconfig []byte
		kubeconfig, err = clusterinfo.BootstrapKubeconfig(document.Server, document.CAs, created[0].Token)
		v.Formats = map[string]string{formatBootstrapKubeconfig: string(kubeconfig)}
	}
	return v, err
}

// joinCommand returns the command that joins a node with the token. bootctl gets the token
// from the environment, since every user of a machine can see the arguments of a command.
func joinCommand(program string, document clusterinfo.Document, tok token.Token) string {
	line, flag, end := fmt.Sprintf("%s=%s bootctl join %s", cmdutil.TokenVariable, tok.Reveal(), document.Server), "--ca-cert-hash", ""
	if program == programKubeadm {
		line, flag = fmt.Sprintf("kubeadm join %s --token %s", document.Server, tok.Reveal()), "--discovery-token-ca-cert-hash"
		end = " " // as kubeadm prints it
	}
	for _, pin := range clusterinfo.Pins(document.CAs) {
		line += fmt.Sprintf(" %s %s", flag, pin)
	}
	return line + end
}
