# SPDX-License-Identifier: MIT
"""A training step in PyTorch and in Octavo, in turn, on the same settings: medians and their ratio.

    python3 benchmarks/compare.py build/release/benchmarks/training_step_benchmark [SETTING ...]

Needs PyTorch for the Python that runs it (Debian: apt install python3-torch libopenblas0-pthread,
and /usr/bin/python3). PyTorch has two crews of threads, that of its BLAS and its own (ATen's, by
OpenMP), and OpenMP's spin while they wait, on the cores that the BLAS would need. So it is run in
several ways, each in a process of its own whose environment says so before PyTorch is loaded: one
thread for everything; the BLAS on all cores and ATen on one; both on all cores with spinning, as
PyTorch does by itself, and without. Octavo runs with one thread and on all cores. Each takes the
best of its ways' medians over three rounds. OpenBLAS takes slow kernels for processors younger than
itself, so PyTorch runs with those of its kernels (OPENBLAS_CORETYPE) that were fastest for the
setting in a trial beforehand. What is printed as having run was asked of the libraries themselves.
"""
import ctypes
import json
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import namedtuple

# layers, heads, width, d_ff, batch, sequence, vocabulary, context, activation, bias, tied; with
# Llama's layers (gated silu, RMS norm, rotary positions) heads of keys and values besides; with
# adapters of all linear layers on a frozen base, which is float in PyTorch, their rank
SETTINGS = {
    "tiny": (1, 2, 64, 128, 1, 32, 35, 128, "relu", True, False),
    "v2": (2, 4, 128, 256, 1, 32, 70, 64, "relu", True, False),
    "small": (2, 4, 128, 512, 1, 64, 35, 128, "relu", True, False),
    "nano": (4, 4, 128, 512, 12, 64, 65, 64, "gelu", False, True),
    "medium": (4, 8, 256, 512, 8, 128, 66, 128, "relu", True, False),
    "large": (4, 16, 512, 1024, 8, 128, 66, 128, "relu", True, False),
    "gpt2": (12, 12, 768, 3072, 4, 64, 50257, 1024, "gelu-tanh", True, True),
    "llama-tiny": (4, 8, 256, 688, 8, 128, 512, 128, "silu", False, False, 4),
    "stories15m": (6, 6, 288, 768, 4, 256, 32000, 256, "silu", False, True, 6),
    "smollm2": (30, 9, 576, 1536, 1, 256, 49152, 8192, "silu", False, True, 3),
    "smollm2-lora/f32": (30, 9, 576, 1536, 1, 256, 49152, 8192, "silu", False, True, 3, 8),
    "smollm2-lora/bf16": (30, 9, 576, 1536, 1, 256, 49152, 8192, "silu", False, True, 3, 8),
}


def rank_of(setting):
    """Of adapters; 0: all weights train."""
    return setting[12] if len(setting) > 12 else 0


