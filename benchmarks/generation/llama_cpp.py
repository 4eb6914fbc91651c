# SPDX-License-Identifier: MIT
"""Generation by llama.cpp and by Octavo, in turn, from one GGUF file: medians and their ratio.

    python3 benchmarks/generation/llama_cpp.py build/release/examples PACKAGE_FOLDER [MODEL [TYPE ...]]

Makes a model of the shape of GPT-2's smallest (gpt2, 124 million parameters) or SmolLM2's (smollm2,
135 million) after one step of training, with the byte pairs of a text that it makes up, in the types
(f32). Each round reads a prompt of some 100 tokens at once and writes 64 tokens one by one, with 1
thread and with as many as the machine has cores. llama.cpp is that of the npm package
node-llama-cpp, installed in PACKAGE_FOLDER (tests/ecosystem/llama_cpp.sh does so if
LLAMA_CPP_FOLDER is set).
"""
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile

REPLY = 64
ROUNDS = int(os.environ.get("ROUNDS", 5))


def made_up_words():
    """Enough different words, if each is there twice, for 50,000 byte pairs."""
    draw = random.Random(1)
    return ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(30000)]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


SHAPES = {
    "gpt2": "--gpt2 --layers 12 --heads 12 --width 768 --ff 3072 --vocab 50257",
    "smollm2": "--family smollm2 --layers 30 --heads 9 --kv-heads 3 --width 576 --ff 1536 --vocab 49152",
}


def make_models(programs, folder, shape, types):
    words = made_up_words()
    with open(f"{folder}/text", "w", encoding="ascii") as file:
        file.write(" ".join(words + words))
    run(f"{programs}/train_full", *SHAPES[shape].split(), *"--context 1024 --sequence 256 --batch 1 "
        "--tokenizer bpe --save-every 0 --eval-every 0 --sample-every 0 --log-every 0".split(),
        "--data", f"{folder}/text", "--out", f"{folder}/out", "1")
    for name in types:
        run(f"{programs}/convert", f"{folder}/out/model.safetensors", f"{folder}/{name}.gguf",
            "--type", name)
    return " ".join(words[:128])


def octavo(programs, model, prompt, threads):
    """Tokens a second at once and one by one, as generate prints them."""
    def speeds(text, count):
        command = [f"{programs}/generate", model, "--prompt", text, "--tokens", str(count),
                   "--ignore-eos", "--temperature", "0", "--threads", str(threads), "--timings"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        return re.findall(r"tokens?, ([0-9.]+) a second", printed)
    return float(speeds(prompt, 1)[0]), float(speeds("a", 1 + REPLY)[-1])


def llama_cpp(package, model, prompt, threads):
    """The prompt's tokens; tokens a second at once and one by one."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llama_cpp.mjs")
    tokens, at_once, one_by_one = map(
        float, run("node", script, package, model, prompt, str(REPLY), str(threads)).split())
    return int(tokens), (tokens / at_once, REPLY / one_by_one)


def main():
    programs, package = sys.argv[1], sys.argv[2]
    shape = sys.argv[3] if len(sys.argv) > 3 else "gpt2"
    types = sys.argv[4:] or ["f32"]
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        prompt = make_models(programs, folder, shape, types)
        print("| type | threads | way | llama.cpp, tokens/s | Octavo, tokens/s | ratio |\n"
              "|---|---|---|---|---|---|")
        for name in types:
            model = f"{folder}/{name}.gguf"
            for threads in sorted({1, cores}):
                theirs, ours = [], []
                for _ in range(ROUNDS):
                    tokens, speeds = llama_cpp(package, model, prompt, threads)
                    theirs.append(speeds)
                    ours.append(octavo(programs, model, prompt, threads))
                for i, way in enumerate((f"prompt of {tokens}", "one by one")):
                    a, b = (statistics.median(speeds[i] for speeds in all_) for all_ in (theirs, ours))
                    print(f"| {name} | {threads} | {way} | {a:.1f} | {b:.1f} | {b / a:.2f}x |",
                          flush=True)


if __name__ == "__main__":
    main()
