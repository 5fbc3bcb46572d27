package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Every line on stderr goes through event: text for people, or one JSON object
// a line with -o json.

func (e *Env) Warn(text string) {
	e.Event(output.Event{Event: "warning", Message: text}, "warning: "+escape.Text(text))
}

func (e *Env) Progress(text string) {
	e.Event(output.Event{Event: "progress", Message: text}, escape.Text(text))
}

// Observe prints the steps of what takes time, and why it waits.
func (e *Env) Observe(event kubeclient.Event) {
	if event.Step != "" {
		e.Progress(event.Step)
	}
	if event.Waiting != nil {
		e.Waiting(event.Waiting)
	}
}

// Waiting tells why a command waits.
func (e *Env) Waiting(err error) {
	reason := failure.Of(err).Reason
	event := output.Event{Event: "cause", Message: err.Error(), Reason: reason}
	e.Event(event, fmt.Sprintf("waiting: %s (%s)", escape.Text(err.Error()), reason))
}

// StillWaiting tells why a command still waits.
func (e *Env) StillWaiting(err error, lasted time.Duration) {
	reason := failure.Of(err).Reason
	event := output.Event{Event: "cause", Message: err.Error(), Reason: reason, Milliseconds: lasted.Milliseconds()}
	e.Event(event, fmt.Sprintf("waiting for %s: %s (%s)", lasted.Round(time.Second), escape.Text(err.Error()), reason))
}

func (e *Env) observeCall(c kubeclient.Call) {
	outcome := fmt.Sprint(c.Status)
	if c.Err != nil {
		outcome = c.Err.Error()
	}
	event := output.Event{
		Event: "call", Message: outcome, Method: c.Method, Path: c.Path, As: c.As,
		Status: c.Status, Milliseconds: c.Duration.Milliseconds(),
	}
	e.Event(event, fmt.Sprintf("call: %s %s as %s: %s in %s", c.Method, escape.Text(c.Path), escape.Text(c.As),
		escape.Text(outcome), c.Duration.Round(time.Millisecond)))
}

// fail reports err, with its reason code and a hint, and returns its exit code.
func (e *Env) fail(err error) int {
	f := failure.Of(err)
	hint := f.Hint
	if e.AtNode {
		hint = f.NodeHint
	}
	event := output.Event{Event: "error", Message: err.Error(), Reason: f.Reason, Code: f.Exit, Hint: hint}
	text := fmt.Sprintf("error: %s (%s)", escape.Text(err.Error()), f.Reason)
	if hint != "" {
		text += "\nbootctl: hint: " + escape.Text(hint)
	}
	e.Event(event, text)
	return f.Exit
}

func (e *Env) Event(Event output.Event, text string) {
	line := "bootctl: " + e.WithProgramName(text)
	if e.Global.Output == "json" {
		Event.Message, Event.Hint, Event.Command = e.WithProgramName(Event.Message), e.WithProgramName(Event.Hint), e.WithProgramName(Event.Command)
		encoded, err := json.Marshal(Event)
		if err == nil {
			line = string(escape.JSON(encoded))
		}
	}
	e.events.Lock()
	defer e.events.Unlock()
	e.clearLine()
	_, _ = fmt.Fprintln(e.ErrOut, token.Redact(line)) // one may stand in the wrong place of the command line
}
