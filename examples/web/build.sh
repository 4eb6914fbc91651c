#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes one page that trains, in any browser, without a network: examples/web/build.sh PAGE.html
#
# Debian: apt-get install emscripten node-acorn libeigen3-dev nlohmann-json3-dev
set -euo pipefail
if (($# != 1)); then
  sed -n '3,5s/^# \{0,1\}//p' "$0" >&2
  exit 64
fi
page=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Emscripten does not look into /usr/include, where other headers than these are the machine's.
mkdir "$work/include"
ln -s "${EIGEN_FOLDER:-/usr/include/eigen3}/Eigen" "${JSON_FOLDER:-/usr/include}/nlohmann" "$work/include"
export NODE_PATH=${NODE_PATH:-/usr/share/nodejs} # where Debian has acorn

functions=$(sed -n 's/^.*[ *]\(octavo_[a-z_]*\)(.*$/"_\1",/p' "$here/../../include/octavo/octavo.h" | sort -u | tr -d '\n')
em++ -std=c++20 -O3 -msimd128 -fexceptions -Wno-invalid-constexpr -DNDEBUG \
  -I"$here/../../include" -isystem "$work/include" "$here/octavo_web.cpp" -o "$work/octavo.js" \
  -sSINGLE_FILE=1 -sALLOW_MEMORY_GROWTH=1 -sALLOW_TABLE_GROWTH=1 -sENVIRONMENT=worker \
  -sFORCE_FILESYSTEM=1 -sWASM_BIGINT=1 \
  -sEXPORTED_FUNCTIONS="[$functions\"_web_memory_drawing\",\"_malloc\",\"_free\"]" \
  -sEXPORTED_RUNTIME_METHODS='["ccall","addFunction","removeFunction"]'

{
  cat "$here/page.html"
  echo '<script id="library" type="text/plain">'
  echo 'var Module = {onRuntimeInitialized: () => postMessage({kind: "ready"}),'
  echo '  onAbort: (what) => postMessage({kind: "error", text: "The library does not start: " + what})};'
  cat "$work/octavo.js" "$here/worker.js"
  echo '</script>'
  echo '<script>'
  cat "$here/page.js"
  echo '</script>'
  echo '</body>'
  echo '</html>'
} >"$page"
echo "made $page, $(stat -c %s "$page") bytes"
