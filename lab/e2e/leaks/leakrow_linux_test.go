package leaks

import (
	"slices"
	"strings"
)

// anyCode is the exit code of rows whose exit code depends on concurrent runs.
const anyCode = -1

// leakRow is a command line, its expected exit code, and its traits:
//
//	stored, expired, immutable, wrong-KEY   the cluster has the token, or has it in the wrong key of a Secret
//	stdin, env, full   the token comes from stdin or BOOTCTL_TOKEN; stdout is out of space
//	own                the row sets its own output format
//	idle               bootstrapsigner and csrapproving are not running
//	late               the command gives up at its --timeout, after it reached a certain state
//	shown, random      the token is the result on stdout; the token is random
//
// If the command line has several parts separated by " | ", the row expands to the first
// part with each of the others.
type leakRow struct {
	args string
	code int
	how  string
}

// hasTrait reports whether the row has the trait.
func (r leakRow) hasTrait(word string) bool { return slices.Contains(strings.Fields(r.how), word) }

// showsToken reports whether stdout must show a token.
func (r leakRow) showsToken() bool { return r.hasTrait("shown") || r.hasTrait("random") }

// expand returns a row for each command line of the row.
func (r leakRow) expand() []leakRow {
	first, others, several := strings.Cut(r.args, " | ")
	if !several {
		return []leakRow{r}
	}
	var rows []leakRow
	for other := range strings.SplitSeq(others, " | ") {
		rows = append(rows, leakRow{first + " " + other, r.code, r.how})
	}
	return rows
}

