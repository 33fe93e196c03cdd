#!/usr/bin/env bash
# The component images: as they are, else from the registry, else built from Go modules: images.sh VENV [OPTION...]
# The options are those of `bootstrap images`, such as --kubernetes-version.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$1
shift
release=("$@")
export PATH="$venv/bin:$PATH"

# What static pods need; the add-ons' images are for nodes.
absent() {
    bootstrap images list "${release[@]}" | grep -vE '/(coredns|kube-proxy):' | grep -q ' absent$'
}

absent || exit 0
if bootstrap images pull "${release[@]}" && ! absent; then exit 0; fi
echo "No registry: building the images from Go modules (a quarter of an hour the first time, seconds later)"
"$here/go.sh" "$venv"
bootstrap images build "${release[@]}" --programs "$venv/bin"
