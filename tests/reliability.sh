#!/bin/bash
# SPDX-License-Identifier: MIT
# The slow tier: what takes minutes, on programs that are built already. From the project's folder:
#
#   tests/reliability.sh build/gcc kill 200    kill -9 at random moments, that many rounds
#   tests/reliability.sh build/gcc soak 1000000    that many steps of a micro model with saves
#   tests/reliability.sh build/gcc starve      every single allocation refused
#   tests/reliability.sh build/mpi processes 50    one of several processes killed, that many times
#   tests/reliability.sh build/valgrind valgrind    a short run, a resumed one and generate
#
# Each prints what it found and fails if it is not as docs/reliability.md promises.
set -euo pipefail

# The comment above, for whoever asks for something else.
usage() {
  sed -n '3,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0" >&2
  exit 64
}
(($# >= 2)) || usage
case $2 in
  kill | soak | processes) (($# == 3)) && [[ $3 =~ ^[1-9][0-9]*$ ]] || usage ;;
  starve | valgrind) (($# == 2)) || usage ;;
  *) usage ;;
esac
if [[ ! -d $1/examples ]]; then
  echo "$0: there are no programs in $1: build them first" >&2
  exit 66
fi

programs=$(cd "$1" && pwd)/examples
tests=$(cd "$1" && pwd)/tests
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Rounds of train_full that saves at every step, killed after a random time and resumed. A kill
# hits a save if it leaves a temporary file behind, or a checkpoint that was not told yet. The last
# checkpoint that was told must be there.
kill_rounds() {
  local rounds=$1 hits=0 lost=0 steps=0
  cd "$folder"
  local run=("$programs/train_full" --tiny 1000000 --save-every 1 --sample-every 0 --log-every 0)
  "$programs/train_full" --tiny 3 --save-every 1 --out warm >/dev/null
  for ((round = 1; round <= rounds; ++round)); do
    local resume=()
    compgen -G 'killed/checkpoint-*' >/dev/null && resume=(--resume)
    "${run[@]}" --out killed "${resume[@]}" >log 2>&1 &
    local process=$!
    # In one round of four while it starts, else while it saves and trains.
    if ((round % 4 > 0)); then
      until grep -aq '^saved' log || ! kill -0 $process 2>/dev/null; do sleep 0.01; done
    fi
    sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
    kill -9 $process 2>/dev/null || true
    wait $process 2>/dev/null || true
    local told newest
    told=$(grep -a '^saved .*safetensors$' log | tail -1 | cut -d' ' -f2 || true)
    newest=$(ls killed/checkpoint-*.safetensors 2>/dev/null | tail -1 || true)
    if compgen -G 'killed/*.tmp.*' >/dev/null || [[ -n $told && $newest > $told ]]; then
      hits=$((hits + 1))
    fi
    if [[ -n $told && ! -e $told ]]; then
      echo "round $round: $told is lost"
      lost=$((lost + 1))
    fi
    if grep -aq 'skipped' log; then
      echo "round $round: a checkpoint was not valid"
      lost=$((lost + 1))
    fi
  done
  local last
  last=$(ls killed/checkpoint-*.safetensors | tail -1)
  steps=$(basename "$last" | tr -dc 0-9 | sed 's/^0*//')
  compare_with_one_go "$steps" "$last"
  echo "$rounds rounds, $((100 * hits / rounds))% inside a save, $lost checkpoints lost," \
    "step $steps has the bytes of a run that was never killed"
  ((lost == 0 && 100 * hits / rounds >= 30))
}

# The same number of steps in one go, compared byte for byte: step, its file, further options.
compare_with_one_go() {
  "$programs/train_full" --tiny 1000000 --save-every "$1" --sample-every 0 --log-every 0 \
    --out whole "${@:3}" >whole.log 2>&1 &
  local process=$!
  until [[ -e whole/$(basename "$2") ]]; do sleep 0.1; done
  kill -9 $process
  wait $process 2>/dev/null || true
  cmp "$2" "whole/$(basename "$2")"
}

# Rounds of 2, 3 or 4 processes (MPIRUN, with OCTAVO_MPI=ON) of which one is killed after a random
# time. The others must end within 10 seconds, with a message of mpirun; another number of processes
# resumes, and at the end the files are those of a run of one process that was never killed.
process_rounds() {
  local rounds=$1 mpirun=${MPIRUN:-mpirun} lost=0 longest=0
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  cd "$folder"
  local run=("$programs/train_full" --tiny 1000000 --batch 12 --threads 1 --save-every 10
    --sample-every 0 --log-every 0)
  for ((round = 1; round <= rounds; ++round)); do
    local count=$((2 + RANDOM % 3)) resume=() victims began took
    compgen -G 'killed/checkpoint-*' >/dev/null && resume=(--resume)
    "$mpirun" -n $count "${run[@]}" --out killed "${resume[@]}" >log 2>&1 &
    local process=$!
    sleep "$((RANDOM % 2)).$((3 + RANDOM % 7))$((RANDOM % 10))"
    mapfile -t victims < <(pgrep -f "^$programs/train_full")
    ((${#victims[@]} == 0)) || kill -9 "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || true
    began=$(date +%s%N)
    wait $process 2>/dev/null || true
    took=$((($(date +%s%N) - began) / 1000000))
    longest=$((took > longest ? took : longest))
    if pgrep -f "^$programs/train_full" >/dev/null; then
      echo "round $round: a process is left"
      lost=$((lost + 1))
    fi
    local told newest
    newest=$(ls killed/checkpoint-*.safetensors 2>/dev/null | tail -1 || true)
    told=$(grep -aoE 'killed/checkpoint-[0-9]+[.]safetensors' log | tail -1 || true)
    if [[ $newest < $told ]] || grep -aq 'skipped' log; then
      echo "round $round: $told is lost, or a checkpoint was not valid"
      lost=$((lost + 1))
    fi
  done
  local last steps
  last=$(ls killed/checkpoint-*.safetensors | tail -1)
  steps=$(basename "$last" | tr -dc 0-9 | sed 's/^0*//')
  compare_with_one_go "$steps" "$last" --batch 12 --leaves 12
  echo "$rounds rounds, $lost lost, the others ended within $longest ms; step $steps has the bytes" \
    "of one process that was never killed"
  ((lost == 0 && longest < 10000))
}

# Memory and open files of a long run, sampled. Anonymous memory, where a leak would be, may not vary
# by more than 1 MiB. Pages of the program's file come and go with every save: of all resident memory
# the most may not grow by more than half of that from the first half of the run to the second.
soak() {
  local steps=$1
  cd "$folder"
  "$programs/train_full" "$steps" --layers 1 --heads 1 --width 8 --ff 8 --context 8 --sequence 8 \
    --threads 1 --save-every 1000 --sample-every 0 --log-every 100000 --out soak >log 2>&1 &
  local process=$! files='' resident=() anonymous=()
  sleep 1
  while kill -0 $process 2>/dev/null; do
    local now own count
    read -r now own < <(awk '/^(Rss|Anonymous):/ {printf "%s ", $2} END {print ""}' \
      /proc/$process/smaps_rollup 2>/dev/null) || true
    count=$(ls /proc/$process/fd 2>/dev/null | wc -l)
    if [[ -n $own && $count -gt 0 ]]; then
      resident+=("$now")
      anonymous+=("$own")
      files+="$count "
    fi
    sleep 0.5
  done
  wait $process
  local samples=${#resident[@]} early late least most
  early=$(printf '%s\n' "${resident[@]:0:samples/2}" | sort -n | tail -1)
  late=$(printf '%s\n' "${resident[@]:samples/2}" | sort -n | tail -1)
  least=$(printf '%s\n' "${anonymous[@]}" | sort -n | head -1)
  most=$(printf '%s\n' "${anonymous[@]}" | sort -n | tail -1)
  echo "$steps steps, $samples samples: anonymous $least to $most kB, resident at most $early kB in the" \
    "first half and $late kB in the second, open files:" \
    "$(tr ' ' '\n' <<<"$files" | sort | uniq -c | awk 'NF > 1 {print $2 " (" $1 " times)"}' |
      paste -sd,)"
  ((samples > 1 && most - least <= 1024 && late - early <= 512))
}

# valgrind knows no AVX-512, and sees the heap of programs with shared libraries alone:
#   cmake --preset release -B build/valgrind -DOCTAVO_NATIVE=OFF -DOCTAVO_CAN_LINK_STATICALLY=OFF
#   cmake --build build/valgrind --target train_full generate
watch() {
  cd "$folder"
  local watched=(valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all
    --errors-for-leak-kinds=definite,indirect)
  "${watched[@]}" "$programs/train_full" --tiny 20 --threads 2 --save-every 5 --eval-every 10 --out a
  "${watched[@]}" "$programs/train_full" --tiny 30 --new-schedule --resume a
  "${watched[@]}" "$programs/generate" a/model.safetensors --tokens 20
  echo "three programs, nothing to report"
}

case $2 in
  kill) kill_rounds "$3" ;;
  soak) soak "$3" ;;
  processes) process_rounds "$3" ;;
  starve) OCTAVO_EVERY_ALLOCATION=1 "$tests/octavo_examples_test" -sf='*starved_test*' ;;
  valgrind) watch ;;
esac
