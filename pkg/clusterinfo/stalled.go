package clusterinfo

import (
	"fmt"
	"time"

	"github.com/bootctl/bootctl/pkg/token"
)

// The controllers that look after tokens and cluster-info, by the names that
// kube-controller-manager's --controllers takes.
const (
	Signer  = "bootstrapsigner"
	Cleaner = "tokencleaner"
)

// patience is how long a controller may take: it acts within a second.
const patience = 10 * time.Second

// Silence is a controller that has not done its work.
type Silence struct {
	Controller string
	// Evidence is what it should have done.
	Evidence string
}

func (s Silence) String() string {
	return fmt.Sprintf("the controller %s is silent: %s", s.Controller, s.Evidence)
}

// Silent returns the controllers that have left something undone for over ten
// seconds, each with the first evidence of it. tokens are all tokens of the
// cluster, as far as the caller may know them.
func Silent(info Info, tokens []token.Info, now time.Time) []Silence {
	found := map[string]string{}
	note := func(controller, format string, args ...any) {
		if found[controller] == "" {
			found[controller] = fmt.Sprintf(format, args...)
		}
	}
	for _, tok := range tokens {
		if age := now.Sub(tok.Created); tok.Signs(now) && age > patience {
			if state := Check(info, tok.Token); state != Valid {
				note(Signer, "token %s is there for %s, and its signature is %s", tok.ID, age.Round(time.Second), state)
			}
		}
		if over := now.Sub(tok.Expires); !tok.Expires.IsZero() && over > patience {
			note(Cleaner, "token %s expired %s ago and is still there", tok.ID, over.Round(time.Second))
		}
	}
	if len(tokens) == 0 && len(info.Signatures) == 0 {
		note(Signer, "cluster-info has no signature at all")
	}
	var silent []Silence
	for _, controller := range []string{Signer, Cleaner} {
		if found[controller] != "" {
			silent = append(silent, Silence{controller, found[controller]})
		}
	}
	return silent
}
