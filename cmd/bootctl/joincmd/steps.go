package joincmd

import (
	"errors"
	"sync"
	"time"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// joinSteps measures the steps of a join and reports what they wait for.
type joinSteps struct {
	env    *cli.Env
	dryRun bool

	mu      sync.Mutex
	since   time.Time // the start of the last step in done; zero if it has ended
	done    []output.JoinStep
	request csr.Request   // zero after the approval command was printed
	waits   error         // the cause of the wait, nil if there is none
	waited  time.Time     // the start of the wait
	again   time.Duration // how long the wait lasts at the next reminder
}

// firstReminder is the time after which a cause is reported again; it doubles with each
// report.
const firstReminder = 30 * time.Second

// observe handles the events of the join.
func (s *joinSteps) observe(event kubeclient.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case event.Step != "":
		s.end()
		s.since = s.env.Now()
		s.done = append(s.done, output.JoinStep{Name: event.Step})
		if s.env.Line == nil { // otherwise it is printed with its duration when it has ended
			s.env.Progress(event.Step)
		}
	case event.CSR != nil:
		s.request = csr.Decode(event.CSR)
		if s.dryRun {
			cmdutil.PrintApprovalCommand(s.env, s.request)
		}
	case event.Waiting != nil:
		s.waits, s.waited, s.again = event.Waiting, s.env.Now(), firstReminder
		s.env.Waiting(s.waits, 0)
		if errors.Is(s.waits, csr.ErrPending) && s.request.Name != "" {
			cmdutil.PrintApprovalCommand(s.env, s.request)
			s.request = csr.Request{}
		}
	case event.ClockBehind != 0:
		text := "the clock of this machine is " + discovery.Skew(event.ClockBehind) + " the server's; valid certificates and tokens can appear invalid"
		s.env.Event(output.Event{Event: "warning", Message: text, Reason: "ClockSkew"}, "warning: "+text+" (ClockSkew)")
	}
}

// end closes the current step. The caller holds the lock.
func (s *joinSteps) end() {
	if s.since.IsZero() {
		return
	}
	step := &s.done[len(s.done)-1]
	step.Milliseconds = s.env.Now().Sub(s.since).Milliseconds()
	switch {
	case s.env.Line != nil:
		s.env.Progress(step.Name + ": " + s.elapsed(s.since))
	case s.waits != nil:
		s.env.Progress(step.Name + " took " + s.elapsed(s.waited))
	}
	s.since, s.waits = time.Time{}, nil
}

// remind reports a persistent cause again.
func (s *joinSteps) remind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waits == nil {
		return
	}
	if lasted := s.env.Now().Sub(s.waited); lasted >= s.again {
		s.again *= 2
		s.env.Waiting(s.waits, lasted)
	}
}

// line returns the status line of the current step.
func (s *joinSteps) line() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return ""
	}
	text := s.done[len(s.done)-1].Name + ": " + s.elapsed(s.since)
	if s.waits != nil {
		text += ", for " + s.elapsed(s.waited) + ": " + kubeclient.Message(s.waits)
	}
	return text
}

// elapsed returns the time since then, rounded.
func (s *joinSteps) elapsed(since time.Time) string {
	d := s.env.Now().Sub(since)
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
