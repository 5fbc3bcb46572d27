package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

type tokenCreateOptions struct {
	ttl         string
	usages      []string
	groups      []string
	description string
	tokenFile   string
	joinCommand bool
}

func (o *tokenCreateOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.ttl, "ttl", "24h", "`lifetime`, such as 2h, 7d, or never (0 means never, too)")
	fs.StringSliceVar(&o.usages, "usages", []string{token.Signing, token.Authentication}, "what the token is for")
	fs.StringSliceVar(&o.groups, "groups", nil, "what the token authenticates as, beside system:bootstrappers (default "+token.DefaultGroup+")")
	fs.StringVar(&o.description, "description", "", "what the token is for, in words")
	fs.StringVar(&o.tokenFile, "token-file", "", "create the token in this `file` (- is stdin) instead of a random one")
	fs.BoolVar(&o.joinCommand, "print-join-command", false, "print the command that joins a node with the token")
}

func newTokenCreate(e *env) *cobra.Command {
	var o tokenCreateOptions
	cmd := &cobra.Command{
		Use:   "create [TOKEN]",
		Short: "Create a bootstrap token",
		Long: `Creates a bootstrap token and prints it: a random one, or the one in --token-file.
A token that exists is never replaced.

Needs create on secrets in kube-system; with --print-join-command also get on
the configmap cluster-info in kube-public.`,
		Example: "  bootctl token create --ttl 2h --print-join-command",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTokenCreate(cmd.Context(), e, o, args)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runTokenCreate(ctx context.Context, e *env, o tokenCreateOptions, args []string) error {
	spec, err := o.spec(e, args)
	if err != nil {
		return err
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	joinCommand := func(token.Token) string { return "" }
	if o.joinCommand {
		if joinCommand, err = describeJoin(ctx, client); err != nil {
			return err
		}
	}
	if err := createToken(ctx, e, client, &spec, len(args) == 0 && o.tokenFile == ""); err != nil {
		return err
	}
	if spec.Expires.IsZero() {
		e.warn("the token never expires: whoever learns it can join nodes until it is deleted")
	}
	if err := e.print(tokenView(e, spec, joinCommand(spec.Token))); err != nil {
		return errors.Join(err, token.Delete(ctx, client.Core, spec.Token.ID()))
	}
	return nil
}

// spec reads the flags, before anything is sent.
func (o tokenCreateOptions) spec(e *env, args []string) (token.Spec, error) {
	spec := token.Spec{Usages: o.usages, Groups: o.groups, Description: o.description}
	if o.groups == nil && slices.Contains(o.usages, token.Authentication) {
		spec.Groups = []string{token.DefaultGroup}
	}
	ttl, err := parseTTL(o.ttl)
	if err != nil {
		return spec, err
	}
	if ttl > 0 {
		spec.Expires = e.now().Add(ttl)
	}
	switch {
	case len(args) == 1 && o.tokenFile != "":
		return spec, fmt.Errorf("%w: a token was given and --token-file, too", errInput)
	case len(args) == 1:
		e.warn("a token on the command line can be seen by every user of this machine; --token-file hides it")
		spec.Token, err = token.Parse(args[0])
	case o.tokenFile != "":
		spec.Token, err = e.readToken(o.tokenFile)
	default:
		spec.Token, err = token.Generate(e.random)
	}
	if err != nil {
		return spec, err
	}
	return spec, spec.Validate()
}

// createToken creates the token; a random one whose ID is taken is drawn again.
func createToken(ctx context.Context, e *env, client *apiclient.Client, spec *token.Spec, random bool) error {
	for range 5 {
		err := token.Create(ctx, client.Core, *spec)
		if !random || !errors.Is(err, token.ErrExists) {
			return err
		}
		if spec.Token, err = token.Generate(e.random); err != nil {
			return err
		}
	}
	return token.ErrExists
}

// describeJoin learns what a join command needs beside the token, so that no
// token is created that cannot be printed with it.
func describeJoin(ctx context.Context, client *apiclient.Client) (func(token.Token) string, error) {
	_, document, err := readClusterInfo(ctx, client)
	if err != nil {
		return nil, err
	}
	return func(tok token.Token) string {
		parts := []string{"bootctl join", string(document.Server), "--token", tok.Reveal()}
		for _, pin := range clusterinfo.Pins(document.CAs) {
			parts = append(parts, "--ca-cert-hash", pin.String())
		}
		return strings.Join(parts, " ")
	}, nil
}

func tokenView(e *env, spec token.Spec, joinCommand string) view {
	info := tokenInfo(token.Read(spec.Secret()), e.now())
	info.Token = spec.Token.Reveal()
	v := view{
		object: output.Token{Meta: output.Kind("Token"), TokenInfo: info, JoinCommand: joinCommand},
		names:  []string{info.ID},
		text:   info.Token + "\n",
	}
	if joinCommand != "" {
		v.text = joinCommand + "\n"
	}
	return v
}
