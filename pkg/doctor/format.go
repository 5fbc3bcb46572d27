package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// most is how many things of a kind are listed by name.
const most = 5

// ok returns the finding that nothing is wrong.
func ok(format string, args ...any) []Finding {
	return []Finding{{Status: OK, Evidence: fmt.Sprintf(format, args...)}}
}

func one(status Status, reason, evidence, remedy string) []Finding {
	return []Finding{{Status: status, Reason: reason, Evidence: evidence, Remedy: remedy}}
}

// checkError returns the finding about an error that ended a check of a cluster.
func checkError(ctx context.Context, err error) Finding {
	var missing *kubeclient.MissingPermissionError
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
	return diagnoseAdmin(err)
}

func forbidden(missing string) Finding {
	return Finding{Status: WARN, Reason: Forbidden, Evidence: missing, Remedy: "run it as a cluster administrator, or grant what is missing"}
}

// listed joins the first few texts and counts the rest.
func listed(texts []string, separator string) string {
	return escape.FirstN(texts, most, separator)
}

// from adds the address to an error that does not begin with it.
func from(endpoint clusterinfo.Endpoint, err error) error {
	if strings.HasPrefix(err.Error(), fmt.Sprintf("%s: ", endpoint)) {
		return err
	}
	return fmt.Errorf("%s: %w", endpoint, err)
}

// counted returns a number of things: 1 token, 2 tokens.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
