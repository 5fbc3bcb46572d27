package tokencmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// tokenCheck says what Kubernetes does with the token, and returns an error when
// that is not what its usages say, or when another token was meant.
func tokenCheck(info token.Info, wanted tokenArgument, now time.Time) (output.TokenCheck, error) {
	verdict, item := info.Evaluate(now), cmdutil.TokenInfo(info, now)
	object := output.TokenCheck{
		Meta: output.Kind("TokenCheck"), ID: wanted.id, Token: &item,
		Accepted: verdict.Rejected == "", User: verdict.User, Groups: cli.OrEmpty(verdict.Groups), Rejected: verdict.Rejected,
		Signs: verdict.Unsigned == "", Unsigned: verdict.Unsigned,
		Notes: append(cli.OrEmpty(info.Notes), lifetimeNotes(info, now)...),
	}
	if !verdict.DeletedAt.IsZero() {
		cleaned := verdict.DeletedAt.UTC().Truncate(time.Second)
		object.Cleaned = &cleaned
	}
	if !wanted.whole.IsZero() {
		if err := info.Matches(wanted.whole); err != nil {
			object.Accepted, object.User, object.Groups, object.Rejected = false, "", []string{}, err.Error()
			object.Signs, object.Unsigned = false, err.Error()
			return object, err
		}
	}
	return object, info.Usable(now)
}

// missSignature returns an error when the signer has left the token without a good
// signature for longer than it takes, and notes it.
func missSignature(object *output.TokenCheck, document clusterinfo.Info, info token.Info, now time.Time) error {
	if stalled := clusterinfo.StalledControllers(document, []token.Info{info}, now)[clusterinfo.Signer]; stalled != "" {
		object.Notes = append(object.Notes, stalled)
		return fmt.Errorf("token %s: %w", info.ID, clusterinfo.ErrNotSignedYet)
	}
	return nil
}

// lifetimeNotes say what is odd about the end of a token.
func lifetimeNotes(info token.Info, now time.Time) []string {
	if info.Expires.IsZero() && info.Usable(now) == nil {
		return []string{"it " + neverExpires}
	}
	if stalled := clusterinfo.StalledControllers(clusterinfo.Info{}, []token.Info{info}, now)[clusterinfo.Cleaner]; stalled != "" {
		return []string{stalled}
	}
	return nil
}

func checkView(object output.TokenCheck, now time.Time) cli.Result {
	v := cli.Result{Object: object, Names: []cli.Name{cmdutil.TokenReference(object.ID)}, Header: []string{"TOKEN", object.ID}}
	row := func(title, text string) { v.Rows = append(v.Rows, []string{title, text}) }
	accepts := "rejects it: " + object.Rejected
	if object.Accepted {
		accepts = "accepts it as " + object.User
	}
	if object.Token != nil {
		row("status", cmdutil.TokenStatus(*object.Token))
		row("description", object.Token.Description)
	}
	row("API server", accepts)
	if object.Accepted {
		row("in groups", strings.Join(object.Groups, ", "))
	}
	if object.Token == nil {
		row("asked at", object.Endpoint)
		return v
	}
	switch {
	case !object.Signs:
		row("bootstrap signer", "does not sign with it: "+object.Unsigned)
	default:
		row("bootstrap signer", "is to sign cluster-info with it")
		row("signature", object.Signature)
	}
	row("token cleaner", cleanedText(object.Cleaned, now))
	for _, note := range object.Notes {
		row("note", note)
	}
	return v
}

func cleanedText(at *time.Time, now time.Time) string {
	switch {
	case at == nil:
		return "never deletes it"
	case at.After(now):
		return "deletes it in " + cli.HumanDuration(at.Sub(now)) + ", at " + at.Format(time.RFC3339)
	}
	return "deletes it at once"
}
