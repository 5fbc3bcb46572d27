package tokencmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// warnOfTokens warns of what anyone who creates tokens should know.
func warnOfTokens(e *cli.Env, created []token.Info, dryRun string) {
	first := created[0]
	if dryRun != "" {
		e.Warn("nothing was created: this is a dry run")
	}
	if first.Expires.IsZero() {
		e.Warn("the token " + neverExpires)
	}
	if behind := first.Created.Sub(e.Now()); !first.Created.IsZero() && behind.Abs() > time.Minute {
		e.Warn(fmt.Sprintf("the clock of this machine is %s the API server's, which decides when the token expires", discovery.Skew(behind)))
	}
}

func waitSigned(ctx context.Context, e *cli.Env, client *kubeclient.Client, created []token.Info, timeout time.Duration) error {
	tokens := make([]token.Token, 0, len(created))
	for _, info := range created {
		tokens = append(tokens, info.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return clusterinfo.SignedWait{Client: client.Core, Now: e.Now, Observer: e.Observe}.Until(ctx, tokens)
}

// checkPrintable returns an error when tokens like these cannot be printed as asked.
func (o createOptions) checkPrintable(e *cli.Env, alike []token.Info, document clusterinfo.Document) error {
	v, err := o.view(e, alike, document, false)
	if err == nil {
		_, err = v.Render(e.Global)
	}
	if err != nil {
		return fmt.Errorf("%w: nothing was created, since it could not be printed: %w", failure.ErrUsage, err)
	}
	return nil
}

// view is what is printed of the tokens that were created.
func (o createOptions) view(e *cli.Env, created []token.Info, document clusterinfo.Document, signed bool) (cli.Result, error) {
	list := output.TokenList{Meta: output.Kind("TokenList"), Items: make([]output.TokenInfo, 0, len(created))}
	v := cli.Result{}
	var text strings.Builder
	for _, info := range created {
		item := cmdutil.TokenInfo(info, e.Now())
		item.Token, item.Signed, item.DryRun = info.Token.Reveal(), signed, o.dryRun
		line := item.Token
		if o.joinCommand != "" {
			item.JoinCommand = joinCommand(o.joinCommand, document, info.Token)
			line = item.JoinCommand
		}
		list.Items = append(list.Items, item)
		v.Names = append(v.Names, cmdutil.TokenReference(item.ID))
		text.WriteString(line + "\n")
	}
	v.Text, v.Object = text.String(), list
	if o.many {
		return v, nil
	}
	v.Object = output.Token{Meta: output.Kind("Token"), TokenInfo: list.Items[0]}
	if e.Global.Output != formatBootstrapKubeconfig {
		return v, nil
	}
	kubeconfig, err := clusterinfo.BootstrapKubeconfig(document.Server, document.CAs, created[0].Token)
	v.Formats = map[string]string{formatBootstrapKubeconfig: string(kubeconfig)}
	return v, err
}

// joinCommand is the command line that joins a node with the token.
func joinCommand(program string, document clusterinfo.Document, tok token.Token) string {
	parts := []string{"bootctl join", string(document.Server), "--token", tok.Reveal()}
	flag, end := "--ca-cert-hash", ""
	if program == programKubeadm {
		parts[0], flag, end = "kubeadm join", "--discovery-token-ca-cert-hash", " " // kubeadm's own line ends so
	}
	for _, pin := range clusterinfo.Pins(document.CAs) {
		parts = append(parts, fmt.Sprintf("%s %s", flag, pin))
	}
	return strings.Join(parts, " ") + end
}
