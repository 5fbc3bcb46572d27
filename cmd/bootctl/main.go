// Command bootctl manages Kubernetes TLS bootstrapping: bootstrap tokens, the signed
// cluster-info ConfigMap, certificate signing requests (CSRs), and joining nodes.
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
	// A write to a closed pipe then returns an error like any other write.
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
		// A second signal ends the process at once. A signal within a second of the
		// first does not count: some programs signal the process and its group.
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

// width returns the columns of the terminal on stderr: 0 if stderr is not a terminal, and
// 80 if the terminal has no known size.
func width() int {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}
