#!/usr/bin/env bash
# Install those of the named Debian packages that are missing: packages.sh NAME...
set -euo pipefail
. "$(dirname "$0")/ledger.sh"

is_installed() {
    dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed'
}

installed() {
    dpkg-query -W -f='${Package} ${Status}\n' | sed -n 's/ install ok installed$//p' | sort
}

missing=()
for package in "$@"; do
    is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

require_root
echo "Installing from the distribution: ${missing[*]}"
before=$(installed)
trap 'comm -13 <(echo "$before") <(installed) | while read -r package; do note "package $package"; done' EXIT
apt-get update -q
# Another suite may be installing what it needs.
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -q -y --no-install-recommends "${missing[@]}"
