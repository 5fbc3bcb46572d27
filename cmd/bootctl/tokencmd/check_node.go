package tokencmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/discovery"
)

// argument reads the token that is meant.
func (o checkOptions) argument(e *cli.Env, args []string) (tokenArgument, error) {
	if len(args) == 1 {
		return tokenArgumentOf(e, args[0])
	}
	if o.tokenFile == "" && e.Getenv(cmdutil.TokenVariable) == "" {
		return tokenArgument{}, fmt.Errorf("%w: name a token by its ID, give --token-file, or set %s", failure.ErrUsage, cmdutil.TokenVariable)
	}
	tok, err := cmdutil.NodeToken(e, o.tokenFile, "")
	return tokenArgument{tok.ID(), tok}, err
}

// runAsNode asks the API server itself.
func (o checkOptions) runAsNode(ctx context.Context, e *cli.Env, args []string) error {
	opts, err := o.trust.Discovery(e, []string{o.endpoint}, o.tokenFile, strings.Join(args, ""))
	if err != nil {
		return err
	}
	identity, err := discovery.Identify(ctx, opts)
	if err != nil {
		return err
	}
	object := output.TokenCheck{
		Meta: output.Kind("TokenCheck"), ID: opts.Token.ID(), Endpoint: identity.Endpoint.URL(), Accepted: true,
		User: identity.Username, Groups: cli.OrEmpty(identity.Groups), Notes: []string{},
	}
	return e.Print(checkView(object, e.Now()))
}
