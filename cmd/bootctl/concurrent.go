package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// workers is how many requests of a bulk command are under way at a time.
const workers = 32

// concurrently calls do with each index below n, several at a time, and returns
// when all have been. On a terminal it shows how many.
func (e *env) concurrently(doing string, n int, do func(i int)) {
	var done atomic.Int64
	stop := e.count(doing, n, &done)
	defer stop()
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, n) {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
				done.Add(1)
			}
		})
	}
	running.Wait()
}

// count shows on a terminal how many of n are done, once that takes a while, and
// wipes that out in the end.
func (e *env) count(doing string, n int, done *atomic.Int64) (stop func()) {
	if !e.isTerminal() || e.global.output == "json" {
		return func() {}
	}
	ended, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		ticks := time.NewTicker(300 * time.Millisecond)
		defer ticks.Stop()
		for wipe := ""; ; wipe = "\r\x1b[K" {
			select {
			case <-ticks.C:
				_, _ = fmt.Fprintf(e.ErrOut, "%sbootctl: %s %d of %d", wipe, doing, done.Load(), n)
			case <-ended:
				_, _ = fmt.Fprint(e.ErrOut, wipe)
				return
			}
		}
	}()
	return func() { close(ended); <-gone }
}
