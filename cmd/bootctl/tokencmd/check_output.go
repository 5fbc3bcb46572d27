package tokencmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/token"
)

// runAsNode authenticates to the API server with the token.
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

// tokenCheck returns what Kubernetes does with the token, and an error if one of its usages
// does not work or the secret does not match.
func tokenCheck(info token.Info, mismatch error, now time.Time) (output.TokenCheck, error) {
	status, problem := info.Evaluate(now), info.Usable(now)
	item := cmdutil.TokenInfo(info, now)
	notes := cli.OrEmpty(info.Notes)
	if item.Expires == nil && problem == nil {
		notes = append(notes, "it "+neverExpires)
	} else if stalled := clusterinfo.StalledControllers(clusterinfo.Info{}, []token.Info{info}, now)[clusterinfo.Cleaner]; stalled != "" {
		notes = append(notes, stalled)
	}
	if mismatch != nil {
		status, problem = token.Status{Rejected: mismatch.Error(), Unsigned: mismatch.Error(), DeletedAt: status.DeletedAt}, mismatch
	}
	object := output.TokenCheck{
		Meta: output.Kind("TokenCheck"), ID: info.ID, Token: &item, Notes: notes,
		Accepted: status.Rejected == "", User: status.User, Groups: cli.OrEmpty(status.Groups), RejectedReason: status.Rejected,
		Signing: status.Unsigned == "", NotSigningReason: status.Unsigned,
	}
	if !status.DeletedAt.IsZero() {
		object.DeletionTime = new(status.DeletedAt.UTC().Truncate(time.Second))
	}
	return object, problem
}

// checkSignature adds the state of the token's signature, and returns an error if the
// bootstrap signer should have signed by now.
func checkSignature(object *output.TokenCheck, document clusterinfo.Info, info token.Info, now time.Time) error {
	object.Signature = clusterinfo.Check(document, info.Token)
	if stalled := clusterinfo.StalledControllers(document, []token.Info{info}, now)[clusterinfo.Signer]; stalled != "" {
		object.Notes = append(object.Notes, stalled)
		return fmt.Errorf("token %s: %w", info.ID, clusterinfo.ErrNotSignedYet)
	}
	return nil
}

func checkView(object output.TokenCheck, now time.Time) cli.Result {
	v := cli.Result{Object: object, Names: []cli.Name{cmdutil.TokenReference(object.ID)}, Header: []string{"TOKEN", object.ID}}
	row := func(title, text string) { v.Rows = append(v.Rows, []string{title, text}) }
	if object.Token != nil {
		row("status", cmdutil.TokenStatus(*object.Token))
		row("description", object.Token.Description)
	}
	if object.Accepted {
		row("API server", "accepts it as "+object.User)
		row("groups", strings.Join(object.Groups, ", "))
	} else {
		row("API server", "rejects it: "+object.RejectedReason)
	}
	if object.Token == nil {
		row("endpoint", object.Endpoint)
		return v
	}
	if object.Signing {
		row("bootstrap signer", "signs cluster-info with it")
		row("signature", object.Signature)
	} else {
		row("bootstrap signer", "does not sign with it: "+object.NotSigningReason)
	}
	row("token cleaner", deletionText(object.DeletionTime, now))
	for _, note := range object.Notes {
		row("note", note)
	}
	return v
}

func deletionText(at *time.Time, now time.Time) string {
	switch {
	case at == nil:
		return "never deletes it"
	case at.After(now):
		return "deletes it in " + cli.HumanDuration(at.Sub(now)) + ", at " + at.Format(time.RFC3339)
	}
	return "deletes it now"
}
