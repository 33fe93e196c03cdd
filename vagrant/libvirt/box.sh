#!/usr/bin/env bash
# A box for the libvirt provider, from Debian's packages alone: a real machine with its own kernel.
#
#   box.sh FILE      writes the box to FILE; then: vagrant box add --name podstrap FILE && BOX=podstrap vagrant up
#
# Needs root and a free loop device.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

RELEASE=bookworm
# apparmor is only recommended by the engine, which does not start a container without it where the kernel has it.
PACKAGES=(linux-image-cloud-amd64 systemd-sysv udev dbus openssh-server sudo python3 python3-venv docker.io apparmor
    iptables iproute2 ifupdown isc-dhcp-client kmod procps ca-certificates rsync less)
GIGABYTES=12
FIRST_SECTOR=2048
SECTOR=512

[ "$(id -u)" = 0 ] || {
    echo "error: a box is made of a mounted disk: run it as root" >&2
    exit 1
}
"$here/../provision/packages.sh" mmdebstrap extlinux syslinux-common qemu-utils fdisk e2fsprogs
out=$1
work=$(mktemp -d)
loop=
clean() {
    umount "$work/disk" 2>/dev/null || true
    [ -z "$loop" ] || losetup --detach "$loop"
    rm -rf "$work"
}
trap clean EXIT
mkdir "$work/disk"

echo "Making a disk of $GIGABYTES GB"
truncate --size "${GIGABYTES}G" "$work/disk.raw"
echo "$FIRST_SECTOR,,L,*" | sfdisk --quiet "$work/disk.raw"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$work/disk.raw" conv=notrunc status=none
loop=$(losetup --find --show --offset $((FIRST_SECTOR * SECTOR)) "$work/disk.raw")
mkfs.ext4 -q -L root "$loop"
mount "$loop" "$work/disk"

# A tar between, for the engine of packages wants an empty directory and a disk is never empty.
mmdebstrap --mode=root --variant=minbase --include="$(IFS=, && echo "${PACKAGES[*]}")" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="upload '$here/box-setup' /box-setup" \
    --customize-hook="upload '$here/../docker/vagrant.pub' /vagrant.pub" \
    --customize-hook='chroot "$1" sh /box-setup' \
    "$RELEASE" - | tar --extract --directory "$work/disk" --numeric-owner --xattrs --xattrs-include='*'
mkdir -p "$work/disk/boot/extlinux"
cat >"$work/disk/boot/extlinux/extlinux.conf" <<'CONF'
default linux
timeout 1
label linux
    kernel /vmlinuz
    append initrd=/initrd.img root=LABEL=root ro net.ifnames=0 console=ttyS0 quiet
CONF
extlinux --install "$work/disk/boot/extlinux" >/dev/null 2>&1
umount "$work/disk"
losetup --detach "$loop"
loop=

echo "Packing the box"
qemu-img convert -c -O qcow2 "$work/disk.raw" "$work/box.img"
rm "$work/disk.raw"
echo "{\"provider\": \"libvirt\", \"format\": \"qcow2\", \"virtual_size\": $GIGABYTES}" >"$work/metadata.json"
echo 'Vagrant.configure("2") { |config| config.vm.synced_folder ".", "/vagrant", type: "rsync" }' >"$work/Vagrantfile"
tar --create --file "$out.part" --directory "$work" metadata.json Vagrantfile box.img
mv "$out.part" "$out"
echo "$out: $(du -h "$out" | cut -f 1)"
