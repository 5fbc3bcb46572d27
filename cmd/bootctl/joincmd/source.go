package joincmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// joinSource returns what a join knows of the cluster and of who asks. missing says what
// it would lack to join, when all that is given is enough to check an identity.
func (o options) joinSource(e *cli.Env, endpoints []string) (opts join.Options, missing, err error) {
	if err := o.validateSource(endpoints); err != nil {
		return opts, nil, err
	}
	if opts.Discovery, err = o.trust.DiscoveryOptions(e, endpoints); err != nil {
		return opts, nil, err
	}
	opts.Discovery.Client.NoProxy, opts.Discovery.Client.Proxied = o.noProxy, reportProxy(e)
	if err := o.readFile(&opts); err != nil {
		return opts, nil, err
	}
	if missing, err = o.readTokens(e, &opts); err != nil {
		return opts, nil, err
	}
	switch {
	case opts.File == nil && opts.Fetch == nil && len(endpoints) == 0:
		missing = fmt.Errorf("%w: give the ENDPOINT of an API server, --discovery-file, --bootstrap-kubeconfig or --config", failure.ErrUsage)
	case len(endpoints) > 0 && missing == nil:
		err = opts.Discovery.Validate()
	}
	return opts, missing, err
}

// readTokens reads who asks, unless a file says so: the token that cluster-info is
// signed with, and where kubeadm's flags name another, that.
func (o options) readTokens(e *cli.Env, opts *join.Options) (missing, err error) {
	explicit := o.tokenFile != "" || o.tokenForDiscovery() != ""
	if opts.File != nil && !opts.File.Credential.IsZero() && !explicit {
		return nil, nil
	}
	if plain := o.tokenForDiscovery(); o.config != "" && plain != "" {
		opts.Discovery.Token, err = token.Parse(plain)
	} else {
		opts.Discovery.Token, err = cmdutil.NodeToken(e, o.tokenFile, plain)
	}
	if errors.Is(err, cmdutil.ErrNoToken) {
		if opts.Fetch != nil {
			return nil, nil // the file may have one
		}
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	asks := opts.Discovery.Token
	if o.tlsBootstrapToken != "" {
		if asks, err = token.Parse(o.tlsBootstrapToken); err != nil {
			return nil, err
		}
	}
	if explicit {
		opts.Credential = join.TokenCredential(asks)
	}
	return nil, nil
}

// validateSource wants the cluster to be named in one way, and what goes with it.
func (o options) validateSource(endpoints []string) error {
	var ways []string
	for _, way := range []struct {
		given bool
		name  string
	}{
		{len(endpoints) > 0, "ENDPOINT"}, {o.discoveryFile != "", "--discovery-file"}, {o.bootstrapKubeconfig != "", "--bootstrap-kubeconfig"},
	} {
		if way.given {
			ways = append(ways, way.name)
		}
	}
	switch {
	case len(ways) > 1:
		return fmt.Errorf("%w: %s each say where the cluster is; give one", failure.ErrUsage, strings.Join(ways, " and "))
	case len(endpoints) == 0 && o.trust.UnsafeSkip:
		return fmt.Errorf("%w: --unsafe-skip-ca-verification goes with an ENDPOINT alone", failure.ErrUsage)
	case (o.tlsBootstrapToken != "" || o.discoveryToken != "") && (o.token != "" || o.tokenFile != ""):
		return fmt.Errorf("%w: --token and --token-file go with neither --discovery-token nor --tls-bootstrap-token", failure.ErrUsage)
	case o.bootstrapKubeconfig != "" && (o.tokenFile != "" || o.token != "" || o.discoveryToken != "" || o.tlsBootstrapToken != ""):
		return fmt.Errorf("%w: the bootstrap kubeconfig says who asks, and a token was given, too", failure.ErrUsage)
	}
	return nil
}

// tokenForDiscovery is the token on the command line that cluster-info is signed with.
func (o options) tokenForDiscovery() string {
	return cmp.Or(o.token, o.discoveryToken, o.tlsBootstrapToken)
}

// ReadFile reads the kubeconfig with the cluster, or says how to fetch it.
func (o options) readFile(opts *join.Options) error {
	path := o.discoveryFile + o.bootstrapKubeconfig // one of them
	switch {
	case path == "":
		return nil
	case strings.Contains(path, "://"):
		from, err := url.Parse(path)
		if err != nil || from.Scheme != "https" || from.Host == "" || from.User != nil || o.bootstrapKubeconfig != "" {
			return fmt.Errorf("%w: a file or, with --discovery-file, an https URL without a user in it is wanted, not %q", failure.ErrUsage, token.Redact(path))
		}
		client := opts.Discovery.Client.WithDefaults()
		opts.Fetch = func(ctx context.Context) (join.File, error) {
			text, err := kubeclient.Download(ctx, from, cli.MaxFile, client)
			if err != nil {
				return join.File{}, err
			}
			file, err := join.ParseFile(text)
			if err != nil {
				return join.File{}, fmt.Errorf("%w: %w", failure.ErrDiscoveryFile, err)
			}
			return file, nil
		}
		return nil
	}
	file, err := join.ReadFile(path)
	if err == nil && o.bootstrapKubeconfig != "" && file.Credential.IsZero() {
		err = fmt.Errorf("%s: %w: it has neither a token nor a client certificate", path, join.ErrFile)
	}
	opts.File = &file
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
