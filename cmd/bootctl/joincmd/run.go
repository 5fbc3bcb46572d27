package joincmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/token"
)

func (o options) run(ctx context.Context, e *cli.Env, fs *pflag.FlagSet, endpoints []string) error {
	e.AtNode, o.endpoints = true, endpoints
	if err := cli.RequireUnix(e.Goos, "join"); err != nil {
		return err
	}
	if o.config != "" {
		if err := o.readConfig(e, fs.Changed("timeout")); err != nil {
			return err
		}
	}
	if err := o.validate(fs); err != nil {
		return err
	}
	if err := o.read(e); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	steps := &joinSteps{env: e, dryRun: o.DryRun}
	result, err := steps.follow(ctx, o.Options)
	if err != nil {
		return missingFlag(err)
	}
	cmdutil.WarnOfOthers(e, result.Others)
	reportUnused(e, result, o.Layout)
	if o.DryRun && joinState(result) == "not-joined" {
		e.Progress("dry run: all checks that need no CSR passed, and nothing was changed")
	}
	return e.Print(joinView(result, o.Layout, o.DryRun, steps.done))
}

// reportUnused reports that a node keeps the address with which it joined.
func reportUnused(e *cli.Env, result join.Result, layout join.Layout) {
	var unused []string
	for _, endpoint := range result.Unused {
		unused = append(unused, endpoint.URL())
	}
	if len(unused) > 0 {
		e.Progress(fmt.Sprintf("the node keeps the server %s with which it joined; bootctl did not contact %s; to change the server, edit %s",
			result.Server.URL(), strings.Join(unused, ", "), layout.Kubeconfig()))
	}
}

// follow performs the join and shows its steps.
func (s *joinSteps) follow(ctx context.Context, opts join.Options) (join.Result, error) {
	opts.Observer = s.observe
	defer s.env.StartStatusLine(s.line)()
	defer cli.Tick(time.Second, s.remind)()
	result, err := join.Run(ctx, opts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.end()
	}
	return result, err
}

// validate returns an error if the flags cannot be combined.
func (o options) validate(fs *pflag.FlagSet) error {
	var ways []string
	for _, way := range [][2]string{
		{"ENDPOINT", strings.Join(o.endpoints, " ")}, {"--discovery-file", o.discoveryFile}, {"--bootstrap-kubeconfig", o.bootstrapKubeconfig},
	} {
		if way[1] != "" {
			ways = append(ways, way[0])
		}
	}
	return cmp.Or(
		cli.UsageIf(o.outDir != "" && fs.Changed("rootfs"), "--rootfs and --out-dir cannot be used together"),
		cli.UsageIf(o.timeout <= 0, "--timeout must be positive, not %s", o.timeout),
		cli.UsageIf(len(ways) > 1, "%s cannot be used together", strings.Join(ways, " and ")),
		cli.UsageIf(len(o.endpoints) == 0 && o.trust.UnsafeSkip, "--unsafe-skip-ca-verification requires an ENDPOINT"),
		cli.UsageIf(o.tlsBootstrapToken+o.discoveryToken != "" && o.token+o.tokenFile != "",
			"--token and --token-file cannot be used with --discovery-token or --tls-bootstrap-token"),
		cli.UsageIf(o.bootstrapKubeconfig != "" && o.givenToken() != "",
			"--bootstrap-kubeconfig contains credentials, so it cannot be used with a token"),
	)
}

// givenToken returns the token or the token file that the flags specify.
func (o options) givenToken() string { return o.tokenFile + o.tokenForDiscovery() }

// missingFlag returns an error that names the missing flag if the node has not joined
// and the flags do not suffice for a join.
func missingFlag(err error) error {
	switch notJoined := errors.Is(err, join.ErrNotJoined); {
	case notJoined && errors.Is(err, clusterinfo.ErrInvalidEndpoint):
		return failure.Usagef("specify the ENDPOINT of an API server, --discovery-file, --bootstrap-kubeconfig, or --config")
	case notJoined && errors.Is(err, token.ErrInvalid):
		return cmdutil.ErrNoToken
	}
	return err
}

// reportProxy returns a function that reports each proxy once.
func reportProxy(e *cli.Env) func(string) {
	var reported sync.Map
	return func(proxy string) {
		if _, again := reported.LoadOrStore(proxy, true); !again {
			e.Progress("connecting through the proxy " + proxy + "; to connect directly, use --no-proxy")
		}
	}
}
