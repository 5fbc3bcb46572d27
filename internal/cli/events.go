package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/token"
)

// Every line on stderr goes through event: text for people, or one JSON object
// a line with -o json.

func (e *env) warn(text string) {
	e.event(output.Event{Event: "warning", Message: text}, "warning: "+safe.Text(text))
}

func (e *env) progress(text string) {
	e.event(output.Event{Event: "progress", Message: text}, safe.Text(text))
}

// cause tells why a command waits.
func (e *env) cause(err error) {
	reason := failure.Of(err).Reason
	event := output.Event{Event: "cause", Message: err.Error(), Reason: reason}
	e.event(event, fmt.Sprintf("waiting: %s (%s)", safe.Text(err.Error()), reason))
}

// causeFor tells why a command still waits.
func (e *env) causeFor(err error, lasted time.Duration) {
	reason := failure.Of(err).Reason
	event := output.Event{Event: "cause", Message: err.Error(), Reason: reason, Milliseconds: lasted.Milliseconds()}
	e.event(event, fmt.Sprintf("waiting for %s: %s (%s)", lasted.Round(time.Second), safe.Text(err.Error()), reason))
}

func (e *env) call(c apiclient.Call) {
	outcome := fmt.Sprint(c.Status)
	if c.Err != nil {
		outcome = c.Err.Error()
	}
	event := output.Event{
		Event: "call", Message: outcome, Method: c.Method, Path: c.Path, As: c.As,
		Status: c.Status, Milliseconds: c.Duration.Milliseconds(),
	}
	e.event(event, fmt.Sprintf("call: %s %s as %s: %s in %s", c.Method, safe.Text(c.Path), safe.Text(c.As),
		safe.Text(outcome), c.Duration.Round(time.Millisecond)))
}

// fail reports err, with its reason code and a hint, and returns its exit code.
func (e *env) fail(err error) int {
	f := failure.Of(err)
	hint := f.Hint
	if e.atNode {
		hint = f.NodeHint
	}
	event := output.Event{Event: "error", Message: err.Error(), Reason: f.Reason, Code: f.Exit, Hint: hint}
	text := fmt.Sprintf("error: %s (%s)", safe.Text(err.Error()), f.Reason)
	if hint != "" {
		text += "\nbootctl: hint: " + safe.Text(hint)
	}
	e.event(event, text)
	return f.Exit
}

func (e *env) event(event output.Event, text string) {
	line := "bootctl: " + e.spoken(text)
	if e.global.output == "json" {
		event.Message, event.Hint, event.Command = e.spoken(event.Message), e.spoken(event.Hint), e.spoken(event.Command)
		encoded, err := json.Marshal(event)
		if err == nil {
			line = string(safe.JSON(encoded))
		}
	}
	e.events.Lock()
	defer e.events.Unlock()
	e.wipe()
	_, _ = fmt.Fprintln(e.ErrOut, token.Redact(line)) // one may stand in the wrong place of the command line
}
