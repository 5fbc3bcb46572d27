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

// read derives the options of the join from the other flags.
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

// readFile reads the kubeconfig with the cluster, unless it is at a URL.
func (o *options) readFile() error {
	path := o.discoveryFile + o.bootstrapKubeconfig // one of them
	if path == "" {
		return nil
	}
	if strings.Contains(path, "://") {
		from, err := url.Parse(path)
		if err != nil || from.Scheme != "https" || from.Host == "" || from.User != nil || o.bootstrapKubeconfig != "" {
			return failure.Usagef("specify a file or, with --discovery-file, an https URL without a user, not %q", token.Redact(path))
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

// readTokens reads the token for discovery and, if kubeadm's flags specify another, the
// token for the CSR, unless a file contains the credentials.
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
		return nil // a node that has joined needs none, and the file at a URL can have one
	}
	requester := o.Discovery.Token
	if err == nil && o.tlsBootstrapToken != "" {
		requester, err = token.Parse(o.tlsBootstrapToken)
	}
	if explicit {
		o.Credential = join.TokenCredential(requester)
	}
	return err
}

// nameNode sets the node name to the host name, unless a name is given or the join only
// checks existing node credentials.
func (o *options) nameNode(e *cli.Env) error {
	if o.NodeName == "" && o.Validate() == nil {
		hostname, err := e.Hostname()
		if err != nil {
			return fmt.Errorf("find the host name: %w", err)
		}
		o.NodeName = strings.ToLower(hostname)
	}
	tok := o.Discovery.Token
	return cli.UsageIf(!tok.IsZero() && strings.Contains(o.NodeName, tok.Secret()), "--node-name contains the token, but a node name is public")
}

// tokenForDiscovery returns the token on the command line that verifies cluster-info.
func (o options) tokenForDiscovery() string {
	return cmp.Or(o.token, o.discoveryToken, o.tlsBootstrapToken)
}
