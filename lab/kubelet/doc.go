// Package kubelet has the tests that start a real kubelet from the files that bootctl
// join wrote; make test-kubelet builds the kubelet and runs them.
package kubelet