def pytorch_step(setting, threads):
    """Makes a model of that setting; returns the function that makes one training step of it."""
    import torch
    import torch.nn as nn
    import torch.nn.functional as F

    layers, heads, C, ff, batch, T, V, context, activation, bias, tied = setting[:11]
    llama = len(setting) > 11
    kv_heads = setting[11] if llama else heads
    rank = rank_of(setting)
    d = C // heads
    torch.set_num_threads(threads)
    torch.manual_seed(1)

    activate = {"relu": F.relu, "gelu": F.gelu,
                "gelu-tanh": lambda h: F.gelu(h, approximate="tanh"), "silu": F.silu}[activation]

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(C))
            self.bias = nn.Parameter(torch.zeros(C)) if bias else None

        def forward(self, x):
            if llama:
                return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))
            return F.layer_norm(x, (C,), self.weight, self.bias, 1e-5)

    angles = torch.outer(torch.arange(T), 10000.0 ** (-torch.arange(0, d, 2) / d)).repeat(1, 2)
    cosines, sines = angles.cos(), angles.sin()

    def rotate(x):
        return x * cosines + torch.cat((-x[..., d // 2:], x[..., :d // 2]), -1) * sines

    class Adapted(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base = base
            self.a = nn.Parameter(torch.rand(rank, base.in_features) / 30)
            self.b = nn.Parameter(torch.zeros(base.out_features, rank))

        def forward(self, x):
            return self.base(x) + 2 * F.linear(F.linear(x, self.a), self.b)

    def linear(inputs, outputs):
        base = nn.Linear(inputs, outputs, bias)
        return Adapted(base) if rank else base

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = Norm(), Norm()
            self.c_attn = linear(C, C + 2 * kv_heads * d)
            self.c_proj = linear(C, C)
            self.widen = linear(C, 2 * ff if llama else ff)
            self.narrow = linear(ff, C)

        def forward(self, x, mask):
            B = x.shape[0]
            q, k, v = (t.view(B, T, -1, d).transpose(1, 2) for t in self.c_attn(
                self.ln_1(x)).split((C, kv_heads * d, kv_heads * d), dim=2))
            if llama:
                q, k = rotate(q), rotate(k)
                k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
            scores = q @ k.transpose(-2, -1) / math.sqrt(d) + mask
            o = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(B, T, C)
            x = x + self.c_proj(o)
            h = self.widen(self.ln_2(x))
            if llama:
                gate, up = h.split(ff, dim=2)
                return x + self.narrow(activate(gate) * up)
            return x + self.narrow(activate(h))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = nn.Embedding(V, C)
            self.wpe = None if llama else nn.Embedding(context, C)
            self.blocks, self.ln_f = nn.ModuleList(Block() for _ in range(layers)), Norm()
            self.head = nn.Linear(C, V, bias and not tied)
            if tied:
                self.head.weight = self.wte.weight
            self.register_buffer("mask", torch.triu(torch.full((T, T), -math.inf), 1))

        def forward(self, tokens):
            x = self.wte(tokens)
            if self.wpe is not None:
                x = x + self.wpe.weight[:T]
            for block in self.blocks:
                x = block(x, self.mask)
            return self.head(self.ln_f(x))

    model = Model()
    for module in model.modules():  # as GPT-2: PyTorch's own embeddings drown a softmax in denormals
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not rank or name.endswith((".a", ".b")))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.1)
    inputs, targets = torch.randint(V, (batch, T)), torch.randint(V, (batch, T))

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(inputs).view(-1, V), targets.view(-1)).backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    return step


# Threads of the BLAS and of ATen, and whether OpenMP's spin while they wait.
Way = namedtuple("Way", "blas aten spins")
# What a process measured: ms of a step, its peak MB, and what ran: threads and kernels as the
# libraries say.
Run = namedtuple("Run", "ms peak threads kernels")


def ways(cores):
    all_ways = (Way(1, 1, True), Way(cores, 1, True), Way(cores, cores, True),
                Way(cores, cores, False))
    return all_ways if cores > 1 else all_ways[:1]


def openblas():
    """The OpenBLAS that this process has loaded, under whatever name; None if it has none."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = set(re.findall(r"(/\S*blas\S*\.so\S*)", maps.read()))
    for path in sorted(paths):
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_get_num_threads"):
            library.openblas_get_corename.restype = ctypes.c_char_p
            return library
    return None


def pytorch_child(setting, way):
    """In a process of its own: prints what a step took, and what ran."""
    step = pytorch_step(SETTINGS[setting], way.aten)
    import torch
    times, end = [], time.perf_counter() + 3
    for _ in range(3):
        step()
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    library = openblas()
    blas = library.openblas_get_num_threads() if library else way.blas
    threads = f"BLAS {blas}, ATen {torch.get_num_threads()}"
    if os.environ.get("GOMP_SPINCOUNT") == "0":
        threads += ", no spinning"
    kernels = library.openblas_get_corename().decode() if library else "its own BLAS"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps([statistics.median(times), peak, threads, kernels]))


def run_pytorch(setting, way, kernels):
    decided = ("OPENBLAS_CORETYPE", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")
    environment = {k: v for k, v in os.environ.items() if k not in decided}
    environment["OPENBLAS_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(way.blas)
    environment["OMP_NUM_THREADS"] = str(way.aten)
    if not way.spins:  # GNU's OpenMP, Intel's
        environment["GOMP_SPINCOUNT"] = environment["KMP_BLOCKTIME"] = "0"
    if kernels:
        environment["OPENBLAS_CORETYPE"] = kernels
    child = subprocess.run([sys.executable, __file__, "--pytorch", setting, json.dumps(way)],
                           env=environment, check=True, capture_output=True, text=True)
    return Run(*json.loads(child.stdout))


def fastest_kernels(setting):
    """Which of OpenBLAS's kernels PyTorch should have; "" is OpenBLAS's own choice."""
    trials = [(run_pytorch(setting, Way(1, 1, True), "").ms, "")]
    for kernels in ("Haswell", "Zen", "SkylakeX", "SapphireRapids"):
        try:
            trials.append((run_pytorch(setting, Way(1, 1, True), kernels).ms, kernels))
        except subprocess.CalledProcessError:
            pass  # not for this processor
    return min(trials)[1]


def run_octavo(program, setting, threads):
    """Its run, and its share of the limit of as many cores."""
    output = subprocess.run(
        [program, f"--benchmark_filter=^{setting}/threads:{threads}/", "--benchmark_format=json",
         "--benchmark_min_time=2"], check=True, capture_output=True, text=True).stdout
    result = json.loads(output)["benchmarks"][0]
    return Run(result["real_time"], result["peak_MB"], threads, None), result["of_limit"]


def gigaflop(setting):
    """As nanoGPT counts: 6 per matrix parameter and token, 4 if it is frozen, attention unmasked."""
    layers, heads, C, ff, batch, T, V = setting[:7]
    llama = len(setting) > 11
    kv_width = C // heads * (setting[11] if llama else heads)
    matrices = layers * (2 * C * C + 2 * C * kv_width + (3 if llama else 2) * C * ff) + V * C
    rank = rank_of(setting)
    sides = (3 if llama else 2) * (C + ff) + 4 * C + 2 * (C + kv_width)
    return batch * T * ((4 if rank else 6) * matrices + 6 * rank * layers * sides +
                        12 * layers * T * C) / 1e9


def medians(rounds):
    """Of each way its run with the median time, the fastest first."""
    of_ways = [sorted(runs, key=lambda run: run.ms)[len(runs) // 2] for runs in zip(*rounds)]
    return sorted(of_ways, key=lambda run: run.ms)


def compare(program, name, cores):
    """Prints a row of the table; returns a line on all ways of PyTorch."""
    kernels = fastest_kernels(name)
    pytorch, octavo, shares = [], [], {}
    for _ in range(3):
        pytorch.append([run_pytorch(name, way, kernels) for way in ways(cores)])
        octavo.append([])
        for threads in sorted({1, cores}):
            run, share = run_octavo(program, name, threads)
            octavo[-1].append(run)
            shares.setdefault(threads, []).append(share)
    theirs, ours = medians(pytorch), medians(octavo)[0]
    # Octavo's share is of `ours.threads` cores' limit; both are given as that of all cores.
    share = statistics.median(shares[ours.threads]) * ours.threads / cores
    best = theirs[0]
    print(f"| {name} | {gigaflop(SETTINGS[name]):.4g} | {best.ms:.2f} "
          f"({100 * share * ours.ms / best.ms:.0f}%; {best.threads}; {best.kernels}) | "
          f"{ours.ms:.3f} ({100 * share:.0f}%; {ours.threads}) | {best.ms / ours.ms:.1f}x | "
          f"{best.peak:.0f} / {ours.peak:.0f} |",
          flush=True)
    return f"- {name}: " + "; ".join(f"{run.threads}: {run.ms:.2f}" for run in theirs)


def pytorch_version():
    child = subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"],
                           capture_output=True, text=True)
    if child.returncode == 0:
        return child.stdout.strip()
    reason = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
    sys.exit(f"compare.py: {sys.executable} cannot import PyTorch ({reason}).\n"
             "  hint: install it (Debian: apt install python3-torch libopenblas0-pthread) and run "
             "this by the Python that has it (Debian: /usr/bin/python3)")


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--pytorch":
        return pytorch_child(sys.argv[2], Way(*json.loads(sys.argv[3])))
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("compare.py: expected the program training_step_benchmark, then settings\n"
                 "  hint: cmake --preset release && cmake --build --preset release, then "
                 "python3 benchmarks/compare.py build/release/benchmarks/training_step_benchmark")
    program, names = sys.argv[1], sys.argv[2:] or list(SETTINGS)
    unknown = [name for name in names if name not in SETTINGS]
    if unknown:
        sys.exit(f"compare.py: settings: got {', '.join(unknown)}, expected some of "
                 f"{', '.join(SETTINGS)}")
    cores = os.cpu_count()
    print(f"PyTorch {pytorch_version()}, {platform.machine()}, {cores} cores.\n")
    print("| setting | GFLOP a step | PyTorch ms (share; threads; kernels) | "
          "Octavo ms (share; threads) | ratio | peak MB of PyTorch / Octavo |\n|---|---|---|---|---|---|")
    try:
        details = [compare(program, name, cores) for name in names]
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        sys.exit(f"compare.py: {' '.join(map(str, error.cmd))} failed: {reason}")
    print("\nAll ways of PyTorch, ms, the best first:\n\n" + "\n".join(details))


if __name__ == "__main__":
    main()
