package main

import (
	_ "github.com/bootctl/bootctl/internal/durable"
	_ "github.com/bootctl/bootctl/internal/version"
	_ "go.etcd.io/etcd/server/v3/embed"
	_ "k8s.io/kubernetes/cmd/kube-apiserver/app"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {}
