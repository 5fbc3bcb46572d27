package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/testca"
	"github.com/bootctl/bootctl/lab/faultproxy"
	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/token"
)

// leakRow is a command line, the exit code that it must have, and in words how it
// runs:
//
//	stored, expired    the cluster has the token
//	wrong-KIND         the cluster has it in a Secret that is wrong so
//	stdin, env         the token comes by stdin, or in BOOTCTL_TOKEN
//	full               stdout has no room
//	own                it has an output format of its own
//	silent             nobody signs cluster-info or approves requests
//	shown              the token is the result, on stdout
//	random             and is one that nobody knows before
type leakRow struct {
	args string
	code int
	how  string
}

// leakRows are all commands that have to do with a token, and each way that they
// are known to fail.
func leakRows() []leakRow {
	rows := []leakRow{
		{"token create --token-file {file}", 0, "shown"},
		{"token create --token-file - --ttl never", 0, "stdin shown"},
		{"token create {token}", 0, "shown"},
		{"token create --token-file {file} --print-join-command", 0, "shown"},
		{"token create --token-file {file} --print-join-command=kubeadm", 0, "shown"},
		{"token create --token-file {file} --dry-run", 0, "shown"},
		{"token create --token-file {file} --dry-run=server", 0, "shown"},
		{"token create --token-file {file} --allow-weak", 0, "weak shown"},
		{"token create --token-file {file} --wait", 0, "shown"},
		{"token create --token-file {file} --wait --timeout 1s", 4, "silent shown"},
		{"token create --token-file {file} -o bootstrap-kubeconfig", 0, "own shown"},
		{"token create --token-file {file} -o yaml", 0, "own shown"},
		{"token create --token-file {file} -o jsonpath={.token}", 0, "own shown"},
		{"token create --token-file {file} -o go-template={{.token}}", 0, "own shown"},
		{"token create --token-file {file} -o jsonpath={.id}", 0, "own"},
		{"token create --token-file {file} -o name", 0, "own"},
		{"token create --token-file {file} -q", 0, "own"},
		{"token create", 0, "random"},
		{"token create --count 3", 0, "random"},
		{"token create --count 2 --print-join-command", 0, "random"},
		{"token create --token-file {file}", 9, "stored"},
		{"token create --token-file {other}", 9, "stored"},
		{"token create --token-file {file} --dry-run=server", 9, "stored"},
		{"token create --token-file {file}", 2, "weak"},
		{"token create --token-file {longer}", 2, ""},
		{"token create --token-file {spaced}", 2, ""},
		{"token create --token-file {yaml}", 2, ""},
		{"token create --token-file {twice}", 2, ""},
		{"token create --token-file {large}", 2, ""},
		{"token create --token-file {bearer}", 2, ""},
		{"token create --token-file {token}", 10, ""},
		{"token create --token-file {file}", 10, "full"},
		{"token create --token-file {file} --print-join-command", 10, "full"},
		{"token create --token-file {file} -o jsonpath={.nope[}", 2, "own"},
		{"token create --token-file {file} -o go-template={{.x", 2, "own"},
		{"token create --token-file {file} -o go-template={{index(.groups)9}}", 1, "own"},
		{"token create --token-file {file} -o nonsense", 2, "own"},
		{"token create --token-file {file} -o {token}", 2, "own"},
		{"token create {token} --token-file {file}", 2, ""},
		{"token create {token} {token}", 2, ""},
		{"token create {token}x", 2, ""},
		{"token create --token-file {file} --count 2", 2, ""},
		{"token create --token-file {file} --groups {token}", 2, ""},
		{"token create --token-file {file} --usages signing --print-join-command", 2, ""},
		{"token create --token-file {file} --wait --kubeconfig {nobody}", 8, ""},
		{"token list", 0, "stored"},
		{"token list -o wide", 0, "stored own"},
		{"token list -o yaml", 0, "stored own"},
		{"token list -q", 0, "stored own"},
		{"token list -o jsonpath={}", 0, "stored own"},
		{"token list -o go-template={{.}}", 0, "stored own"},
		{"token list --expired", 0, "expired"},
		{"token list --show-secrets", 0, "stored shown"},
		{"token list --show-secrets -o yaml", 0, "stored own shown"},
		{"token list --show-secrets -o jsonpath={.items[*].token}", 0, "stored own shown"},
		{"token list --show-secrets -q", 0, "stored own"},
		{"token list --show-secrets", 10, "stored full"},
		{"token list --group {token}", 0, "stored"},
		{"token list --usage {token}", 2, ""},
		{"token check {id}", 0, "stored"},
		{"token check {token}", 0, "stored"},
		{"token check --token-file {file}", 0, "stored"},
		{"token check --token-file -", 0, "stored stdin"},
		{"token check", 0, "stored env"},
		{"token check --token-file {other}", 9, "stored"},
		{"token check {token}", 3, ""},
		{"token check --token-file {file}", 4, "expired"},
		{"token check --token-file {twice}", 2, "stored"},
		{"token check {id} --token-file {file}", 2, "stored"},
		{"token check {id} --endpoint {url} --ca-file {ca}", 2, "stored"},
		{"token check --token-file {file} --endpoint {url} --ca-file {ca}", 0, "stored"},
		{"token check --token-file {file} --endpoint {url} --ca-cert-hash {pin}", 0, "stored"},
		{"token check --endpoint {url} --unsafe-skip-ca-verification", 0, "stored env"},
		{"token check {token} --endpoint {url} --ca-file {ca}", 8, ""},
		{"token check --token-file {other} --endpoint {url} --ca-file {ca}", 8, "stored"},
		{"token check --token-file {file} --endpoint {url} --ca-file {badca}", 4, "stored"},
		{"token check --token-file {file} --endpoint {url} --ca-cert-hash {badpin}", 4, "stored"},
		{"token check --token-file {file} --endpoint {url} --ca-file {file}", 2, "stored"},
		{"token check --token-file {file} --endpoint {url}", 2, "stored"},
		{"token check --token-file {file} --endpoint {dead} --ca-file {ca}", 7, ""},
		{"token check --token-file {file} --endpoint https://x:{token}@192.0.2.1 --ca-file {ca}", 2, ""},
		{"token extend {id} --ttl 1h", 0, "stored"},
		{"token extend {token} --ttl 2h", 0, "expired"},
		{"token extend {id} --ttl never", 0, "stored"},
		{"token extend {id} --ttl 1h", 3, ""},
		{"token extend {changed} --ttl 1h", 9, "stored"},
		{"token extend {id} --ttl 1h --server {proxy}", 9, "stored"},
		{"token extend {id} --ttl 1h", 5, "wrong-immutable"},
		{"token extend {id} --ttl 1h", 10, "stored full"},
		{"token extend {id}", 2, "stored"},
		{"token delete {id}", 0, "stored"},
		{"token delete {token} --deny-pending", 0, "stored"},
		{"token delete {id}", 3, ""},
		{"token delete {token} --ignore-not-found", 0, ""},
		{"token delete {changed}", 9, "stored"},
		{"token delete {id} --server {proxy}", 9, "stored"},
		{"token delete {id} --dry-run", 0, "stored"},
		{"token delete --expired --dry-run", 0, "expired"},
		{"token delete {id}", 10, "stored full"},
		{"token delete {token} {secret}", 2, "stored"},
		{"token generate", 0, "random"},
		{"token generate -o yaml", 0, "own random"},
		{"cluster-info sign --file {document} --token-file {file}", 0, ""},
		{"cluster-info sign --file {document}", 0, "env"},
		{"cluster-info sign --file {file} --token-file {file}", 4, ""},
		{"cluster-info sign --file {document} --token-file {document}", 2, ""},
		{"cluster-info verify --endpoint {url} --ca-file {ca} --token-file {file}", 0, "stored"},
		{"cluster-info verify --endpoint {url} --ca-cert-hash {pin}", 0, "stored env"},
		{"cluster-info verify --endpoint {url} --ca-cert-hash {badpin} --token-file {file}", 4, "stored"},
		{"cluster-info verify --endpoint {url} --ca-file {ca} --token-file {other}", 4, "stored"},
		{"cluster-info verify --file {document} --token-file {file}", 4, ""},
		{"cluster-info verify", 0, "stored"},
		{"csr review {request}", 0, "stored"},
		{"csr review {token}", 3, ""},
		{"csr list", 0, "stored"},
		{"csr approve {token}", 3, ""},
		{"join {url} --token-file {file} --ca-file {ca} --node-name leak-{id} --out-dir out", 0, "stored"},
		{"join {url} --ca-cert-hash {pin} --node-name leak-{id} --rootfs out", 0, "stored env"},
		{"join {url} --token {token} --ca-cert-hash {pin} --node-name leak-{id} --out-dir out", 0, "stored"},
		{"join {url} --token-file {file} --ca-cert-hash {badpin} --node-name leak-{id} --out-dir out", 4, "stored"},
		{"join {url} --token-file {file} --ca-file {badca} --node-name leak-{id} --out-dir out", 4, "stored"},
		{"join {url} --token-file {other} --ca-file {ca} --node-name leak-{id} --out-dir out", 4, "stored"},
		{"join {url} --token-file {file} --ca-file {ca} --node-name leak-{id} --out-dir out --timeout 1s", 4, "expired"},
		{"join {url} --token-file {file} --ca-file {ca} --node-name leak-{id} --out-dir out --timeout 1s", 6, "stored silent"},
		{"join {dead} --token-file {file} --ca-file {ca} --node-name leak-{id} --out-dir out --timeout 1s", 7, ""},
		{"join {url} --token-file {file} --ca-file {ca} --node-name {token} --out-dir out", 2, "stored"},
		{"join {token} --token-file {file} --ca-file {ca} --out-dir out", 2, ""},
		{"join {url} --token-file {file} --ca-cert-hash {token} --out-dir out", 2, ""},
		{"join {url} -token={token} --ca-file {ca} --out-dir out", 2, ""},
		{"join {url} --token-file {file} --ca-file {ca} --node-name n --out-dir {file}", 10, ""},
		{"__complete token delete ''", 0, "stored own"},
		{"{token}", 2, ""}, {"help {token}", 0, ""}, {"token {token}", 2, ""}, {"version {token}", 2, ""}, {"setup --endpoint https://x:{token}@192.0.2.1", 2, ""},
	}
	for _, kind := range slices.Sorted(maps.Keys(wrongSecrets())) {
		rows = append(rows, leakRow{"token check {id}", 4, kind}, leakRow{"token list", 0, kind}, leakRow{"token extend {id} --ttl 1h", 0, kind}, leakRow{"token delete {id}", 0, kind})
	}
	// What each command says to whoever may not, and when it reaches nobody.
	for _, command := range []string{"token create --token-file {file}", "token list --show-secrets", "token check --token-file {file}", "token extend {token} --ttl 1h", "token delete {token}", "token delete --expired", "cluster-info sign", "csr review {request}"} {
		rows = append(rows,
			leakRow{command + " --kubeconfig {nobody}", 8, "stored"}, leakRow{command + " --kubeconfig {bearer}", 8, "stored"},
			leakRow{command + " --server {dead}", 7, ""}, leakRow{command + " --kubeconfig {untrusting}", 4, ""},
			leakRow{command + " --kubeconfig {file}", 2, ""}, leakRow{command + " --kubeconfig {token}", 2, ""}, leakRow{command + " --context {token}", 2, ""},
		)
	}
	for _, flag := range []string{"--ttl", "--expires-at", "--usages", "--count", "--print-join-command", "--dry-run", "--config", "--timeout", "--nope", "--request-timeout", "-v", "-token", "-q"} {
		rows = append(rows, leakRow{"token create --token-file {file} " + flag + "={token}", 2, "own"})
	}
	for _, command := range []string{"token list", "token generate", "token extend", "token check {id}", "cluster-info verify", "cluster-info sign", "lab up", "csr list"} {
		rows = append(rows, leakRow{command + " {token}", 2, ""}, leakRow{command + " --expired={token}", 2, ""})
	}
	return rows
}
