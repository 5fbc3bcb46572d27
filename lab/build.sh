#!/bin/sh
# build.sh OUT LDFLAGS PACKAGE... builds packages of the lab module. The first build
# compiles Kubernetes, which takes minutes, so the script shows its progress.
set -eu
cd "$(dirname "$0")"
out=$1 ldflags=$2
shift 2
log=$(mktemp)
trap 'rm -f "$log" "$log.failed"' EXIT

{ go build -v -ldflags "$ldflags" -o "$out" "$@" 2>&1 || : >"$log.failed"; } |
	{
		n=0
		while IFS= read -r line; do
			printf '%s\n' "$line" >>"$log"
			n=$((n + 1))
			case $n in
			20) echo "building $*: the first build compiles Kubernetes and takes minutes" >&2 ;;
			*00) echo "  $n modules and packages built" >&2 ;;
			esac
		done
	}
if [ -e "$log.failed" ]; then
	tail -n 30 "$log" >&2
	exit 1
fi
