package join_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/testctx"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

func nothingHoldsTheToken(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s contains the token", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestJoin_AlreadyJoined(t *testing.T) {
	cluster := newCluster(t)
	opts := cluster.options(join.OutDir(t.TempDir()))
	if _, err := join.Run(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	result, err := join.Run(t.Context(), opts)
	if err != nil || !result.AlreadyJoined || len(cluster.requests) != 1 {
		t.Errorf("result %+v after %d requests, error %v", result, len(cluster.requests), err)
	}
}

func TestJoin_SameKeyAndCSR(t *testing.T) {
	cluster := newCluster(t)
	dir := t.TempDir()
	opts := cluster.options(join.OutDir(dir))
	cluster.unanswered = true
	runUntilPending(t, opts)
	if info, err := os.Stat(filepath.Join(dir, "kubelet-client.key.tmp")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key was not kept: %v", err)
	}
	cluster.unanswered = false
	result, err := join.Run(t.Context(), opts)
	if err != nil || len(cluster.requests) != 1 {
		t.Errorf("%d CSRs, error %v; want the same CSR again", len(cluster.requests), err)
	}
	if result.AlreadyJoined {
		t.Error("the node is reported as already joined")
	}
}

// With NewKey the pending CSR is kept, and another is created.
func TestJoin_NewKey(t *testing.T) {
	cluster := newCluster(t)
	opts := cluster.options(join.OutDir(t.TempDir()))
	cluster.unanswered = true
	runUntilPending(t, opts)
	cluster.unanswered, opts.NewKey = false, true
	var asked string
	opts.Observer = func(event kubeclient.Event) {
		if event.CSR != nil {
			asked = event.CSR.Name
		}
	}
	result, err := join.Run(t.Context(), opts)
	if err != nil || len(cluster.requests) != 2 || asked != result.RequestName {
		t.Errorf("%d CSRs, the last %s of %s, error %v; want two", len(cluster.requests), asked, result.RequestName, err)
	}
}

func TestJoin_CorruptPendingKey(t *testing.T) {
	cluster := newCluster(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kubelet-client.key.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := join.Run(t.Context(), cluster.options(join.OutDir(dir))); err != nil {
		t.Error(err)
	}
}

func TestJoin_OtherIdentity(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, *join.Options)
	}{
		{"another node", func(_ *testing.T, o *join.Options) { o.NodeName = "worker-2" }},
		{"another cluster", func(t *testing.T, o *join.Options) {
			t.Helper()
			o.Discovery.Pins = []clusterinfo.Pin{clusterinfo.PinOf(newCA(t).Certificate)}
			o.Discovery.Endpoints = []clusterinfo.Endpoint{"192.0.2.1:6443"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cluster := newCluster(t)
			opts := cluster.options(join.OutDir(t.TempDir()))
			if _, err := join.Run(t.Context(), opts); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(opts.Layout.Current())
			if err != nil {
				t.Fatal(err)
			}
			tt.change(t, &opts)
			if _, err := join.Run(t.Context(), opts); !errors.Is(err, join.ErrForeign) {
				t.Errorf("error = %v, want ErrForeign", err)
			}
			if after, _ := os.ReadFile(opts.Layout.Current()); !bytes.Equal(before, after) {
				t.Error("the identity was changed")
			}
		})
	}
}

// Pins that the existing node credentials do not have, for the same server, are reported
// with the pins that they have. Force then joins again, but only to a cluster with a pin.
func TestJoin_OtherPins(t *testing.T) {
	tests := []struct {
		name   string
		change func(*join.Options)
	}{
		{"with the endpoint", func(*join.Options) {}},
		{"without an endpoint", func(o *join.Options) { o.Discovery.Endpoints = nil }},
		{"with force", func(o *join.Options) { o.Force = true }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, opts, _ := joined(t)
			dir := filepath.Dir(opts.Layout.Current())
			before := files(t, dir)
			other := clusterinfo.PinOf(newCA(t).Certificate)
			opts.Discovery.Pins = []clusterinfo.Pin{other}
			test.change(&opts)
			_, err := join.Run(t.Context(), opts)
			if !errors.Is(err, clusterinfo.ErrPinMismatch) || errors.Is(err, join.ErrForeign) || cluster.asked() != 1 {
				t.Fatalf("error = %v after %d CSRs, want ErrPinMismatch", err, cluster.asked())
			}
			if !opts.Force { // otherwise cluster-info does not match
				for _, want := range []string{opts.Layout.Kubeconfig(), clusterinfo.PinOf(cluster.ca.Certificate).String(), other.String()} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %v, want %s in it", err, want)
					}
				}
			}
			after := files(t, dir)
			delete(after, pendingName) // a new key with force
			if !maps.Equal(before, after) {
				t.Error("the node credentials were changed")
			}
		})
	}
}

