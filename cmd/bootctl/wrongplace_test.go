package main

import (
	"strings"
	"testing"
)

// A token in the wrong place on the command line is never printed.
func TestRun_TokenInWrongPlace(t *testing.T) {
	tok := plantedID + "." + planted
	for _, args := range [][]string{
		{tok}, {"token", tok}, {"token", "list", "-t" + tok}, {"token", "list", tok + "x"}, {"token", "list", "x" + tok}, {"token", "create", "--ttl=" + tok + "x"}, {"token", "list", tok}, {"cluster-info", "verify", tok}, {"lab", "up", tok},
		{"join", "192.0.2.1", "-token=" + tok}, {"join", "192.0.2.1", "-t=" + tok},
		{"join", "192.0.2.1", "--ca-cert-hash", tok}, {"join", "192.0.2.1", "--token-file", tok},
		{"join", tok, "--token-file", tok}, {"join", "192.0.2.1", "--node-name", tok, "--token", tok, "--ca-cert-hash", tok},
		{"token", "create", "--ttl=" + tok}, {"token", "create", "--usages=" + tok},
		{"token", "delete", tok + "x"}, {"token", "delete", "--expired=" + tok}, {"token", "extend", tok}, {"token", "extend", plantedID, "--ttl", tok},
		{"token", "check", plantedID, "--endpoint", tok}, {"token", "check", "--token-file", tok}, {"token", "generate", tok},
		{"token", "list", "--usage", tok}, {"token", "create", "--expires-at", tok}, {"token", "create", "--count", tok},
		{"token", "create", "--print-join-command=" + tok}, {"token", "create", "--dry-run=" + tok}, {"token", "create", "--config", tok},
		{"csr", "approve", tok}, {"cluster-info", "pin", tok}, {"cluster-info", "sign", "--file", tok},
		{"cluster-info", "publish", "--endpoint", tok}, {"setup", "--endpoint", "https://x:" + tok + "@192.0.2.1"},
	} {
		for _, format := range []string{"table", "json"} {
			got := invoke(t, hostileCluster(t), append(args, "-o", format)...)
			if got.code == 0 || strings.Contains(got.out+got.errOut, planted) {
				t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, got.code, got.out, got.errOut)
			}
		}
	}
}

// A token given as the node name is rejected and never printed.
func TestRun_TokenInWrongPlaceOnNode(t *testing.T) {
	tok := plantedID + "." + planted
	got := invoke(t, hostileCluster(t), "join", "192.0.2.1", "--token", tok, "--ca-cert-hash", "sha256:"+strings.Repeat("1", 64), "--node-name", tok, "--out-dir", t.TempDir(), "--timeout", "1ms")
	if got.code != 2 || !strings.Contains(got.errOut, "--node-name") || strings.Contains(got.out+got.errOut, planted) {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.out, got.errOut)
	}
}

// An empty flag is an error and does not select the default.
func TestRun_EmptyFlags(t *testing.T) {
	for _, args := range [][]string{
		{"join", "192.0.2.1", "--out-dir", ""}, {"join", "192.0.2.1", "--rootfs="}, {"join", "192.0.2.1", "--node-name", ""},
		{"lab", "down", "--delete", "--dir", ""}, {"cluster-info", "show", "--endpoint", ""}, {"token", "list", "--kubeconfig", ""},
		{"token", "list", "--server", ""}, {"setup", "--ca-file", ""},
	} {
		got := invoke(t, hostileCluster(t), args...)
		if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "has an empty value") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, got.code, got.out, got.errOut)
		}
	}
	if got := invoke(t, hostileCluster(t), "token", "create", "--description", ""); got.code != 0 {
		t.Errorf("no description: exit code %d, stderr %q", got.code, got.errOut)
	}
}

// Flags that only apply to a node are rejected when an administrator verifies.
func TestVerify_NothingToVerify(t *testing.T) {
	for _, args := range [][]string{
		{"--ca-cert-hash", "sha256:" + strings.Repeat("1", 64)}, {"--ca-file", "x"}, {"--token-file", "x"}, {"--unsafe-skip-ca-verification"},
	} {
		got := invoke(t, hostileCluster(t), append([]string{"cluster-info", "verify"}, args...)...)
		if got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "require --endpoint or --file") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", args, got.code, got.out, got.errOut)
		}
	}
}
