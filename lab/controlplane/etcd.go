package controlplane

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/bootctl/bootctl/internal/lab"
)

// etcdURL is a socket relative to the working directory, which is the lab's
// directory and accessible only to its owner. The path of a Unix socket has at most
// 107 bytes, and the lab's path can be longer.
func etcdURL(socket string) url.URL {
	return url.URL{Scheme: "unix", Host: socket}
}

// startEtcd returns when etcd is ready.
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
	// A single member elects itself; with the defaults, it waits a second first.
	cfg.TickMs, cfg.ElectionMs = 10, 100
	// Old revisions are not used here, and need memory and disk space.
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = "periodic", "5m"
	return cfg
}