func TestJoin_Expired(t *testing.T) {
	cluster := newCluster(t)
	opts := cluster.options(join.OutDir(t.TempDir()))
	if _, err := join.Run(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return time.Now().Add(2 * time.Hour) }
	opts.Discovery.Client.Now = later
	cluster.lifetime = 3 * time.Hour
	result, err := join.Run(t.Context(), opts)
	if err != nil || result.AlreadyJoined || !result.Certificate.NotAfter.After(later()) || len(cluster.requests) != 2 {
		t.Errorf("result %+v, error %v", result, err)
	}
}

func TestJoin_WrongCertificate(t *testing.T) {
	cluster := newCluster(t)
	cluster.signer = newCA(t)
	opts := cluster.options(join.OutDir(t.TempDir()))
	if _, err := join.Run(t.Context(), opts); !errors.Is(err, csr.ErrCertificate) {
		t.Errorf("error = %v, want ErrCertificate", err)
	}
	for _, path := range []string{opts.Layout.Kubeconfig(), opts.Layout.Current(), opts.Layout.CA()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was written", path)
		}
	}
}

func TestJoin_TokenRejected(t *testing.T) {
	cluster := newCluster(t)
	cluster.rejectToken = true
	_, err := join.Run(t.Context(), cluster.options(join.OutDir(t.TempDir())))
	if !errors.Is(err, discovery.ErrTokenRejected) {
		t.Errorf("error = %v, want ErrTokenRejected", err)
	}
}

func TestJoin_ChecksFirst(t *testing.T) {
	cluster := newCluster(t)
	dir := filepath.Join(t.TempDir(), "out")
	tests := []struct {
		name    string
		change  func(*join.Options)
		wantErr error
	}{
		{"node name", func(o *join.Options) { o.NodeName = "Worker_1" }, csr.ErrInvalidNodeName},
		{"no endpoint", func(o *join.Options) { o.Discovery.Endpoints = nil }, clusterinfo.ErrInvalidEndpoint},
		{"no trust", func(o *join.Options) { o.Discovery.Pins = nil }, discovery.ErrNoTrust},
		{"no token", func(o *join.Options) { o.Discovery.Token = token.Token{} }, token.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := cluster.options(join.OutDir(dir))
			tt.change(&opts)
			if _, err := join.Run(t.Context(), opts); !errors.Is(err, tt.wantErr) {
				t.Errorf("error = %v, want %v", err, tt.wantErr)
			}
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the directory was created")
			}
		})
	}
}

// The error names the missing option.
func TestRun_MissingOptions(t *testing.T) {
	layout := join.OutDir(t.TempDir())
	for _, test := range []struct {
		name string
		opts join.Options
		want string
	}{
		{"nothing", join.Options{}, "Options.Layout is empty: use RootFS or OutDir"},
		{"only a layout", join.Options{Layout: layout}, "no node credentials: " + layout.Kubeconfig() + " is missing; to join: no API server endpoint is specified"},
		{"layout and endpoint", join.Options{Layout: layout, Discovery: discovery.Options{Endpoints: []clusterinfo.Endpoint{"127.0.0.1:1"}}}, "no node credentials: " + layout.Kubeconfig() + " is missing; to join: no bootstrap token is specified"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := join.Run(t.Context(), test.opts); err == nil || err.Error() != test.want {
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}

// A join waits for another join in the same directory, until its deadline.
func TestJoin_Lock(t *testing.T) {
	cluster := newCluster(t)
	dir := t.TempDir()
	unlock, err := durable.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	opts := cluster.options(join.OutDir(dir))
	reported := 0
	ctx, pass := testctx.WithDeadline(t.Context())
	opts.Observer = func(event kubeclient.Event) {
		if errors.Is(event.Waiting, durable.ErrLocked) {
			reported++
			pass()
		}
	}
	if _, err := join.Run(ctx, opts); !errors.Is(err, durable.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || reported != 1 || cluster.asked() > 0 {
		t.Errorf("error = %v, reported %d times, want ErrLocked at the deadline, reported once", err, reported)
	}
	opts.Observer = func(event kubeclient.Event) {
		if !errors.Is(event.Waiting, durable.ErrLocked) {
			return
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	}
	if _, err := join.Run(t.Context(), opts); err != nil {
		t.Error(err)
	}
}

// runUntilPending joins until the CSR waits for an approval.
func runUntilPending(t *testing.T, opts join.Options) {
	t.Helper()
	ctx, pass := testctx.WithDeadline(t.Context())
	opts.Observer = func(event kubeclient.Event) {
		if errors.Is(event.Waiting, csr.ErrPending) {
			pass()
		}
	}
	if _, err := join.Run(ctx, opts); !errors.Is(err, csr.ErrPending) {
		t.Fatalf("error = %v, want ErrPending", err)
	}
}

func (c *cluster) options(layout join.Layout) join.Options {
	tok, err := token.Parse(id + "." + secret)
	if err != nil {
		c.t.Fatal(err)
	}
	return join.Options{
		NodeName: "worker-1", Layout: layout,
		Discovery: discovery.Options{
			Endpoints: []clusterinfo.Endpoint{c.endpoint}, Token: tok,
			Trust: discovery.Trust{Pins: []clusterinfo.Pin{clusterinfo.PinOf(c.ca.Certificate)}}, Client: clientOptions(),
		},
	}
}
