package joincmd

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/token"
)

// read completes the options of the join with what the other flags say.
func (o *options) read(e *cli.Env) error {
	dir, err := filepath.Abs(cmp.Or(o.outDir, o.rootfs))
	if err != nil {
		return err
	}
	o.Random, o.Layout = e.Random, join.RootFS(dir)
	if o.outDir != "" {
		o.Layout = join.OutDir(dir)
	}
	if o.Discovery, err = o.trust.DiscoveryOptions(e, o.endpoints); err != nil {
		return err
	}
	o.Discovery.Client.NoProxy, o.Discovery.Client.Proxied = o.noProxy, reportProxy(e)
	if err := o.readFile(); err != nil {
		return err
	}
	if err := o.readTokens(e); err != nil {
		return err
	}
	return o.nameNode(e)
}

// readFile reads the kubeconfig with the cluster, unless that is at a URL.
func (o *options) readFile() error {
	path := o.discoveryFile + o.bootstrapKubeconfig // one of them
	if path == "" {
		return nil
	}
	if strings.Contains(path, "://") {
		from, err := url.Parse(path)
		if err != nil || from.Scheme != "https" || from.Host == "" || from.User != nil || o.bootstrapKubeconfig != "" {
			return fmt.Errorf("%w: a file or, with --discovery-file, an https URL without a user in it is wanted, not %q", failure.ErrUsage, token.Redact(path))
		}
		o.URL = from
		return nil
	}
	file, err := join.ReadFile(path)
	if err == nil && o.bootstrapKubeconfig != "" && file.Credential.IsZero() {
		err = fmt.Errorf("%s: %w: it has neither a token nor a client certificate", path, join.ErrFile)
	}
	o.File = &file
	return err
}

// readTokens reads who asks, unless a file says so: the token that cluster-info is
// signed with, and where kubeadm's flags name another, that.
func (o *options) readTokens(e *cli.Env) (err error) {
	explicit := o.givenToken() != ""
	if o.File != nil && !o.File.Credential.IsZero() && !explicit {
		return nil
	}
	if plain := o.tokenForDiscovery(); o.config != "" && plain != "" {
		o.Discovery.Token, err = token.Parse(plain)
	} else {
		o.Discovery.Token, err = cmdutil.NodeToken(e, o.tokenFile, plain)
	}
	if errors.Is(err, cmdutil.ErrNoToken) {
		return nil // a node that has joined takes none, and the file at a URL may have one
	}
	asks := o.Discovery.Token
	if err == nil && o.tlsBootstrapToken != "" {
		asks, err = token.Parse(o.tlsBootstrapToken)
	}
	if explicit {
		o.Credential = join.TokenCredential(asks)
	}
	return err
}

// nameNode names the node after the host unless a name is given. What only checks an
// identity takes it under the name that it has.
func (o *options) nameNode(e *cli.Env) error {
	if o.NodeName == "" && o.Validate() == nil {
		hostname, err := e.Hostname()
		if err != nil {
			return fmt.Errorf("find the host name: %w", err)
		}
		o.NodeName = strings.ToLower(hostname)
	}
	tok := o.Discovery.Token
	return cli.UsageIf(!tok.IsZero() && strings.Contains(o.NodeName, tok.Secret()), "the token stands in --node-name, which everyone may read")
}

// tokenForDiscovery is the token on the command line that cluster-info is signed with.
func (o options) tokenForDiscovery() string {
	return cmp.Or(o.token, o.discoveryToken, o.tlsBootstrapToken)
}
