#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# GGUF files of ours under the real llama.cpp. From the project's folder, with programs and tests built:
#
#   tests/ecosystem/llama_cpp.sh build/gcc [quantized]
#
# Trains small models, of every architecture and of characters and byte pairs, on a text that it makes
# up, converts them to GGUF in the types that Octavo writes and compares llama.cpp's tokens, greedy
# continuations, logits and perplexity with what Octavo computes from the same files. With "quantized"
# the models are wider (the types with K have blocks of 256 numbers), and the files are those that
# llama.cpp's own quantizer makes of them, in types that Octavo only reads as well. llama.cpp comes
# from the npm package node-llama-cpp, 30 MB of it prebuilt libraries, installed into a temporary
# folder, or into $LLAMA_CPP_FOLDER to be kept. Where that cannot be done the check is skipped, with
# status 0.
set -euo pipefail

programs=$(cd "$1/examples" && pwd)
tests=$(cd "$1/tests" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=3.22.1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
package=${LLAMA_CPP_FOLDER:-$scratch/package}

skip() {
  echo "skipped: $*"
  exit 0
}

# A text that is the same everywhere and always: chains of words, most of which follow from the one
# before, as do the ends of sentences, so that a small model soon prefers one continuation clearly:
# llama.cpp rounds activations to binary16, and would decide near ties in its own way.
write_text() {
  awk 'BEGIN {
    count = split("to be or not that is the question whether nobler in mind suffer slings and arrows" \
                  " of outrageous fortune größe fuß 4€ naïve", word, " ")
    seed = 1
    for (i = 0; i < 9000; ++i) {
      seed = seed * 16807 % 2147483647
      at = seed % 10 == 0 ? int(seed / 10) % count + 1 : (at * 5 + 2) % count + 1
      printf "%s%s", word[at], at % 8 == 3 ? ".\n" : " "
    }
  }'
}

[[ $(uname -sm) == 'Linux x86_64' ]] || skip "the package is taken for Linux on x86-64 alone"
command -v node >/dev/null && command -v npm >/dev/null || skip "there is no node or no npm"
(($(node -p 'process.versions.node.split(".")[0]') >= 20)) || skip "node is older than 20"
if [[ ! -e $package/node_modules/node-llama-cpp ]]; then
  mkdir -p "$package"
  # Nothing that a package would run is run.
  (cd "$package" && echo '{"private": true}' >package.json &&
    timeout 180 npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional \
      "node-llama-cpp@$version" "@node-llama-cpp/linux-x64@$version") ||
    skip "node-llama-cpp $version could not be installed"
fi

# train NAME OPTION...: a small model.
train() {
  local name=$1
  shift
  "$programs/train_full" --layers 2 --heads 4 --context 128 --sequence 128 --data text \
    --save-every 0 --eval-every 0 --sample-every 0 --log-every 0 --out "out-$name" "$@" | grep 'mean loss'
}

# run FILE: a file in both programs.
run() {
  "$tests/octavo_says" "$1" text >expected.json
  node "$here/llama_cpp.mjs" "$package" expected.json "$1"
}

# compare NAME "TYPE ..." OPTION...: a small model's files of these types.
compare() {
  local name=$1 types=$2 type
  shift 2
  train "$name" --width 64 --ff 256 --batch 8 --lr 3e-3 "$@"
  for type in $types; do
    "$programs/convert" "out-$name/model.safetensors" "$name-$type.gguf" --type "$type" >/dev/null
    run "$name-$type.gguf"
  done
}

# The names of file types, and llama.cpp's numbers of them.
quantized=(q8_0=7 q4_0=2 q2_k=10 q3_k_m=12 q4_k_m=15 q5_k_m=17 q6_k=18 iq4_nl=25 iq4_xs=30)

# compare_quantized NAME OPTION...: a model's files by llama.cpp's quantizer.
compare_quantized() {
  local name=$1 type
  shift
  train "$name" --ff 512 --batch 4 --lr 2e-3 "$@"
  "$programs/convert" "out-$name/model.safetensors" "$name.gguf" --type f32 >/dev/null
  python3 "$here/llama_cpp_quantize.py" "$package/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64" \
    "$name.gguf" "${quantized[@]}"
  for type in "${quantized[@]}"; do run "$name-${type%=*}.gguf"; done
}

