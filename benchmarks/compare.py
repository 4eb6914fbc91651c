# SPDX-License-Identifier: MIT
"""A training step in PyTorch and in Octavo, in turn, on the same settings: medians and their ratio.

    python3 benchmarks/compare.py build/release/benchmarks/training_step_benchmark [SETTING ...]

Needs python3-torch; fastest with an optimised BLAS (Debian: libopenblas0-pthread). Each round runs
PyTorch with 1 thread and with as many as the machine has cores, each in a process of its own, and
Octavo in the same two ways. Each takes the better of its two medians over three rounds. OpenBLAS
takes slow kernels for processors younger than itself, so PyTorch runs with those of its kernels
(OPENBLAS_CORETYPE) that were fastest for the setting in a trial beforehand.
"""
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time

# layers, heads, width, d_ff, batch, sequence, vocabulary, context, activation, bias, tied
SETTINGS = {
    "tiny": (1, 2, 64, 128, 1, 32, 35, 128, "relu", True, False),
    "v2": (2, 4, 128, 256, 1, 32, 70, 64, "relu", True, False),
    "small": (2, 4, 128, 512, 1, 64, 35, 128, "relu", True, False),
    "nano": (4, 4, 128, 512, 12, 64, 65, 64, "gelu", False, True),
    "medium": (4, 8, 256, 512, 8, 128, 66, 128, "relu", True, False),
    "large": (4, 16, 512, 1024, 8, 128, 66, 128, "relu", True, False),
    "gpt2": (12, 12, 768, 3072, 4, 64, 50257, 1024, "gelu-tanh", True, True),
}


def pytorch_step(setting, threads):
    """Makes a model of that setting; returns the function that makes one training step of it."""
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    layers, heads, C, ff, batch, T, V, context, activation, bias, tied = setting
    torch.set_num_threads(threads)
    torch.manual_seed(1)

    activate = {"relu": F.relu, "gelu": F.gelu,
                "gelu-tanh": lambda h: F.gelu(h, approximate="tanh")}[activation]

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(C))
            self.bias = nn.Parameter(torch.zeros(C)) if bias else None

        def forward(self, x):
            return F.layer_norm(x, (C,), self.weight, self.bias, 1e-5)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = Norm(), Norm()
            self.c_attn, self.c_proj = nn.Linear(C, 3 * C, bias), nn.Linear(C, C, bias)
            self.widen, self.narrow = nn.Linear(C, ff, bias), nn.Linear(ff, C, bias)

        def forward(self, x, mask):
            B = x.shape[0]
            q, k, v = (t.view(B, T, heads, C // heads).transpose(1, 2)
                       for t in self.c_attn(self.ln_1(x)).split(C, dim=2))
            scores = q @ k.transpose(-2, -1) / math.sqrt(C // heads) + mask
            o = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(B, T, C)
            x = x + self.c_proj(o)
            h = self.widen(self.ln_2(x))
            return x + self.narrow(activate(h))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(V, C), nn.Embedding(context, C)
            self.blocks, self.ln_f = nn.ModuleList(Block() for _ in range(layers)), Norm()
            self.head = nn.Linear(C, V, bias and not tied)
            if tied:
                self.head.weight = self.wte.weight
            self.register_buffer("mask", torch.triu(torch.full((T, T), -math.inf), 1))

        def forward(self, tokens):
            x = self.wte(tokens) + self.wpe.weight[:T]
            for block in self.blocks:
                x = block(x, self.mask)
            return self.head(self.ln_f(x))

    model = Model()
    for module in model.modules():  # as GPT-2: PyTorch's own embeddings drown a softmax in denormals
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.99), weight_decay=0.1)
    inputs, targets = torch.randint(V, (batch, T)), torch.randint(V, (batch, T))

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(inputs).view(-1, V), targets.view(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def pytorch_milliseconds(setting, threads):
    step = pytorch_step(SETTINGS[setting], threads)
    times, end = [], time.perf_counter() + 3
    for _ in range(3):
        step()
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def run_pytorch(setting, threads, kernels):
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    if kernels:
        environment["OPENBLAS_CORETYPE"] = kernels
    child = subprocess.run([sys.executable, __file__, "--pytorch", setting, str(threads)],
                           env=environment, check=True, capture_output=True, text=True)
    return float(child.stdout), None


def fastest_kernels(setting):
    """Which of OpenBLAS's kernels PyTorch should have; "" is OpenBLAS's own choice."""
    trials = []
    for kernels in ("", "Haswell", "SkylakeX", "SapphireRapids"):
        try:
            trials.append((run_pytorch(setting, 1, kernels), kernels))
        except subprocess.CalledProcessError:
            pass  # not for this processor
    return min(trials)[1]


def run_octavo(program, setting, threads):
    output = subprocess.run(
        [program, f"--benchmark_filter=^{setting}/threads:{threads}/", "--benchmark_format=json",
         "--benchmark_min_time=2"], check=True, capture_output=True, text=True).stdout
    run = json.loads(output)["benchmarks"][0]
    return run["real_time"], run["of_limit"]


def gigaflop(setting):
    """As nanoGPT counts: 6 per matrix parameter and token, attention unmasked."""
    layers, _, C, ff, batch, T, V = setting[:7]
    matrices = layers * (4 * C * C + 2 * C * ff) + V * C
    return batch * T * (6 * matrices + 12 * layers * T * C) / 1e9


def best(runs):
    """The thread setting whose median is lowest: (threads, ms, median share of the limit)."""
    medians = []
    for threads, results in runs.items():
        shares = [share for _, share in results if share is not None]
        medians.append((statistics.median(ms for ms, _ in results), threads,
                        statistics.median(shares) if shares else None))
    ms, threads, share = min(medians)
    return threads, ms, share


def main():
    if sys.argv[1] == "--pytorch":
        print(pytorch_milliseconds(sys.argv[2], int(sys.argv[3])))
        return
    program, names = sys.argv[1], sys.argv[2:] or list(SETTINGS)
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        sys.exit(f"settings: got {', '.join(unknown)}, expected some of {', '.join(SETTINGS)}")
    cores = os.cpu_count()
    version = subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"],
                             check=True, capture_output=True, text=True).stdout.strip()
    print(f"PyTorch {version}, {platform.machine()}, {cores} cores; threads 1 and {cores} tried.\n")
    print("| setting | GFLOP a step | PyTorch ms (share; threads; kernels) | "
          "Octavo ms (share; threads) | ratio |\n|---|---|---|---|---|")
    for name in names:
        kernels = fastest_kernels(name)
        pytorch, octavo = {1: [], cores: []}, {1: [], cores: []}
        for _ in range(3):
            for threads in pytorch:
                pytorch[threads].append(run_pytorch(name, threads, kernels))
                octavo[threads].append(run_octavo(program, name, threads))
        flop = gigaflop(SETTINGS[name])
        theirs_threads, theirs, _ = best(pytorch)
        ours_threads, ours, share = best(octavo)
        # Octavo's share is of `ours_threads` cores' limit; both are given as that of all cores.
        share *= ours_threads / cores
        print(f"| {name} | {flop:.4g} | {theirs:.2f} ({100 * share * ours / theirs:.0f}%; "
              f"{theirs_threads}; {kernels or 'own choice'}) | {ours:.3f} ({100 * share:.0f}%; "
              f"{ours_threads}) | {theirs / ours:.1f}x |", flush=True)


if __name__ == "__main__":
    main()
