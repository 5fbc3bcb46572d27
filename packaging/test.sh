#!/bin/sh
# test.sh builds the release of the checked-out commit twice, without uploading it,
# and compares the results. It unpacks and runs the archive for this machine, and
# installs the deb next to systemd in a Debian root directory. It needs root and
# debootstrap; MIRROR is the Debian mirror for debootstrap. With SKIP_LAB=1 it omits
# bootctl-lab, which takes long to build.
set -eu
goreleaser=${GORELEASER:-goreleaser}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '\n# %s\n' "$*"; }

say 'build the release twice'
commit=$(git rev-parse HEAD)
for n in 1 2; do
	git clone -q . "$work/$n"
	git -C "$work/$n" checkout -q "$commit"
	(cd "$work/$n" && $goreleaser release --snapshot --clean)
	export SKIP_LAB=1 # one build is enough
done
(cd "$work/2/dist" && sha256sum --check checksums.txt)
for file in "$work"/2/dist/*.tar.gz "$work"/2/dist/*.zip "$work"/2/dist/*.deb; do
	cmp "$file" "$work/1/dist/${file##*/}"
done
echo 'ok: both builds are identical'

say 'check the archives'
mkdir "$work/unpacked"
tar -C "$work/unpacked" -xzf "$work"/1/dist/bootctl_*_linux_"$(go env GOARCH)".tar.gz
"$work/unpacked/bootctl" version -o json
ls "$work/unpacked" "$work/unpacked/man"
"$work/unpacked/bootctl" version -o json | grep -q "\"commit\": \"$commit\""
for target in linux_amd64.tar.gz linux_arm64.tar.gz darwin_amd64.tar.gz darwin_arm64.tar.gz windows_amd64.zip windows_arm64.zip; do
	ls "$work"/1/dist/bootctl_*_"$target"
done

say 'check the deb'
root=$work/debian
debootstrap --variant=minbase --include=systemd,systemd-boot-tools trixie "$root" ${MIRROR:+"$MIRROR"} >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; exit 1; }
before=$(sha256sum "$root/usr/bin/bootctl")
cp "$work"/1/dist/kubernetes-bootctl_*_"$(go env GOARCH)".deb "$root/bootctl.deb"
chroot "$root" dpkg -i /bootctl.deb
[ "$before" = "$(sha256sum "$root/usr/bin/bootctl")" ]
chroot "$root" dpkg -S /usr/bin/bootctl | grep -q '^systemd'
chroot "$root" dpkg -V kubernetes-bootctl systemd
chroot "$root" kubectl-bootstrap version
chroot "$root" kubectl-bootstrap token create --help | grep -q 'kubectl bootstrap token create'
chroot "$root" /usr/lib/bootctl/bootctl version
chroot "$root" dpkg -r kubernetes-bootctl
[ ! -e "$root/usr/lib/bootctl" ] && [ "$before" = "$(sha256sum "$root/usr/bin/bootctl")" ]
echo "ok: package installs and removes cleanly; systemd's files are unchanged"
