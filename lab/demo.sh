#!/bin/sh
# The course slide "Putting it all together", step by step, on a temporary control
# plane that is deleted afterwards.
set -eu

dir=$(mktemp -d)
clean() {
	trap - EXIT INT TERM HUP
	bootctl lab down --dir "$dir/lab" --delete >/dev/null 2>&1 || :
	rm -rf "$dir"
}
trap clean EXIT
trap 'clean; exit 130' INT
trap 'clean; exit 143' TERM HUP

caption() { printf '\n# %s\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}

caption 'Start a real control plane: etcd, kube-apiserver, and the TLS bootstrap controllers.'
printf '$ eval "$(bootctl lab up --dir %s)"\n' "$dir/lab"
bootctl lab up --dir "$dir/lab" >/dev/null
KUBECONFIG=$(bootctl lab kubeconfig --dir "$dir/lab" -q)
export KUBECONFIG
server=$(bootctl lab status --dir "$dir/lab" -o 'jsonpath={.server}')

caption 'Create the RBAC that lets bootstrap tokens request certificates, and publish cluster-info.'
run bootctl setup --endpoint "$server"

caption 'Create a bootstrap token for one node, in a file that only its owner can read.'
(umask 077 && bootctl token create --ttl 1h --description 'for worker-1' --wait >"$dir/token")
echo "\$ bootctl token create --ttl 1h --description 'for worker-1' --wait >token"
run bootctl token list

caption 'In addition to the token, the node needs the address and the pin of the CA.'
run bootctl cluster-info show
run bootctl cluster-info pin
pin=$(bootctl cluster-info pin)

caption 'The control plane signs cluster-info with each token. Verify it as the administrator.'
run bootctl cluster-info verify

caption 'Verify it as the node, without credentials.'
unset KUBECONFIG
run bootctl cluster-info verify --endpoint "$server" --token-file "$dir/token" --ca-cert-hash "$pin"

caption 'Join the node: verify cluster-info, generate a key, request a certificate, and write the files.'
run bootctl join "$server" --token-file "$dir/token" --ca-cert-hash "$pin" --node-name worker-1 --rootfs "$dir/node"

caption 'Run the same command again: it only checks the existing files.'
run bootctl join "$server" --token-file "$dir/token" --ca-cert-hash "$pin" --node-name worker-1 --rootfs "$dir/node" -q

caption 'List the CSRs: the control plane has approved and signed the CSR of the node.'
KUBECONFIG=$(bootctl lab kubeconfig --dir "$dir/lab" -q) && export KUBECONFIG
run bootctl csr list

caption 'Stop the lab and delete its directory.'
run bootctl lab down --dir "$dir/lab" --delete
