#!/bin/sh
# Runs a command, by default make test, next to two processes that only use the CPU: no
# test may depend on the speed of the machine.
set -eu

spinners=
# shellcheck disable=SC2086 # a list of process IDs
stop() { kill $spinners; }
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

spin() {
	trap - EXIT INT TERM HUP
	while kill -0 $$ 2>/dev/null; do # $$ is the script, also after a SIGKILL of it
		i=0
		while [ "$i" -lt 1000000 ]; do i=$((i + 1)); done
	done
}

for _ in 1 2; do
	spin &
	spinners="$spinners $!"
done
[ "$#" -gt 0 ] || set -- make test
"$@"
