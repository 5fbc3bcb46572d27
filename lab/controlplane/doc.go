// Package controlplane runs a real Kubernetes control plane in this process:
// etcd, kube-apiserver and the five controllers of kube-controller-manager
// that TLS bootstrap needs.
//
// [Serve] does everything, in order: it takes the lab directory (see
// internal/lab for what lies in it), makes or renews the PKI, listens on the
// recorded port, starts etcd, the API server and the controllers, and reports
// readiness. The API server is configured as kubeadm configures it. Only
// it listens on TCP, and only on 127.0.0.1; etcd listens on a unix socket
// inside the directory, and the controllers do not listen at all.
//
// [LoadCA] gives tests the lab's CA, to issue certificates of their own.
//
// Kubernetes keeps much of its configuration in package variables, and the
// etcd socket needs a short relative path, so Serve changes the working
// directory and works once in a process. It is no cluster: there is no
// scheduler, no kubelet and no workload controller.
package controlplane
