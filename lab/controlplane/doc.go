// Package controlplane runs a real Kubernetes control plane in this process:
// etcd, kube-apiserver and the five controllers of kube-controller-manager
// that are needed for TLS bootstrapping.
//
// [Serve] does everything, in order: it locks the lab directory (internal/lab
// documents its files), creates or renews the PKI, listens on the recorded port,
// starts etcd, the API server and the controllers, and reports readiness. The API
// server is configured like kubeadm's. Only the API server listens on TCP, and only
// on 127.0.0.1; etcd listens on a Unix socket inside the directory, and the
// controllers do not listen at all.
//
// [LoadCA] loads the lab's CA, with which tests issue their own certificates.
//
// Kubernetes keeps much of its configuration in package variables, and the
// etcd socket needs a short relative path, so Serve changes the working
// directory and can be called only once in a process. The control plane has no
// scheduler, no kubelet and no workload controllers.
package controlplane
