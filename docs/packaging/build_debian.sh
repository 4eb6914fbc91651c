#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the Debian packages of the last commit: docs/packaging/build_debian.sh FOLDER
set -euo pipefail
if (($# != 1)); then
  sed -n '3s/^# //p' "$0" >&2
  exit 64
fi
mkdir -p "$1"
packages=$(cd "$1" && pwd)
clone=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/octavo"
git -C "$clone" archive HEAD | tar -x -C "$work/octavo"
cp -r "$work/octavo/docs/packaging/debian" "$work/octavo/debian"
(cd "$work/octavo" && dpkg-buildpackage --build=binary --unsigned-changes --no-sign)
cp "$work"/*.deb "$packages"
ls "$packages"
