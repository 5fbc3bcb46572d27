// Command bootctl does the whole of Kubernetes TLS bootstrap: bootstrap tokens,
// the signed cluster-info, certificate signing requests, and join.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

func main() {
	// A failed write to a closed pipe is then an error like another.
	signal.Ignore(syscall.SIGPIPE)
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))

	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if <-signals == os.Interrupt {
			cancel(failure.ErrInterrupted)
		} else {
			cancel(failure.ErrTerminated)
		}
		// A second one ends the process at once, but for the echo of the first: some
		// send it to the process and to its group.
		<-time.NewTimer(time.Second).C
		signal.Reset(os.Interrupt, syscall.SIGTERM)
	}()

	e := &cli.Env{
		Redact:     token.Redact,
		Program:    os.Args[0],
		Goos:       runtime.GOOS,
		IOStreams:  genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Now:        time.Now,
		Random:     rand.Reader,
		Getenv:     os.Getenv,
		Hostname:   os.Hostname,
		Executable: os.Executable,
		IsTerminal: func() bool { return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())) },
		Width:      width,
		NewClient:  kubeclient.New,
	}
	os.Exit(run(ctx, e, os.Args[1:]))
}

// width returns the columns of the terminal on stderr: 0 when it is none, and 80
// when it does not say.
func width() int {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}