# adapt NAME: the model NAME with an adapter, whose numbers are random, in llama.cpp: the adapter beside
# the model, and merged by us from either of its files.
adapt() {
  local name=$1
  "$programs/convert" "out-$name/model.safetensors" "$name-f32.gguf" >/dev/null
  "$tests/octavo_adapter" "$name-f32.gguf" "$name-adapter.gguf" "$name-peft"
  "$programs/convert" "$name-f32.gguf" "$name-merged-f32.gguf" --lora "$name-adapter.gguf" >/dev/null
  "$programs/convert" "$name-f32.gguf" "$name-peft-f32.gguf" --lora "$name-peft" >/dev/null
  "$tests/octavo_says" "$name-merged-f32.gguf" text >expected.json
  node "$here/llama_cpp.mjs" "$package" expected.json "$name-merged-f32.gguf" \
    "$name-peft-f32.gguf" --lora "$name-adapter.gguf" "$name-f32.gguf"
}

# Rows for fine-tuning: what follows the first half of a line is its other half backwards.
write_rows() {
  awk 'NR <= 300 && NF > 3 {
    prompt = answer = ""
    for (i = 1; i <= NF; ++i) {
      if (i <= NF / 2) prompt = prompt $i " "; else answer = " " $i answer
    }
    printf "{\"prompt\": \"%s\", \"completion\": \"%s\"}\n", prompt, answer
  }' text
}

# tune NAME MOST: the model NAME, fine-tuned by train_full with its own choices of adapters, in
# llama.cpp: the best adapter of the run beside the base, as a file of its own and as PEFT's folder
# merged by convert, and the run merged. Logits differ by less than MOST.
tune() {
  local name=$1 most=$2
  "$programs/convert" "out-$name/model.safetensors" "$name-f32.gguf" >/dev/null
  "$programs/train_full" --from "$name-f32.gguf" --lora --data rows.jsonl --sample-every 0 \
    --log-every 0 --out "tuned-$name" | grep -E 'best so far|for PEFT' | tail -2
  local best=tuned-$name/best.safetensors
  "$programs/convert" "$best" "$name-tuned-adapter.gguf" --adapter >/dev/null
  "$programs/convert" "$best" "$name-tuned-merged-f32.gguf" >/dev/null
  "$programs/convert" "$name-f32.gguf" "$name-tuned-peft-f32.gguf" --lora "tuned-$name/adapter" >/dev/null
  "$tests/octavo_says" "$best" text >expected.json
  node "$here/llama_cpp.mjs" "$package" expected.json --logits "$most" "$name-tuned-merged-f32.gguf" \
    "$name-tuned-peft-f32.gguf" --lora "$name-tuned-adapter.gguf" "$name-f32.gguf"
}

cd "$scratch"
write_text >text
write_rows >rows.jsonl
if [[ ${2:-} == quantized ]]; then
  command -v python3 >/dev/null || skip "there is no python3"
  compare_quantized gpt2 --width 256 --gpt2 --tokenizer bpe 150
  compare_quantized llama --width 256 --family llama --kv-heads 2 150
  # 288 numbers are whole blocks of 32 only: other types take the place of those with K.
  compare_quantized smollm2 --family smollm2 --kv-heads 1 --width 288 --head-width 64 150
  compare_quantized qwen2 --width 256 --family qwen2 --kv-heads 2 150
  compare_quantized qwen3 --width 256 --family qwen3 --kv-heads 2 --head-width 128 150
  compare_quantized gemma --width 256 --family gemma --kv-heads 1 150
  compare_quantized gemma2 --width 256 --family gemma2 --kv-heads 2 --window 32 150
  compare_quantized gemma3 --width 256 --family gemma3 --kv-heads 1 --window 32 --window-pattern 6 150
  exit 0
fi
compare char "f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1" --gpt2 --tokenizer char 500
compare bpe "f32 bf16 q8_0" --gpt2 --tokenizer bpe 500
compare llama "f32 f16 q8_0 q4_0" --family llama --kv-heads 2 --rope-scaling linear --rope-factor 2 200
compare llama3 f32 --family llama3 --kv-heads 2 --rope-scaling llama3 --rope-factor 8 --rope-original-context 32 200
compare smollm2 f32 --family smollm2 --kv-heads 1 200
compare yarn f32 --family llama --rope-scaling yarn --rope-factor 4 --rope-original-context 32 200
compare qwen2 f32 --family qwen2 --kv-heads 2 200
compare qwen3 "f32 q8_0" --family qwen3 --kv-heads 2 --head-width 32 200
compare gemma f32 --family gemma --kv-heads 1 --head-width 32 200
compare gemma2 f32 --family gemma2 --kv-heads 2 --head-width 32 --window 32 200
compare gemma3 "f32 q4_0" --family gemma3 --kv-heads 1 --head-width 32 --window 32 --window-pattern 6 200
for name in bpe llama qwen2 qwen3 gemma2; do adapt $name; done
# llama has a head of its own, which is small and trains too; that of bpe, a GPT-2, is the token table.
tune llama 2e-3
tune bpe 2e-3
