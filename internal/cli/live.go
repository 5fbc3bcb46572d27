package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
)

// StartStatusLine shows on a terminal, in one line that is drawn anew, what line returns; an
// empty text is not shown. Events push it down. stop wipes it out. Who wants no
// colour gets no such line either, since it takes the same control characters.
func (e *Env) StartStatusLine(line func() string) (stop func()) {
	if e.Width() == 0 || e.Global.Output == "json" || e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" {
		return func() {}
	}
	e.Line = line
	stopDrawing := Tick(200*time.Millisecond, func() { e.lines.draw(e.ErrOut, e.Redact(line()), e.Width()-1) })
	return func() {
		stopDrawing()
		e.lines.print(e.ErrOut, "")
		e.Line = nil
	}
}

// Tick calls do again and again until stop has returned.
func Tick(pause time.Duration, do func()) (stop func()) {
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticks := time.NewTicker(pause)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				do()
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-gone }
}

// lines writes to a terminal, or whatever stderr is, one line at a time.
type lines struct {
	mutex sync.Mutex // events come from several goroutines
	drawn bool       // whether the status line stands below the lines now
}

// draw draws the status line anew, of at most so many columns.
func (l *lines) draw(out io.Writer, text string, columns int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.clear(out)
	if text != "" {
		_, _ = fmt.Fprint(out, fitLine("bootctl: "+escape.Text(text), columns))
		l.drawn = true
	}
}

// print writes text in place of the status line.
func (l *lines) print(out io.Writer, text string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.clear(out)
	_, _ = fmt.Fprint(out, text)
}

// clear takes the status line away. The caller holds the lock.
func (l *lines) clear(out io.Writer) {
	if l.drawn {
		_, _ = fmt.Fprint(out, "\r\x1b[K")
		l.drawn = false
	}
}
