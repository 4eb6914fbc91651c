# SPDX-License-Identifier: MIT
"""Generation by llama.cpp and by Octavo, in turn, from one GGUF file (F32): medians and their ratio.

    python3 benchmarks/generation/llama_cpp.py build/release/examples PACKAGE_FOLDER

Makes a model of GPT-2's smallest shape (124 million parameters after one step of training, 50,257
byte pairs of a text that it makes up). Each round reads a prompt of some 100 tokens at once and
writes 64 tokens one by one, with 1 thread and with as many as the machine has cores. llama.cpp is
that of the npm package node-llama-cpp, installed in PACKAGE_FOLDER (tests/ecosystem/llama_cpp.sh
does so if LLAMA_CPP_FOLDER is set).
"""
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

REPLY = 64
ROUNDS = 5


def made_up_words():
    """Enough different words, if each is there twice, for 50,000 byte pairs."""
    draw = random.Random(1)
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(30000)]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_model(programs, folder):
    words = made_up_words()
    with open(f"{folder}/text", "w", encoding="ascii") as file:
        file.write(" ".join(words + words))
    run(f"{programs}/train_full", "--gpt2", *"--layers 12 --heads 12 --width 768 --ff 3072 --context "
        "1024 --sequence 256 --batch 1 --tokenizer bpe --vocab 50257 --save-every 0 --eval-every 0 "
        "--sample-every 0 --log-every 0".split(), "--data", f"{folder}/text", "--out",
        f"{folder}/out", "1")
    run(f"{programs}/convert", f"{folder}/out/model.safetensors", f"{folder}/model.gguf")
    return f"{folder}/model.gguf", " ".join(words[:40])


def octavo(programs, model, prompt, tokens, threads):
    """Tokens a second at once and one by one: differences of whole runs, so that loading is out."""
    def seconds(text, count):
        start = time.perf_counter()
        run(f"{programs}/generate", model, "--prompt", text, "--tokens", str(count),
            "--temperature", "0", "--threads", str(threads))
        return time.perf_counter() - start
    base = min(seconds("a", 1) for _ in range(2))
    return ((tokens - 1) / max(seconds(prompt, 1) - base, 1e-9),
            REPLY / (seconds("a", 1 + REPLY) - base))


def llama_cpp(package, model, prompt, threads):
    """The prompt's tokens; tokens a second at once and one by one."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp.mjs")
    tokens, at_once, one_by_one = map(
        float, run("node", script, package, model, prompt, str(REPLY), str(threads)).split())
    return int(tokens), (tokens / at_once, REPLY / one_by_one)


def main():
    programs, package = sys.argv[1], sys.argv[2]
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        model, prompt = make_model(programs, folder)
        print(f"{os.path.getsize(model):,} bytes, {cores} cores\n\n| threads | way | llama.cpp, "
              "tokens/s | Octavo, tokens/s | ratio |\n|---|---|---|---|---|")
        for threads in sorted({1, cores}):
            theirs, ours = [], []
            for _ in range(ROUNDS):
                tokens, speeds = llama_cpp(package, model, prompt, threads)
                theirs.append(speeds)
                ours.append(octavo(programs, model, prompt, tokens, threads))
            for i, way in enumerate((f"prompt of {tokens}", "one by one")):
                a, b = (statistics.median(speeds[i] for speeds in all_) for all_ in (theirs, ours))
                print(f"| {threads} | {way} | {a:.1f} | {b:.1f} | {b / a:.2f}x |", flush=True)


if __name__ == "__main__":
    main()
