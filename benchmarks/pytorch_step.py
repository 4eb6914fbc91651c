# SPDX-License-Identifier: MIT
"""A training step in PyTorch and in Octavo, in turn, on the same settings: medians and their ratio.

    python3 benchmarks/pytorch_step.py build/release/benchmarks/training_step_benchmark [SETTING ...]

Needs python3-torch; fastest with an optimised BLAS (Debian: libopenblas0-pthread). Each round runs
PyTorch with 1 and with 2 threads, each in a process of its own, and Octavo with 2 threads.
"""
import json
import math
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


def octavo_milliseconds(program, setting):
    output = subprocess.run(
        [program, f"--benchmark_filter=^{setting}/threads:2", "--benchmark_format=json",
         "--benchmark_min_time=1"], check=True, capture_output=True, text=True).stdout
    run = json.loads(output)["benchmarks"][0]
    return run["real_time"], run["of_limit"]


def main():
    if sys.argv[1] == "--pytorch":
        print(pytorch_milliseconds(sys.argv[2], int(sys.argv[3])))
        return
    program, names = sys.argv[1], sys.argv[2:] or list(SETTINGS)
    print("| setting | PyTorch ms | Octavo ms | share of FMA limit | ratio |\n|---|---|---|---|---|")
    for name in names:
        pytorch, octavo, share = [], [], []
        for _ in range(3):
            for threads in ("1", "2"):
                child = subprocess.run([sys.executable, __file__, "--pytorch", name, threads],
                                       check=True, capture_output=True, text=True)
                pytorch.append((threads, float(child.stdout)))
            milliseconds, of_limit = octavo_milliseconds(program, name)
            octavo.append(milliseconds)
            share.append(of_limit)
        best = min(statistics.median(t for n, t in pytorch if n == threads)
                   for threads in ("1", "2"))
        ours = statistics.median(octavo)
        print(f"| {name} | {best:.2f} | {ours:.3f} | {100 * statistics.median(share):.0f}% | "
              f"{best / ours:.1f}x |", flush=True)


if __name__ == "__main__":
    main()
