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
	return e.Print(joinView(result, o.Layout, o.DryRun, steps.done))
}

// follow joins, and shows the steps meanwhile.
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

// validate wants flags that fit together, and the cluster to be named in one way.
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
		cli.UsageIf(o.outDir != "" && fs.Changed("rootfs"), "--rootfs and --out-dir were both given"),
		cli.UsageIf(o.timeout <= 0, "--timeout %s leaves no time", o.timeout),
		cli.UsageIf(len(ways) > 1, "%s each say where the cluster is; give one", strings.Join(ways, " and ")),
		cli.UsageIf(len(o.endpoints) == 0 && o.trust.UnsafeSkip, "--unsafe-skip-ca-verification goes with an ENDPOINT alone"),
		cli.UsageIf(o.tlsBootstrapToken+o.discoveryToken != "" && o.token+o.tokenFile != "",
			"--token and --token-file go with neither --discovery-token nor --tls-bootstrap-token"),
		cli.UsageIf(o.bootstrapKubeconfig != "" && o.givenToken() != "",
			"the bootstrap kubeconfig says who asks, and a token was given, too"),
	)
}

// givenToken is the token that the flags name, or the file that it is in.
func (o options) givenToken() string { return o.tokenFile + o.tokenForDiscovery() }

// missingFlag says which flag is missing, where a node that has not joined lacks what
// it takes to join.
func missingFlag(err error) error {
	switch notJoined := errors.Is(err, join.ErrNotJoined); {
	case notJoined && errors.Is(err, clusterinfo.ErrInvalidEndpoint):
		return fmt.Errorf("%w: give the ENDPOINT of an API server, --discovery-file, --bootstrap-kubeconfig or --config", failure.ErrUsage)
	case notJoined && errors.Is(err, token.ErrInvalid):
		return cmdutil.ErrNoToken
	}
	return err
}

// reportProxy tells of each proxy that is used, once.
func reportProxy(e *cli.Env) func(string) {
	var told sync.Map
	return func(proxy string) {
		if _, again := told.LoadOrStore(proxy, true); !again {
			e.Progress("connecting through the proxy " + proxy + "; --no-proxy connects directly")
		}
	}
}
