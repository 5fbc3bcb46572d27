package cli

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// StartStatusLine shows a status line on a terminal until stop is called, and keeps it up
// to date and below the events. Without a terminal, with JSON output and with NO_COLOR, it
// shows nothing.
func (e *Env) StartStatusLine(line func() string) (stop func()) {
	if e.Width() == 0 || e.Global.Output == "json" || e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" {
		return func() {}
	}
	e.Line = line
	stopDrawing := Tick(200*time.Millisecond, func() {
		status := e.Redact(line())
		if status != "" {
			status = fitLine("bootctl: "+escape.Text(status), e.Width()-1)
		}
		e.lines.print(e.ErrOut, "", status)
	})
	return func() {
		stopDrawing()
		e.lines.print(e.ErrOut, "", "")
		e.Line = nil
	}
}

// Concurrently calls do like kubeclient.Concurrently, and shows on a terminal how many
// calls have returned.
func (e *Env) Concurrently(ctx context.Context, doing string, n int, do func(ctx context.Context, i int)) {
	count, stop := e.Count(doing, n)
	defer stop()
	kubeclient.Concurrently(ctx, n, func(ctx context.Context, i int) {
		do(ctx, i)
		count()
	})
}

// Count shows on a terminal how many of n items are done, until stop is called. count adds
// one of them, and can be called concurrently.
func (e *Env) Count(doing string, n int) (count, stop func()) {
	var done atomic.Int64
	stop = e.StartStatusLine(func() string { return fmt.Sprintf("%s %d of %d", doing, done.Load(), n) })
	return func() { done.Add(1) }, stop
}

// Tick calls do repeatedly until stop has returned.
func Tick(pause time.Duration, do func()) (stop func()) {
	stopped := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		_ = wait.PollUntilContextCancel(wait.ContextForChannel(stopped), pause, false, func(context.Context) (bool, error) { do(); return false, nil })
	})
	return sync.OnceFunc(func() { close(stopped); ticking.Wait() })
}

// lines writes to stderr one line at a time.
type lines struct {
	mutex sync.Mutex // events come from several goroutines
	drawn bool       // whether the status line is shown below the lines
}

// print writes text in place of the status line, and then the status line unless it is
// empty.
func (l *lines) print(out io.Writer, text, status string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.drawn {
		text = "\r\x1b[K" + text
	}
	_, _ = fmt.Fprint(out, text+status)
	l.drawn = status != ""
}
