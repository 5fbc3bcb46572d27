package cli

import (
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/token"
)

// StartStatusLine shows on a terminal, in one line that is drawn anew, what line returns; an
// empty text is not shown. Events push it down. stop wipes it out. Who wants no
// colour gets no such line either, since it takes the same control characters.
func (e *Env) StartStatusLine(line func() string) (stop func()) {
	if e.Width() == 0 || e.Global.Output == "json" || e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" {
		return func() {}
	}
	e.Line = line
	stopDrawing := Tick(200*time.Millisecond, e.draw)
	return func() {
		stopDrawing()
		e.events.Lock()
		defer e.events.Unlock()
		e.clearLine()
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

func (e *Env) draw() {
	text := e.Line()
	e.events.Lock()
	defer e.events.Unlock()
	e.clearLine()
	if text == "" {
		return
	}
	text = token.Redact("bootctl: " + escape.Text(text))
	_, _ = fmt.Fprint(e.ErrOut, fitLine(text, e.Width()-1))
	e.drawn = true
}

// clearLine takes the line away that was drawn. The caller holds the lock on events.
func (e *Env) clearLine() {
	if e.drawn {
		_, _ = fmt.Fprint(e.ErrOut, "\r\x1b[K")
		e.drawn = false
	}
}
