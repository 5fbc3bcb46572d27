package main

import (
	"fmt"
	"time"

	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/token"
)

// follow shows on a terminal, in one line that is drawn anew, what line returns; an
// empty text is not shown. Events push it down. stop wipes it out. Who wants no
// colour gets no such line either, since it takes the same control characters.
func (e *env) follow(line func() string) (stop func()) {
	if e.width() == 0 || e.global.output == "json" || e.getenv("NO_COLOR") != "" || e.getenv("TERM") == "dumb" {
		return func() {}
	}
	e.line = line
	stopDrawing := every(200*time.Millisecond, e.draw)
	return func() {
		stopDrawing()
		e.events.Lock()
		defer e.events.Unlock()
		e.wipe()
		e.line = nil
	}
}

// every calls do again and again until stop has returned.
func every(pause time.Duration, do func()) (stop func()) {
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

func (e *env) draw() {
	text := e.line()
	e.events.Lock()
	defer e.events.Unlock()
	e.wipe()
	if text == "" {
		return
	}
	text = token.Redact("bootctl: " + safe.Text(text))
	_, _ = fmt.Fprint(e.ErrOut, fitLine(text, e.width()-1))
	e.drawn = true
}

// wipe takes the line away that was drawn. The caller holds the lock on events.
func (e *env) wipe() {
	if e.drawn {
		_, _ = fmt.Fprint(e.ErrOut, "\r\x1b[K")
		e.drawn = false
	}
}
