#!/bin/sh
# The slide "Putting it all together", step by step, on a control plane of its
# own in a temporary directory, which is gone afterwards.
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

say() { printf '\n# %s\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}

say 'A real control plane: etcd, kube-apiserver and the controllers of TLS bootstrap.'
printf '$ eval "$(bootctl lab up --dir %s)"\n' "$dir/lab"
bootctl lab up --dir "$dir/lab" >/dev/null
KUBECONFIG=$(bootctl lab kubeconfig --dir "$dir/lab" -q)
export KUBECONFIG
server=$(bootctl lab status --dir "$dir/lab" -o 'jsonpath={.server}')

say 'It knows nothing of nodes yet. Let tokens ask for certificates, and publish cluster-info.'
run bootctl setup --endpoint "$server"

say 'A bootstrap token for one node, in a file that only its owner can read.'
(umask 077 && bootctl token create --ttl 1h --description 'for worker-1' >"$dir/token")
echo "\$ bootctl token create --ttl 1h --description 'for worker-1' >token"
run bootctl token list

say 'What the node needs beside the token: the address, and the pin of the CA.'
run bootctl cluster-info show
run bootctl cluster-info pin
pin=$(bootctl cluster-info pin)

say 'The control plane signs cluster-info with each token. Verified as the administrator,'
for _ in $(seq 600); do
	bootctl cluster-info verify >/dev/null 2>&1 && break
	sleep 0.1
done
run bootctl cluster-info verify

say 'and as the node sees it, without credentials.'
unset KUBECONFIG
run bootctl cluster-info verify --endpoint "$server" --token-file "$dir/token" --ca-cert-hash "$pin"

say 'The node: verify cluster-info, make a key, ask for a certificate, wait for it, write the files.'
run bootctl join "$server" --token-file "$dir/token" --ca-cert-hash "$pin" --node-name worker-1 --rootfs "$dir/node"

say 'The same command again only checks what is there.'
run bootctl join "$server" --token-file "$dir/token" --ca-cert-hash "$pin" --node-name worker-1 --rootfs "$dir/node" -q

say 'What the control plane has seen of it.'
KUBECONFIG=$(bootctl lab kubeconfig --dir "$dir/lab" -q) && export KUBECONFIG
run bootctl csr list

say 'Done. The lab stops, and its directory goes.'
run bootctl lab down --dir "$dir/lab" --delete
