package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Every line on stderr is an event: text for people, or one JSON object with -o json.

// Warn prints a warning.
func (e *Env) Warn(text string) {
	e.Event(output.Event{Event: "warning", Message: text}, "warning: "+escape.Text(text))
}

// Progress prints what the command is doing.
func (e *Env) Progress(text string) {
	e.Event(output.Event{Event: "progress", Message: text}, escape.Text(text))
}

// Observe prints the steps of an operation and why it is waiting.
func (e *Env) Observe(event kubeclient.Event) {
	if event.Step != "" {
		e.Progress(event.Step)
	}
	if event.Waiting != nil {
		e.Waiting(event.Waiting, 0)
	}
}

// Waiting prints why a command is waiting, and for how long if it has been for a while.
func (e *Env) Waiting(err error, lasted time.Duration) {
	reason, waiting := failure.Of(err).Reason, "waiting"
	if lasted > 0 {
		waiting = fmt.Sprintf("waiting for %s", lasted.Round(time.Second))
	}
	event := output.Event{Event: "waiting", Message: kubeclient.Message(err), Reason: reason, Milliseconds: lasted.Milliseconds()}
	e.Event(event, fmt.Sprintf("%s: %s (%s)", waiting, escape.Text(event.Message), reason))
}

func (e *Env) observeCall(c kubeclient.Call) {
	outcome := fmt.Sprint(c.Status)
	if c.Err != nil {
		outcome = c.Err.Error()
	}
	event := output.Event{
		Event: "request", Message: outcome, Method: c.Method, Path: c.Path, As: c.As,
		Status: c.Status, Milliseconds: c.Duration.Milliseconds(),
	}
	e.Event(event, fmt.Sprintf("request: %s %s as %s: %s in %s", c.Method, escape.Text(c.Path), escape.Text(c.As),
		escape.Text(outcome), c.Duration.Round(time.Millisecond)))
}

// fail reports the error of a command, with its reason code and a hint, and returns its
// exit code.
func (e *Env) fail(err error, command string) int {
	f := failure.Of(err)
	hint := f.Hint
	if e.AtNode {
		hint = f.NodeHint
	}
	hint = strings.ReplaceAll(hint, failure.FailedCommand, command)
	event := output.Event{Event: "error", Message: kubeclient.Message(err), Reason: f.Reason, Code: f.Exit, Retry: f.Retry, Hint: hint}
	text := fmt.Sprintf("error: %s (%s)", escape.Text(event.Message), f.Reason)
	if hint != "" {
		text += "\nbootctl: hint: " + escape.Text(hint)
	}
	e.Event(event, text)
	return f.Exit
}

// Event prints an event: as text, or with -o json as one JSON object.
func (e *Env) Event(event output.Event, text string) {
	line := "bootctl: " + e.WithProgramName(text)
	if e.Global.Output == "json" {
		event.Message, event.Hint, event.Command = e.WithProgramName(event.Message), e.WithProgramName(event.Hint), e.WithProgramName(event.Command)
		encoded, _ := json.Marshal(event) // strings and numbers can always be encoded
		line = string(escape.JSON(encoded))
	}
	e.lines.print(e.ErrOut, e.Redact(line)+"\n", "") // a token may be in the wrong place on the command line
}
