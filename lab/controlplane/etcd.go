package controlplane

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/bootctl/bootctl/internal/lab"
)

// etcdURL names a socket relative to the working directory, which is the
// lab's and lets in its owner only. The path of a unix socket may have 107
// bytes, and the lab's path may be longer.
func etcdURL(socket string) url.URL {
	return url.URL{Scheme: "unix", Host: socket}
}

// startEtcd returns when etcd serves.
func startEtcd(ctx context.Context) (*embed.Etcd, error) {
	etcd, err := embed.StartEtcd(etcdConfig())
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.Err():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	etcd.Close()
	return nil, fmt.Errorf("start etcd: %w", err)
}

func etcdConfig() *embed.Config {
	client, peer := []url.URL{etcdURL(lab.EtcdSocket)}, []url.URL{etcdURL(lab.EtcdPeerSocket)}
	cfg := embed.NewConfig()
	cfg.Name = "lab"
	cfg.Dir = lab.EtcdDir
	cfg.LogLevel = "panic" // it reports its own start and stop as errors
	cfg.LogOutputs = []string{"stderr"}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = client, client
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peer, peer
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.EnableGRPCGateway = false
	// One member elects itself; the defaults make it wait a second to do so.
	cfg.TickMs, cfg.ElectionMs = 10, 100
	// Old revisions are of no use here, and cost memory and disk.
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "5m"
	return cfg
}
