#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What low-rank adapters reach in comparison with full fine-tuning, on a made set of instructions.

    python3 benchmarks/training/instructions.py --data shakespeare.txt

trains a small model on a text, fine-tunes it on 2,000 made rows (reversing, counting, looking up,
and rolling a die) in full and with adapters, both with train_full's own choices except for the epochs,
once for each seed, and fails if the adapters' best validation loss is more than a tenth above that of full
fine-tuning (medians of the seeds). --full-lr and --lr try other learning rates as well, of full fine-tuning
and of adapters. Takes five minutes on one core."""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile

WORDS = ("king lord love night heart sword queen death honour blood speak hand eyes sweet grace "
         "crown house friend enemy battle").split()
# In letters: the text has no digits, whose rows of the token table would stay as they began.
NUMBERS = "none one two three four five six seven eight nine".split()
COLOURS = {"the sky": "blue", "grass": "green", "blood": "red", "snow": "white", "coal": "black",
           "gold": "yellow", "an orange": "orange", "a violet": "violet"}


def rows(count):
    chance = random.Random(1)
    for i in range(count):
        word = chance.choice(WORDS)
        if i % 4 == 0:
            yield f"Reverse {word}.", word[::-1]
        elif i % 4 == 1:
            many = chance.randint(1, 9)
            yield f"Count: {' '.join([word] * many)}", NUMBERS[many]
        elif i % 4 == 2:
            yield "Roll a die.", NUMBERS[chance.randint(1, 6)]  # so that no model's loss is near 0
        else:
            thing = chance.choice(list(COLOURS))
            yield f"What colour is {thing}?", COLOURS[thing]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the text of the base model")
    parser.add_argument("--programs", default="build/release/examples")
    parser.add_argument("--epochs", default="8")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--steps", default="600", help="of the base model")
    parser.add_argument("--seeds", default=["1", "2", "3"], nargs="+")
    parser.add_argument("--lr", default=[], nargs="*", help="other learning rates of adapters to try")
    parser.add_argument("--full-lr", default=[], nargs="*", help="the same of full fine-tuning")
    parser.add_argument("--keep", help="a folder for the runs")
    options = parser.parse_args()
    program = os.path.join(os.path.abspath(options.programs), "train_full")
    data = os.path.abspath(options.data)
    folder = options.keep or tempfile.mkdtemp(prefix="octavo_instructions_")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "rows.jsonl"), "w") as file:
        for question, answer in rows(options.rows):
            file.write(json.dumps({"prompt": f"Q: {question}\nA:", "completion": f" {answer}"}) + "\n")

    def train(*words):
        return subprocess.run([program, *words, "--threads", "1", "--sample-every", "0"], cwd=folder,
                              check=True, capture_output=True, text=True).stdout

    if not os.path.exists(os.path.join(folder, "base/model.safetensors")):
        train(options.steps, "--data", data, "--documents", "line", "--tokenizer", "byte", "--layers",
              "4", "--width", "128", "--heads", "4", "--ff", "512", "--context", "128", "--batch",
              "12", "--sequence", "64", "--family", "llama", "--lr", "3e-3", "--eval-every", "0",
              "--out", "base")
    methods = {"full": [], "adapters": ["--lora"]}
    methods.update({f"full at {lr}": ["--lr", lr] for lr in options.full_lr})
    methods.update({f"adapters at {lr}": ["--lora", "--lr", lr] for lr in options.lr})
    median = {}
    for name, more in methods.items():
        best = []
        for seed in options.seeds:
            told = train("--from", "base/model.safetensors", "--data", "rows.jsonl", "--epochs",
                         options.epochs, "--seed", seed, "--out", f"{name}_{seed}".replace(" ", "_"),
                         *more)
            losses = [float(x) for x in re.findall(r"validation loss (\S+)", told)]
            best.append(min(losses))
        rate = re.search(r"lr (\S+) to", told).group(1)
        median[name] = statistics.median(best)
        print(f"{name}: lr {rate}, best validation losses", *(f"{x:.4f}" for x in best),
              f"median {median[name]:.4f}", flush=True)
        if not more or more == ["--lora"]:
            print(told[told.index("rows that it was not"):told.index("\nSaved")])
    ratio = median["adapters"] / median["full"]
    print(f"adapters / full: {ratio:.3f}")
    return 0 if ratio <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
