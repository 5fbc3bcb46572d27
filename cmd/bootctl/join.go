package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/join"
)

type joinOptions struct {
	tokenFile string
	token     string
	trust     trustOptions
	nodeName  string
	rootfs    string
	outDir    string
	timeout   time.Duration
	newKey    bool
}

func (o *joinOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.tokenFile, "token-file", "", "the bootstrap token is in this `file` (- is stdin); else $"+tokenVariable)
	fs.StringVar(&o.token, "token", "", "the bootstrap token, for every user of this machine to see")
	o.trust.addFlags(fs)
	fs.StringVar(&o.nodeName, "node-name", "", "the `name` of the node; else this machine's host name in lower case")
	fs.StringVar(&o.rootfs, "rootfs", "/", "write the kubelet's files below this `directory`")
	fs.StringVar(&o.outDir, "out-dir", "", "write the same files flat into this `directory` instead")
	fs.DurationVar(&o.timeout, "timeout", 5*time.Minute, "give up after this long")
	fs.BoolVar(&o.newKey, "new-key", false, "ask with a new key, when the request with the last one was denied or failed")
	addKubeadmAliases(fs)
}

func newJoin(e *env) *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{
		Use:   "join ENDPOINT...",
		Short: "Take this machine to a signed node identity",
		Long: `Reads and verifies cluster-info with the bootstrap token and the pins, asks for a
client certificate under the node's name, waits until it is approved and signed,
checks it, and writes the files that a kubelet starts from: etc/kubernetes/kubelet.conf
and pki/ca.crt, var/lib/kubelet/pki/kubelet-client-current.pem. The private key
never leaves the machine, and the token is written nowhere.

The same command again completes what was begun, or checks the identity that is
there. Of several endpoints, the first that verifies is used. While nobody has
approved the request, the fingerprint of its key is shown, to be read out to the
administrator. After a denial or failure, ask anew with --new-key, or let an
administrator delete the request.

Needs a bootstrap token whose group may create certificatesigningrequests; see setup.`,
		Example: "  bootctl join 192.0.2.1:6443 --token-file token --ca-cert-hash sha256:e2bd70c0e14c8d0e4b1e2c0b3a3f7a5d8c9b6a7f4e3d2c1b0a9f8e7d6c5b4a39",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, endpoints []string) error {
			return runJoin(cmd.Context(), e, o, cmd.Flags().Changed("rootfs"), endpoints)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runJoin(ctx context.Context, e *env, o joinOptions, rootfsGiven bool, endpoints []string) error {
	layout := join.RootFS(o.rootfs)
	if o.outDir != "" {
		layout = join.OutDir(o.outDir)
	}
	if o.timeout <= 0 {
		return fmt.Errorf("%w: --timeout %s leaves no time", errInput, o.timeout)
	}
	if o.outDir != "" && rootfsGiven {
		return fmt.Errorf("%w: --rootfs and --out-dir were both given", errInput)
	}
	discovery, err := o.trust.discovery(e, endpoints, o.tokenFile, o.token)
	if err != nil {
		return err
	}
	if err := discovery.Validate(); err != nil {
		return err
	}
	if o.nodeName == "" {
		hostname, err := e.hostname()
		if err != nil {
			return fmt.Errorf("find the host name: %w", err)
		}
		o.nodeName = strings.ToLower(hostname)
	}
	if strings.Contains(o.nodeName, discovery.Token.Secret()) {
		return fmt.Errorf("%w: the token stands in --node-name, which everyone may read", errInput)
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	steps := &joinSteps{env: e}
	result, err := join.Run(ctx, join.Options{
		NodeName: o.nodeName, Layout: layout, Discovery: discovery, Random: e.random, NewKey: o.newKey,
		Step: steps.begin, Requested: steps.requested, Cause: steps.cause,
	})
	if err != nil {
		return err
	}
	steps.end()
	e.warnOfOthers(result.Others)
	return e.print(joinView(result, layout, steps.done))
}

// joinSteps measures the steps of a join, and says what they wait for.
type joinSteps struct {
	env     *env
	since   time.Time
	done    []output.JoinStep
	request csr.Request // none once the approver was told of it
}

func (s *joinSteps) requested(r csr.Request) { s.request = r }

func (s *joinSteps) cause(err error) {
	s.env.cause(err)
	if errors.Is(err, csr.ErrPending) && s.request.Name != "" {
		s.env.tellApprover(s.request)
		s.request = csr.Request{}
	}
}

func (s *joinSteps) begin(name string) {
	s.end()
	s.since = s.env.now()
	s.done = append(s.done, output.JoinStep{Name: name})
	s.env.progress(name)
}

func (s *joinSteps) end() {
	if n := len(s.done); n > 0 {
		s.done[n-1].Milliseconds = s.env.now().Sub(s.since).Milliseconds()
	}
}

func joinView(r join.Result, layout join.Layout, steps []output.JoinStep) view {
	object := output.JoinResult{
		Meta:          output.Kind("JoinResult"),
		AlreadyJoined: r.AlreadyJoined,
		NodeName:      r.NodeName,
		Server:        r.Server.URL(),
		Pins:          pinTexts(r.Roots),
		Request:       r.RequestName,
		Fingerprint:   csr.Fingerprint(r.Certificate.PublicKey),
		NotBefore:     r.Certificate.NotBefore.UTC(),
		NotAfter:      r.Certificate.NotAfter.UTC(),
		Issuer:        r.Certificate.Issuer.String(),
		Username:      r.Username,
		Groups:        orEmpty(r.Groups),
		Kubeconfig:    layout.Kubeconfig(),
		Certificate:   layout.Current(),
		CAFile:        layout.CA(),
		Steps:         steps,
	}
	state := "joined"
	if r.AlreadyJoined {
		state = "joined already"
	}
	return view{
		object: object,
		names:  []string{r.NodeName},
		header: []string{"NODE", object.NodeName},
		rows: [][]string{
			{"state", state}, {"server", object.Server}, {"CA", strings.Join(object.Pins, " ")},
			{"authenticates as", object.Username}, {"in groups", strings.Join(object.Groups, ", ")},
			{"certificate", object.Certificate}, {"issued by", object.Issuer},
			{"valid", object.NotBefore.Format(time.RFC3339) + " to " + object.NotAfter.Format(time.RFC3339)},
			{"key", object.Fingerprint}, {"kubeconfig", object.Kubeconfig},
		},
	}
}
