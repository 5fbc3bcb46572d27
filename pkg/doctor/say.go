package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/token"
)

// most is how many things of a kind are named; of more, the number is told.
const most = 5

// ok is the finding that all is well.
func ok(format string, args ...any) []Finding {
	return []Finding{{Status: OK, Evidence: fmt.Sprintf(format, args...)}}
}

func one(status Status, reason, evidence, remedy string) []Finding {
	return []Finding{{Status: status, Reason: reason, Evidence: evidence, Remedy: remedy}}
}

// named puts the name of the check into its findings, and takes out what could be
// a token in the wrong place.
func named(check string, findings []Finding) []Finding {
	for i := range findings {
		f := &findings[i]
		f.Check, f.Evidence, f.Remedy = check, token.Redact(f.Evidence), token.Redact(f.Remedy)
	}
	return findings
}

// unfinished is what keeps a check from its end.
func unfinished(ctx context.Context, err error) Finding {
	var missing *apiclient.MissingPermissionError
	switch {
	case errors.Is(err, clusterinfo.ErrNotFound), errors.Is(err, clusterinfo.ErrDocument): // which has a check of its own
		return Finding{Status: OK, Evidence: "not known: " + err.Error()}
	case errors.As(err, &missing):
		return forbidden(missing.Error())
	case apierrors.IsForbidden(err):
		return forbidden(err.Error())
	case ctx.Err() != nil:
		return Finding{Status: FAIL, Reason: TimedOut, Evidence: err.Error(), Remedy: "bootctl doctor --timeout 5m"}
	}
	t := adminTrouble(err)
	return Finding{Status: FAIL, Reason: t.reason, Evidence: err.Error(), Remedy: t.remedy}
}

func forbidden(missing string) Finding {
	return Finding{Status: WARN, Reason: Forbidden, Evidence: missing, Remedy: "run it as a cluster administrator, or grant what is missing"}
}

// listed joins the first few of several texts, and says how many more there are.
func listed(texts []string, separator string) string {
	if more := len(texts) - most; more > 0 {
		return fmt.Sprintf("%s%sand %d more", strings.Join(texts[:most], separator), separator, more)
	}
	return strings.Join(texts, separator)
}

// from says which address an error is of, where it does not say so itself.
func from(endpoint clusterinfo.Endpoint, err error) error {
	if strings.HasPrefix(err.Error(), fmt.Sprintf("%s: ", endpoint)) {
		return err
	}
	return fmt.Errorf("%s: %w", endpoint, err)
}

// counted says how many of a thing there are: 1 token, 2 tokens.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
