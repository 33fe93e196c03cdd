#!/usr/bin/env bash
# Everything a machine without a network needs, in one directory: bundle.sh VENV OUT [ARCHIVE...]
#
#   OUT/install.sh     what to run there, as root
#   OUT/wheels/        podstrap and what it depends on, for every Python of PYTHONS ("3.11 3.12 3.13")
#   OUT/images/        ARCHIVE..., without one what `bootstrap images save` saves from this machine's engine
#   OUT/SHA256SUMS
#
# KUBERNETES_VERSION is the release of the images when not the newest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
venv=$1
out=$2
shift 2
PYTHONS=${PYTHONS:-3.11 3.12 3.13}

# glibc of the oldest distributions whose Python is new enough; wheels for older ones serve them too.
platforms=()
for glibc in 2014 _2_28 _2_34 _2_35; do
    platforms+=(--platform "manylinux${glibc}_$(uname -m)")
done

# It appears as a whole: what an interrupted run left is not taken for a bundle.
work=$out.part
rm -rf "$work"
mkdir -p "$work/wheels" "$work/images"
echo "Building the wheel"
"$venv/bin/pip" wheel -q --no-deps --wheel-dir "$work/wheels" "$tree"
for python in $PYTHONS; do
    echo "Collecting what it depends on, for Python $python"
    "$venv/bin/pip" download -q --only-binary=:all: --implementation cp --python-version "$python" \
        "${platforms[@]}" --dest "$work/wheels" "$work"/wheels/podstrap-*.whl
done
if [ $# -gt 0 ]; then
    ln -f "$@" "$work/images/" 2>/dev/null || cp "$@" "$work/images/"
else
    release=()
    [ -z "${KUBERNETES_VERSION:-}" ] || release=(--kubernetes-version "$KUBERNETES_VERSION")
    "$here/images.sh" "$venv" "${release[@]}"
    "$venv/bin/bootstrap" images save "${release[@]}" "$work/images/images.tar"
fi
install -m 755 "$here/install.sh" "$work/install.sh"
(cd "$work" && find wheels images install.sh -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
rm -rf "$out"
mv "$work" "$out"
echo "$out: $(du -sh "$out" | cut -f 1). Copy it to the other machine and run, as root: ./install.sh && bootstrap init"
