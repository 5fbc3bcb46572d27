package clusterinfo

import (
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// The controllers that maintain tokens and cluster-info, by the names that
// kube-controller-manager's --controllers takes.
const (
	Signer  = "bootstrapsigner"
	Cleaner = "tokencleaner"
)

// StallThreshold is how long a controller of kube-controller-manager may take to act
// before it counts as stalled: it usually acts within a second.
const StallThreshold = 10 * time.Second

// StalledControllers returns a sentence about each controller that has left work
// undone for longer than StallThreshold, by the controller's name: the first token
// that it should have acted on. tokens are all tokens of the cluster that the caller
// can see.
func StalledControllers(info Info, tokens []token.Info, now time.Time) map[string]string {
	stalled := map[string]string{}
	note := func(controller, format string, args ...any) {
		if stalled[controller] == "" {
			stalled[controller] = fmt.Sprintf("the controller %s is silent: %s", controller, fmt.Sprintf(format, args...))
		}
	}
	for _, tok := range tokens {
		if age := now.Sub(tok.Created); tok.Signs(now) && age > StallThreshold {
			if state := Check(info, tok.Token); state != Valid {
				note(Signer, "token %s is there for %s, and its signature is %s", tok.ID, age.Round(time.Second), state)
			}
		}
		if over := now.Sub(tok.Expires); !tok.Expires.IsZero() && over > StallThreshold {
			note(Cleaner, "token %s expired %s ago and is still there", tok.ID, over.Round(time.Second))
		}
	}
	if len(tokens) == 0 && len(info.Signatures) == 0 {
		note(Signer, "cluster-info has no signature at all")
	}
	return stalled
}