// leakRows returns all commands that use a token, with each of their known
// failures.
func leakRows() []leakRow {
	const toNode = "--node-name leak-{id} --out-dir out "
	rows := []leakRow{
		{"token create | {token} | --token-file {file} | --token-file {file} --print-join-command | --token-file {file} --print-join-command=kubeadm | --token-file {file} --wait --timeout 5m", 0, "shown"},
		{"token create --token-file {file} | --dry-run | --dry-run=server", 0, "shown"},
		{"token create --token-file - --ttl never", 0, "stdin shown"},
		{"token create --token-file {file} --allow-weak", 0, "weak shown"},
		{"token create --token-file {file} --wait --timeout 1s", 4, "idle shown late"},
		{"token create --token-file {file} | -o bootstrap-kubeconfig | -o yaml | -o jsonpath={.token} | -o go-template={{.token}}", 0, "own shown"},
		{"token create --token-file {file} | -o jsonpath={.id} | -o name | -q", 0, "own"},
		{"token create | --ttl 1h | --count 3 | --count 2 --print-join-command", 0, "random"},
		{"token create --token-file | {file} | {other} | {file} --dry-run=server", 9, "stored"},
		{"token create --token-file {file}", 2, "weak"},
		{"token create --token-file | {longer} | {spaced} | {yaml} | {twice} | {large} | {bearer} | {file} {token} | {file} --count 2 | {file} --groups {token}", 2, ""},
		{"token create | {token} {token} | {token}x | -t{token} | --token-file {file} --usages signing --print-join-command", 2, ""},
		{"token create --token-file {file} | --ttl 1h | --print-join-command", 10, "full"},
		{"token create --token-file {file} | -o jsonpath={.nope[} | -o go-template={{.x | -o nonsense | -o {token}", 2, "own"},
		{"token create --token-file {file} -o go-template={{range{space}.usages}}{{index{space}.{space}99}}{{end}}", 2, "own"},
		{"token create --token-file {file} --wait --kubeconfig {nobody}", 8, ""},
		{"token list | --usage signing | --group {token}", 0, "stored"},
		{"token list | -o wide | -o yaml | -q | -o jsonpath={} | -o go-template={{.}} | --show-secrets -q", 0, "stored own"},
		{"token list --expired", 0, "expired"},
		{"token list --show-secrets", 0, "stored shown"},
		{"token list --show-secrets | -o yaml | -o jsonpath={.items[*].token}", 0, "stored own shown"},
		{"token | list --show-secrets | extend {id} --ttl 1h | delete {id}", 10, "stored full"},
		{"token check | {id} | {token} | --token-file {file}", 0, "stored"},
		{"token check --token-file -", 0, "stored stdin"},
		{"token check | --request-timeout 20s | --endpoint {url} --unsafe-skip-ca-verification", 0, "stored env"},
		{"token check --token-file {file}", 4, "expired"},
		{"token check --token-file | {file} --endpoint {url} --ca-file {ca} | {file} --endpoint {url} --ca-cert-hash {pin}", 0, "stored"},
		{"token check --endpoint {url} --token-file | {other} --ca-file {ca}", 8, "stored"},
		{"token check --endpoint {url} --token-file {file} | --ca-file {badca} | --ca-cert-hash {badpin}", 4, "stored"},
		{"token check --token-file | {twice} | {file} {id} | {file} --endpoint {url} | {file} --endpoint {url} --ca-file {file} | {file} --endpoint https://x:{token}@192.0.2.1 --ca-file {ca}", 2, ""},
		{"token extend {id} | --ttl 1h | --ttl never", 0, "stored"},
		{"token extend {token} --ttl 2h", 0, "expired"},
		{"token extend {id} --ttl 1h", 5, "stored immutable"},
		{" | token list --usage {token} | token extend {id} | token extend {id} --ttl {token} | token delete {id} {secret} | cluster-info sign --token-file {document} --file {document}", 2, ""},
		{"token delete | {id} | {token} --deny-pending | {id} --dry-run | {token} --ignore-not-found", 0, "stored"},
		{"token delete --expired --dry-run", 0, "expired"},
		{"token | check --token-file {other} | extend {othertoken} --ttl 1h | delete {othertoken} | extend {id} --ttl 1h --server {proxy} | delete {id} --server {proxy}", 9, "stored"},
		{"token generate", 0, "random"},
		{"token generate | -o yaml | -o jsonpath={.token}", 0, "own random"},
		{"cluster-info sign --file {document} --token-file {file}", 0, ""},
		{"cluster-info sign --file {document}", 0, "env"},
		{"cluster-info sign --token-file {file} --file {file}", 4, ""},
		{"cluster-info verify --endpoint {url} --ca-file {ca} --token-file {file}", 0, "stored"},
		{"cluster-info verify --endpoint {url} --ca-cert-hash {pin}", 0, "stored env"},
		{"cluster-info verify --endpoint {url} | --ca-cert-hash {badpin} --token-file {file} | --ca-file {ca} --token-file {other}", 4, "stored"},
		{"cluster-info verify --file {document} --token-file {file}", 4, ""},
		{"cluster-info | verify | sign", anyCode, "stored"},
		{"csr | review {request} | review {request} --kubeconfig {bearer}", 0, "stored"},
		{" | token check {token} | token extend {id} --ttl 1h | token delete {token} | csr review {token} | csr approve {token}", 3, ""},
		{"join {url} " + toNode + "| --ca-file {ca} --token-file {file} | --ca-cert-hash {pin} --token {token}", 0, "stored"},
		{"join {url} --node-name leak-{id} --rootfs out --ca-cert-hash {pin}", 0, "stored env"},
		{"join " + toNode + "| --bootstrap-kubeconfig {bearer} | --discovery-file {bearer} | --dry-run --bootstrap-kubeconfig {bearer}", 0, "stored"},
		{"join {url} --ca-file {ca} " + toNode + "| --discovery-token {token} --tls-bootstrap-token {token} | --tls-bootstrap-token {token} --dry-run", 0, "stored"},
		{"join " + toNode + "| --config {token} | --config {bearer}x | --bootstrap-kubeconfig {token}", 10, ""},
		{"join " + toNode + "| --config {bearer} | --bootstrap-kubeconfig {file} | {url} --discovery-file {bearer} | --discovery-file https://x:{token}@192.0.2.1/ | {url} --ca-file {ca} --token {token} --discovery-token {token}", 2, ""},
		{"join {url} " + toNode + "| --ca-cert-hash {badpin} --token-file {file} | --ca-file {badca} --token-file {file} | --ca-file {ca} --token-file {other}", 4, "stored"},
		{"join {url} --ca-file {ca} --token-file {file} " + toNode, 8, "expired"},
		{"join {url} --ca-file {ca} --token-file {file} --timeout 1s " + toNode, 6, "stored idle late"},
		{" | token check --token-file {file} --endpoint {dead} --ca-file {ca} | join {dead} --ca-file {ca} --token-file {file} --timeout 1s " + toNode, 7, ""},
		{"join " + toNode + "--ca-file {ca} --token-file {file} | {token} | {url} --ca-cert-hash {token} | {url} -token={token}", 2, ""},
		{" | token create --token-file {token} | join {url} --ca-file {ca} --token-file {file} --out-dir {file}", 10, ""},
		{"__complete token | delete '' | check lk", 0, "stored own"},
		{"doctor | --probe | --endpoint {url} --token-file {file} --ca-file {ca} | --endpoint {url} --token-file {other} --ca-cert-hash {pin}", anyCode, "stored"},
		{"doctor --probe --timeout 5s | --strict", anyCode, "stored idle"},
		{"doctor | {token} | --endpoint {token} | --group {token} | --endpoint {url} --ca-cert-hash {token} | --auto-approve={token} | --probe={token}", 2, ""},
		{"{token}", 2, ""}, {"help {token}", 2, ""}, {"token {token}", 2, ""}, {"version {token}", 2, ""}, {"setup --endpoint https://x:{token}@192.0.2.1", 2, ""},
		{"token create --token-file {file} | --ttl={token} | --expires-at={token} | --usages={token} | --count={token} | --print-join-command={token} | --dry-run={token} | --config={token} | --timeout={token} | --nope={token} | --request-timeout={token} | -v={token} | -token={token} | -q={token}", 2, "own"},
	}
	for _, key := range []string{"token-id", "token-secret", "expiration", "auth-extra-groups", "usage-bootstrap-authentication", "usage-bootstrap-signing", "unknown"} {
		rows = append(rows, leakRow{"token | check {id} | list | extend {id} --ttl 1h | delete {id}", anyCode, "wrong-" + key})
	}
	// Each command without permission, and without a reachable server.
	for _, command := range []string{"token create --token-file {file}", "token list --show-secrets", "token check --token-file {file}", "token extend {token} --ttl 1h", "token delete {token}", "token delete --expired", "cluster-info sign"} {
		rows = append(rows,
			leakRow{command + " --kubeconfig | {nobody} | {bearer}", 8, "stored"}, leakRow{command + " --kubeconfig {untrusting}", 4, ""}, leakRow{command + " --server {dead}", 7, ""},
			leakRow{command + " | --kubeconfig {file} | --context {token}", 2, ""}, leakRow{command + " --kubeconfig {token}", 10, ""},
		)
	}
	for _, command := range []string{"token list", "token generate", "token extend", "token check {id}", "cluster-info verify", "cluster-info sign", "lab up", "csr list"} {
		rows = append(rows, leakRow{command + " | {token} | --expired={token}", 2, ""})
	}
	var all []leakRow
	for _, row := range rows {
		all = append(all, row.expand()...)
	}
	return all
}
