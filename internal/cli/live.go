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

// StartStatusLine shows on a terminal, in one line that is drawn anew, what line returns; an
// empty text is not shown. Events push it down. stop wipes it out. Who wants no
// colour gets no such line either, since it takes the same control characters.
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

// Concurrently calls do as kubeclient.Concurrently does. On a terminal it shows how
// many calls have returned.
func (e *Env) Concurrently(ctx context.Context, doing string, n int, do func(ctx context.Context, i int)) {
	count, stop := e.Count(doing, n)
	defer stop()
	kubeclient.Concurrently(ctx, n, func(ctx context.Context, i int) {
		do(ctx, i)
		count()
	})
}

// Count shows on a terminal how many of n things are done, until stop is called.
// count adds one of them, and may be called from several goroutines.
func (e *Env) Count(doing string, n int) (count, stop func()) {
	var done atomic.Int64
	stop = e.StartStatusLine(func() string { return fmt.Sprintf("%s %d of %d", doing, done.Load(), n) })
	return func() { done.Add(1) }, stop
}

// Tick calls do again and again until stop has returned.
func Tick(pause time.Duration, do func()) (stop func()) {
	stopped := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		_ = wait.PollUntilContextCancel(wait.ContextForChannel(stopped), pause, false, func(context.Context) (bool, error) { do(); return false, nil })
	})
	return sync.OnceFunc(func() { close(stopped); ticking.Wait() })
}

// lines writes to a terminal, or whatever stderr is, one line at a time.
type lines struct {
	mutex sync.Mutex // events come from several goroutines
	drawn bool       // whether the status line stands below the lines now
}

// print writes text in place of the status line, and then the status line anew unless it
// is empty.
func (l *lines) print(out io.Writer, text, status string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.drawn {
		text = "\r\x1b[K" + text
	}
	_, _ = fmt.Fprint(out, text+status)
	l.drawn = status != ""
}
