# SPDX-License-Identifier: MIT
"""Makes the fixtures in the folder family: small models of the Llama family by PyTorch, in float64,
from weights that float32 holds exactly. The model is written twice, as operations on whole tensors
and as loops over positions and heads with complex numbers, and both must agree.

    python3 tests/reference/make_family_fixtures.py      (Debian: apt install python3-torch)
"""
import cmath
import json
import math
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
from make_fixtures import adamw_losses, write_safetensors  # noqa: E402

FOLDER = pathlib.Path(__file__).parent / "family"
BATCH = 2

# What a configuration says unless a case says otherwise. The value None stands for what follows
# from the rest, see `configuration`; files have the number.
USUAL = dict(
    vocabulary=19, context=16, layers=2, width=16, heads=2, kv_heads=1, head_width=8, d_ff=20,
    norm="rms", norm_epsilon=1e-5, norm_unit_offset=False, norm_bias=False,
    positions="rotary", rope_base=10000.0,
    rope_local_base=0.0,        # of sliding layers, which are not scaled then; 0: as other layers
    rope_scaling="none", rope_factor=1.0,
    rope_low_factor=1.0, rope_high_factor=4.0,       # llama3
    rope_original_context=0,                         # dynamic, llama3, yarn
    rope_beta_fast=32.0, rope_beta_slow=1.0,         # yarn
    rope_attention_factor=None,                      # multiplies cosines and sines
    rotary_width=None,                               # the first numbers of a head, which rotate
    attention_bias=False,                            # of queries, keys and values
    attention_output_bias=False,
    qk_norm=False,
    window=0,                   # a position sees itself and window - 1 before it; 0: all
    window_pattern=1,           # layer i sees all if pattern > 0 and (i + 1) % pattern == 0
    attention_cap=0.0,          # 0: none
    attention_scale=None,       # multiplies q.k
    arrangement="pre-norm", gated=True, activation="silu", ff_bias=False,
    conv_taps=0,                # of a causal convolution after the norms before the branches; 0: none
    embedding_scale=1.0, tied=False, head_bias=False, head_cap=0.0)

GEMMA = dict(width=12, d_ff=16, norm_epsilon=1e-6, norm_unit_offset=True, activation="gelu-tanh",
             embedding_scale=math.sqrt(12), tied=True)

CASES = {
    "llama_gqa": dict(heads=4, kv_heads=2, head_width=4),
    # Frequencies 1, 0.316, 0.1 and 0.0316: kept, between, divided, divided.
    "smollm_llama3": dict(width=24, heads=3, tied=True, d_ff=16, context=64, rope_base=100.0,
                          rope_scaling="llama3", rope_factor=4.0, rope_original_context=32),
    "wide_heads": dict(heads=4, kv_heads=2),
    "qwen2": dict(norm_epsilon=1e-6, attention_bias=True, rope_base=1e6, tied=True, vocabulary=21,
                  d_ff=22),
    "qwen3": dict(norm_epsilon=1e-6, qk_norm=True, width=12, heads=4, kv_heads=2, head_width=6,
                  rope_base=1e6, tied=True),
    "mistral": dict(heads=4, kv_heads=2, head_width=4, window=4, window_pattern=0),
    "gemma1": dict(GEMMA),
    "gemma2": dict(GEMMA, layers=3, heads=4, kv_heads=2, head_width=4, arrangement="pre-post-norm",
                   window=3, window_pattern=2, attention_cap=2.0, head_cap=3.0,
                   attention_scale=0.4375),
    # Scaled on the layer that sees all only, as in the models of 4B and more.
    "gemma3": dict(GEMMA, layers=7, width=8, d_ff=10, head_width=6, embedding_scale=math.sqrt(8),
                   arrangement="pre-post-norm", qk_norm=True, window=3, window_pattern=6,
                   rope_base=1e6, rope_local_base=1e4, rope_scaling="linear", rope_factor=8.0,
                   attention_scale=0.375),
    # The ramp over the four frequencies is 0, 0, 1/2, 1.
    "yarn": dict(context=256, rope_base=40.0, rope_scaling="yarn", rope_factor=4.0,
                 rope_original_context=64, rope_beta_fast=2.5),
    "linear": dict(rope_scaling="linear", rope_factor=4.0),
    # The sequence is longer than the original context.
    "dynamic": dict(rope_base=100.0, rope_scaling="dynamic", rope_factor=2.0,
                    rope_original_context=8),
    "partial_rotary": dict(rotary_width=6, vocabulary=20),
    "parallel": dict(heads=2, kv_heads=2, norm="layer", norm_bias=True, rotary_width=4,
                     attention_bias=True, attention_output_bias=True, arrangement="parallel",
                     gated=False, activation="gelu-tanh", ff_bias=True, head_bias=True, d_ff=24),
    "convolution": dict(conv_taps=4, qk_norm=True, gated=False, activation="relu2"),
    # Three taps, and one convolution for both branches.
    "parallel_convolution": dict(conv_taps=3, arrangement="parallel", norm="layer", norm_bias=True),
}
SEQUENCE = {"smollm_llama3": 12, "dynamic": 12}  # others: 10
# Of weights and tokens; others: the case's place above. With place 8, float32 loses digits where a
# norm divides by a small number.
SEED = {"gemma3": 11}


def configuration(case, **changes):
    """The case's configuration with all keys; later changes win."""
    c = {**USUAL, **case, **changes}
    assert c.keys() == USUAL.keys(), c.keys() ^ USUAL.keys()
    if c["rotary_width"] is None:
        c["rotary_width"] = c["head_width"]
    if c["attention_scale"] is None:
        c["attention_scale"] = 1 / math.sqrt(c["head_width"])
    if c["rope_attention_factor"] is None:
        yarn = c["rope_scaling"] == "yarn"
        c["rope_attention_factor"] = 0.1 * math.log(c["rope_factor"]) + 1 if yarn else 1.0
    return c


def sees_all(c, layer):
    pattern = c["window_pattern"]
    return c["window"] == 0 or (pattern > 0 and (layer + 1) % pattern == 0)


def parameter_shapes(c):
    """Names and shapes; matrices are [in, out], y = x W + b."""
    C, d, H, G = c["width"], c["head_width"], c["heads"], c["kv_heads"]
    shapes = {}

    def norm(name, width=C, bias=c["norm_bias"]):
        shapes[name + ".weight"] = (width,)
        if bias:
            shapes[name + ".bias"] = (width,)

    def linear(name, rows, columns, bias):
        shapes[name + ".weight"] = (rows, columns)
        if bias:
            shapes[name + ".bias"] = (columns,)

    shapes["embedding.tokens.weight"] = (c["vocabulary"], C)
    if c["positions"] == "learned":
        shapes["embedding.positions.weight"] = (c["context"], C)
    for i in range(c["layers"]):
        block = f"blocks.{i}."
        norm(block + "attention_norm")
        if c["conv_taps"] > 0:
            shapes[block + "attention_convolution.weight"] = (c["conv_taps"], C)
        linear(block + "attention.qkv", C, (H + 2 * G) * d, c["attention_bias"])
        if c["qk_norm"]:
            norm(block + "attention.query_norm", d, False)
            norm(block + "attention.key_norm", d, False)
        linear(block + "attention.output", H * d, C, c["attention_output_bias"])
        if c["arrangement"] == "pre-post-norm":
            norm(block + "attention_post_norm")
        if c["arrangement"] != "parallel":
            norm(block + "feed_forward_norm")
            if c["conv_taps"] > 0:
                shapes[block + "feed_forward_convolution.weight"] = (c["conv_taps"], C)
        if c["gated"]:
            linear(block + "feed_forward.gate_up", C, 2 * c["d_ff"], c["ff_bias"])
        else:
            linear(block + "feed_forward.up", C, c["d_ff"], c["ff_bias"])
        linear(block + "feed_forward.down", c["d_ff"], C, c["ff_bias"])
        if c["arrangement"] == "pre-post-norm":
            norm(block + "feed_forward_post_norm")
    norm("final_norm")
    if not c["tied"]:
        linear("head", c["vocabulary"], C, False)
    if c["head_bias"]:
        shapes["head.bias"] = (c["vocabulary"],)
    return shapes


def make_weights(c, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in parameter_shapes(c).items():
        draw = 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith("norm.weight") and not c["norm_unit_offset"]:
            draw = 1 + draw
        weights[name] = draw.float().double().requires_grad_()  # exact in float32
    return weights


# --- The model as operations on whole tensors -----------------------------------------------------

def frequencies(c, length, all_visible):
    """Angles per position, float64 [rotary_width / 2], and what multiplies cosines and sines."""
    d = c["rotary_width"]
    local = not all_visible and c["rope_local_base"] > 0
    scaling = "none" if local else c["rope_scaling"]
    base = c["rope_local_base"] if local else c["rope_base"]
    factor, original = c["rope_factor"], c["rope_original_context"]
    if scaling == "dynamic" and length > original:
        base *= (factor * length / original - (factor - 1)) ** (d / (d - 2))
    f = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    if scaling == "linear":
        f = f / factor
    elif scaling == "llama3":
        low, high = c["rope_low_factor"], c["rope_high_factor"]
        keep = (original * f / (2 * math.pi) - low) / (high - low)
        keep = keep.clamp(0, 1)  # wavelength > original / low: 0; < original / high: 1
        f = (1 - keep) * f / factor + keep * f
    elif scaling == "yarn":
        def corrected(rotations):
            return d * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(base))
        first = max(math.floor(corrected(c["rope_beta_fast"])), 0)
        last = min(math.ceil(corrected(c["rope_beta_slow"])), d - 1)
        width = last - first if last != first else 0.001
        ramp = ((torch.arange(d // 2, dtype=torch.float64) - first) / width).clamp(0, 1)
        f = f / factor * ramp + f * (1 - ramp)
    return f, 1.0 if local else c["rope_attention_factor"]


def rotate(c, x, all_visible):
    """x [..., length, head_width]; pairs are (i, i + rotary_width / 2)."""
    length, d = x.shape[-2], c["rotary_width"]
    f, factor = frequencies(c, length, all_visible)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * f
    cosine, sine = angles.cos() * factor, angles.sin() * factor
    a, b, rest = x[..., :d // 2], x[..., d // 2:d], x[..., d:]
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine, rest], dim=-1)


def activate(c, x):
    return {"relu": F.relu, "gelu": F.gelu, "silu": F.silu,
            "gelu-tanh": lambda h: F.gelu(h, approximate="tanh"),
            "relu2": lambda h: F.relu(h) ** 2}[c["activation"]](x)


def capped(cap, x):
    return cap * torch.tanh(x / cap) if cap > 0 else x


def forward(c, w, tokens):
    """Logits [batch, length, vocabulary]."""
    batch, length = tokens.shape
    d, H, G = c["head_width"], c["heads"], c["kv_heads"]

    def norm(name, x, rms=c["norm"] == "rms"):
        gain = w[name + ".weight"] + (1 if c["norm_unit_offset"] else 0)
        if not rms:
            return F.layer_norm(x, x.shape[-1:], gain, w.get(name + ".bias"), c["norm_epsilon"])
        y = gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["norm_epsilon"])
        return y + w[name + ".bias"] if name + ".bias" in w else y

    def linear(name, x):
        y = x @ w[name + ".weight"]
        return y + w[name + ".bias"] if name + ".bias" in w else y

    def convolution(name, x):
        if c["conv_taps"] == 0:
            return x
        kernel = w[name + ".weight"].T.flip(1)[:, None]  # [width, 1, taps], the newest last
        before = F.pad(x.transpose(1, 2), (c["conv_taps"] - 1, 0))
        return x + F.conv1d(before, kernel, groups=c["width"]).transpose(1, 2)

    def attention(name, x, all_visible):
        q, k, v = linear(name + ".qkv", x).split([H * d, G * d, G * d], dim=-1)
        q, k, v = (t.view(batch, length, -1, d).transpose(1, 2) for t in (q, k, v))
        if c["qk_norm"]:
            q = norm(name + ".query_norm", q, rms=True)
            k = norm(name + ".key_norm", k, rms=True)
        if c["positions"] == "rotary":
            q, k = rotate(c, q, all_visible), rotate(c, k, all_visible)
        k, v = (t.repeat_interleave(H // G, dim=1) for t in (k, v))
        scores = capped(c["attention_cap"], c["attention_scale"] * (q @ k.transpose(-1, -2)))
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        if not all_visible:
            hidden |= torch.ones(length, length, dtype=torch.bool).tril(-c["window"])
        p = F.softmax(scores.masked_fill(hidden, -math.inf), dim=-1)
        return linear(name + ".output", (p @ v).transpose(1, 2).reshape(batch, length, H * d))

    def feed_forward(name, x):
        if c["gated"]:
            gate, up = linear(name + ".gate_up", x).chunk(2, dim=-1)
            return linear(name + ".down", activate(c, gate) * up)
        return linear(name + ".down", activate(c, linear(name + ".up", x)))

    x = w["embedding.tokens.weight"][tokens] * c["embedding_scale"]
    if c["positions"] == "learned":
        x = x + w["embedding.positions.weight"][:length]
    for i in range(c["layers"]):
        block = f"blocks.{i}."
        h = convolution(block + "attention_convolution", norm(block + "attention_norm", x))
        a = attention(block + "attention", h, sees_all(c, i))
        if c["arrangement"] == "parallel":
            x = x + a + feed_forward(block + "feed_forward", h)
            continue
        post = c["arrangement"] == "pre-post-norm"
        x = x + (norm(block + "attention_post_norm", a) if post else a)
        h = convolution(block + "feed_forward_convolution", norm(block + "feed_forward_norm", x))
        f = feed_forward(block + "feed_forward", h)
        x = x + (norm(block + "feed_forward_post_norm", f) if post else f)
    x = norm("final_norm", x)
    logits = x @ w["embedding.tokens.weight" if c["tied"] else "head.weight"].T
    if c["head_bias"]:
        logits = logits + w["head.bias"]
    return capped(c["head_cap"], logits)


def loss_of(c, w, inputs, targets):
    return F.cross_entropy(forward(c, w, inputs).flatten(0, 1), targets.flatten())


# --- The same for one sequence, position by position and head by head -----------------------------

def frequency_of_pair(c, i, length, all_visible):
    """One frequency in plain numbers."""
    d, o, s = c["rotary_width"], c["rope_original_context"], c["rope_factor"]
    if not all_visible and c["rope_local_base"] > 0:
        return 1 / c["rope_local_base"] ** (2 * i / d)
    base = c["rope_base"]
    if c["rope_scaling"] == "dynamic":
        ratio = max(length, o) / o
        base = base * (s * ratio - s + 1) ** (d / (d - 2))
    f = 1 / base ** (2 * i / d)
    if c["rope_scaling"] == "linear":
        return f / s
    if c["rope_scaling"] == "llama3":
        wavelength = 2 * math.pi / f
        if wavelength < o / c["rope_high_factor"]:
            return f
        if wavelength > o / c["rope_low_factor"]:
            return f / s
        smooth = ((o / wavelength - c["rope_low_factor"]) /
                  (c["rope_high_factor"] - c["rope_low_factor"]))
        return f * (smooth + (1 - smooth) / s)
    if c["rope_scaling"] == "yarn":
        # The pair that turns r times within the original context has index
        # log(o / (2 pi r)) / log(base) * d / 2.
        low = math.log(o / (2 * math.pi * c["rope_beta_fast"]), base) * d / 2
        high = math.log(o / (2 * math.pi * c["rope_beta_slow"]), base) * d / 2
        low, high = max(0, math.floor(low)), min(d - 1, math.ceil(high))
        if i <= low:
            return f
        return f / s if i >= high else f * (1 + (i - low) / (high - low) * (1 / s - 1))
    return f


def forward_by_loops(c, w, tokens):
    """Logits [length, vocabulary] of one sequence, without torch.nn and without products of
    matrices. Queries and keys are complex numbers where they rotate."""
    d, H, G, half = c["head_width"], c["heads"], c["kv_heads"], c["rotary_width"] // 2
    length = len(tokens)

    def norm(name, x, rms=c["norm"] == "rms"):
        centered = x if rms else x - x.sum() / len(x)
        y = centered / torch.sqrt((centered * centered).sum() / len(x) + c["norm_epsilon"])
        y = y * w[name + ".weight"] + (y if c["norm_unit_offset"] else 0)
        return y + w[name + ".bias"] if name + ".bias" in w else y

    def linear(name, x, columns=slice(None)):
        y = (x[:, None] * w[name + ".weight"][:, columns]).sum(0)
        return y + w[name + ".bias"][columns] if name + ".bias" in w else y

    def activation(x):
        if c["activation"] == "silu":
            return x / (1 + torch.exp(-x))
        if c["activation"] == "gelu-tanh":  # (1 + tanh u) / 2 = 1 / (1 + exp(-2u))
            return x / (1 + torch.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
        if c["activation"] == "gelu":
            return x * (1 + torch.erf(x / math.sqrt(2))) / 2
        return torch.where(x > 0, x if c["activation"] == "relu" else x * x, torch.zeros_like(x))

    def cap(limit, x):  # tanh u = 1 - 2 / (exp(2u) + 1)
        return limit - 2 * limit / (torch.exp(2 * x / limit) + 1) if limit > 0 else x

    def head(name, x, first, norm_name, position, layer):
        """A query or key: complex numbers that rotate, real ones that do not."""
        t = linear(name + ".qkv", x, slice(first * d, (first + 1) * d))
        if c["qk_norm"]:
            t = norm(f"{name}.{norm_name}", t, rms=True)
        if c["positions"] == "learned":
            return t[:0], t
        local = not sees_all(c, layer) and c["rope_local_base"] > 0
        turns = torch.tensor([
            cmath.rect(1.0 if local else c["rope_attention_factor"],
                       position * frequency_of_pair(c, i, length, sees_all(c, layer)))
            for i in range(half)], dtype=torch.complex128)
        return torch.complex(t[:half], t[half:2 * half]) * turns, t[2 * half:]

    def product(q, k):
        """q.k is the real part of q times the conjugate of k."""
        return (q[0] * k[0].conj()).sum().real + (q[1] * k[1]).sum()

    def attention(name, stream, layer):
        queries = [[head(name, x, h, "query_norm", i, layer) for h in range(H)]
                   for i, x in enumerate(stream)]
        keys = [[head(name, x, H + g, "key_norm", i, layer) for g in range(G)]
                for i, x in enumerate(stream)]
        values = [[linear(name + ".qkv", x, slice((H + G + g) * d, (H + G + g + 1) * d))
                   for g in range(G)] for x in stream]
        for i in range(length):
            first = 0 if sees_all(c, layer) else max(0, i - c["window"] + 1)
            heads = []
            for h in range(H):
                g = h // (H // G)
                e = [torch.exp(cap(c["attention_cap"],
                                   product(queries[i][h], keys[j][g]) * c["attention_scale"]))
                     for j in range(first, i + 1)]
                heads.append(sum(e[j - first] * values[j][g] for j in range(first, i + 1)) / sum(e))
            yield linear(name + ".output", torch.cat(heads))

    def feed_forward(name, x):
        if not c["gated"]:
            return linear(name + ".down", activation(linear(name + ".up", x)))
        gate = linear(name + ".gate_up", x, slice(0, c["d_ff"]))
        return linear(name + ".down",
                      activation(gate) * linear(name + ".gate_up", x, slice(c["d_ff"], None)))

    def convolution(name, rows):
        if c["conv_taps"] == 0:
            return rows
        return [sum((w[name + ".weight"][k] * rows[i - k]
                     for k in range(c["conv_taps"]) if k <= i), rows[i]) for i in range(length)]

    table = w["embedding.tokens.weight"]
    stream = [c["embedding_scale"] * table[t] for t in tokens]
    if c["positions"] == "learned":
        stream = [x + w["embedding.positions.weight"][i] for i, x in enumerate(stream)]
    for layer in range(c["layers"]):
        block = f"blocks.{layer}."
        inner = convolution(block + "attention_convolution",
                            [norm(block + "attention_norm", x) for x in stream])
        attended = list(attention(block + "attention", inner, layer))
        if c["arrangement"] == "parallel":
            stream = [x + (a + feed_forward(block + "feed_forward", h))
                      for x, a, h in zip(stream, attended, inner)]
            continue
        post = c["arrangement"] == "pre-post-norm"
        stream = [x + (norm(block + "attention_post_norm", a) if post else a)
                  for x, a in zip(stream, attended)]
        inner = convolution(block + "feed_forward_convolution",
                            [norm(block + "feed_forward_norm", x) for x in stream])
        fed = [feed_forward(block + "feed_forward", h) for h in inner]
        stream = [x + (norm(block + "feed_forward_post_norm", f) if post else f)
                  for x, f in zip(stream, fed)]
    rows = table if c["tied"] else w["head.weight"]
    logits = torch.stack([(rows * norm("final_norm", x)).sum(1) for x in stream])
    return cap(c["head_cap"], logits + w["head.bias"] if c["head_bias"] else logits)


# --- Muon -----------------------------------------------------------------------------------------

# Polar Express, of singular values down to 0.001: arXiv 2505.16932.
POLYNOMIALS = [(8.28721201814563, -23.595886519098837, 17.300387312530933),
               (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
               (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
               (3.3184196573706015, -2.488488024314874, 0.51004894012372)]


def orthogonalized(x):
    x = x / (1.01 * x.norm())
    for a, b, d in POLYNOMIALS:
        gram = x @ x.T
        x = a * x + (b * gram + d * gram @ gram) @ x
    return x


def muon_losses(c, w, compute_loss):
    """Losses before each of ten steps of Muon on the same batch; AdamW for all but linear maps."""
    kv = c["kv_heads"] * c["head_width"]
    parts = {"attention.qkv": [c["heads"] * c["head_width"], kv, kv], "gate_up": [c["d_ff"]] * 2}
    maps, others = [], []
    for name, p in w.items():
        if p.dim() < 2 or name.endswith("convolution.weight") or name in ("embedding.tokens.weight", "embedding.positions.weight",
                                   "head.weight"):
            others.append(p)
            continue
        widths = next((v for k, v in parts.items() if k in name), [p.shape[1]])
        maps.append((p, widths, torch.zeros_like(p)))
    adamw = torch.optim.AdamW([{"params": [p for p in others if p.dim() >= 2], "weight_decay": 0.1},
                               {"params": [p for p in others if p.dim() < 2], "weight_decay": 0.0}],
                              lr=4e-4, betas=(0.9, 0.99), eps=1e-8)
    losses = []
    for _ in range(10):
        for p in w.values():
            p.grad = None
        loss = compute_loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(w.values()), 1.0)
        adamw.step()
        with torch.no_grad():
            for p, widths, moment in maps:
                moment.lerp_(p.grad, 1 - 0.95)
                direction = p.grad.lerp(moment, 0.95)
                for part, update in zip(p.split(widths, 1), direction.split(widths, 1)):
                    size = math.sqrt(max(1, part.shape[1] / part.shape[0]))
                    part -= 4 * 4e-4 * size * orthogonalized(update)
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


# --- Checks ---------------------------------------------------------------------------------------

def apart(a, b):
    return (a - b).abs().max().item()


def check_parts():
    """What must hold for rotations, groups of heads and windows whatever the weights are."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 10, 8, generator=generator, dtype=torch.float64)
    for case in CASES.values():
        c = configuration(case, head_width=8, rotary_width=case.get("rotary_width", 8))
        for all_visible in (False, True):
            y = rotate(c, x, all_visible)
            factor = frequencies(c, 10, all_visible)[1]
            d = c["rotary_width"]
            assert torch.equal(y[..., 0, :d], factor * x[..., 0, :d])  # position 0: the identity
            assert torch.equal(y[..., d:], x[..., d:])
            assert apart(y[..., :d].norm(dim=-1), factor * x[..., :d].norm(dim=-1)) < 1e-14
            # The same query and key: q.k depends on the distance only.
            same = rotate(c, x[:, :1].expand(-1, 10, -1), all_visible)
            scores = same[0] @ same[1].T
            assert apart(scores[1:, 1:], scores[:-1, :-1]) < 1e-13

    tokens = torch.randint(19, (2, 10), generator=generator)
    c = configuration(CASES["llama_gqa"])
    w = make_weights(c, 5)
    logits = forward(c, w, tokens)
    # A window of the whole sequence is none; one shorter by one is not.
    assert torch.equal(logits, forward({**c, "window": 10, "window_pattern": 0}, w, tokens))
    assert not torch.equal(logits, forward({**c, "window": 9, "window_pattern": 0}, w, tokens))
    # Shared keys and values are copies of them for every head.
    q, k, v = ([h for h in part.split(4)] for part in torch.arange(32).split([16, 8, 8]))
    columns = torch.cat(q + [k[0], k[0], k[1], k[1]] + [v[0], v[0], v[1], v[1]])
    copies = {n: t[:, columns] if n.endswith("qkv.weight") else t for n, t in w.items()}
    assert apart(logits, forward({**c, "kv_heads": 4}, copies, tokens)) < 1e-13
    # The future does not change the past.
    changed = tokens.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 19
    assert torch.equal(forward(c, w, changed)[:, :7], logits[:, :7])
    assert apart(forward(c, w, changed)[:, 7], logits[:, 7]) > 1e-3


def check_branches():
    """The branches that the cases are made for do occur."""
    full = {name: [sees_all(configuration(CASES[name]), i) for i in range(7)]
            for name in ("llama_gqa", "mistral", "gemma2", "gemma3")}
    assert all(full["llama_gqa"]) and not any(full["mistral"])
    assert full["gemma2"] == [False, True, False, True, False, True, False]
    assert full["gemma3"] == [False] * 5 + [True, False]
    c = configuration(CASES["smollm_llama3"])
    plain = frequencies({**c, "rope_scaling": "none"}, 12, True)[0]
    ratio = frequencies(c, 12, True)[0] / plain
    assert ratio[0] == 1 and 0.25 < ratio[1] < 1 and apart(ratio[2:], torch.tensor(0.25)) < 1e-15
    c = configuration(CASES["yarn"])
    plain = frequencies({**c, "rope_scaling": "none"}, 10, True)[0]
    ratio = frequencies(c, 10, True)[0] / plain
    assert apart(ratio, torch.tensor([1, 1, 0.625, 0.25], dtype=torch.float64)) < 1e-15
    c = configuration(CASES["dynamic"])
    plain = {**c, "rope_scaling": "none"}
    assert torch.equal(frequencies(c, 8, True)[0], frequencies(plain, 8, True)[0])
    assert apart(frequencies(c, 12, True)[0], frequencies(plain, 12, True)[0]) > 1e-2


def check_against_gpt2_fixtures():
    """A configuration without anything of the Llama family gives the logits of make_fixtures.py."""
    names = [("transformer.", ""), ("h.", "blocks."), ("wte.", "embedding.tokens."),
             ("wpe.", "embedding.positions."), ("ln_1.", "attention_norm."),
             ("ln_2.", "feed_forward_norm."), ("attn.c_attn", "attention.qkv"),
             ("attn.c_proj", "attention.output"), ("mlp.c_fc", "feed_forward.up"),
             ("mlp.c_proj", "feed_forward.down"), ("ln_f.", "final_norm."), ("lm_head", "head")]
    for file in ("relu_bias_untied", "gelu_nobias_tied"):
        raw = (FOLDER.parent / (file + ".safetensors")).read_bytes()
        end = 8 + struct.unpack("<Q", raw[:8])[0]
        header, tensors = json.loads(raw[8:end]), {}
        said = header.pop("__metadata__")
        for name, entry in header.items():
            kind = {"F64": torch.float64, "F32": torch.float32, "I32": torch.int32}[entry["dtype"]]
            begin, stop = (end + offset for offset in entry["data_offsets"])
            tensor = torch.frombuffer(bytearray(raw[begin:stop]), dtype=kind)
            for old, new in names:
                name = name.replace(old, new)
            tensors[name] = tensor.reshape(entry["shape"])
        bias, heads = said["bias"] == "True", int(said["heads"])
        sizes = {k: int(said[k]) for k in ("layers", "width", "d_ff", "context", "vocabulary")}
        c = configuration(dict(
            sizes, heads=heads, kv_heads=heads, head_width=sizes["width"] // heads, norm="layer",
            norm_bias=bias, positions="learned", attention_bias=bias, attention_output_bias=bias,
            gated=False, activation=said["activation"], ff_bias=bias, tied=said["tied"] == "True",
            head_bias=bias))
        w = {n: tensors[n].double() for n in parameter_shapes(c)}
        assert apart(forward(c, w, tensors["inputs"].long()), tensors["logits"]) < 1e-12


def check_keys(c, w, inputs, logits):
    """Whoever ignores a key of this case, or takes the usual value for it, is seen."""
    ignored = {key: USUAL[key] for key in USUAL
               if key not in ("vocabulary", "context", "layers", "width", "d_ff", "heads",
                              "kv_heads", "head_width", "norm_epsilon", "rope_attention_factor",
                              "rotary_width", "attention_scale", "tied", "gated", "arrangement",
                              "attention_bias", "attention_output_bias", "ff_bias", "norm_bias",
                              "head_bias", "conv_taps")
               and c[key] != USUAL[key]}
    ignored.update({"rotary_width": c["head_width"], "rope_attention_factor": 1.0,
                    "attention_scale": 1 / math.sqrt(c["head_width"])})
    if c["rope_original_context"] > 0:
        ignored["rope_original_context"] = c["context"]
    if c["arrangement"] == "pre-post-norm":
        ignored["arrangement"] = "pre-norm"
    for key, value in ignored.items():
        if c[key] == value:
            continue
        difference = apart(forward({**c, key: value}, w, inputs), logits)
        assert difference > 1e-3, (key, value, difference)
    difference = apart(forward({**c, "norm_epsilon": 2 * c["norm_epsilon"]}, w, inputs), logits)
    assert difference > 1e-8, ("norm_epsilon", difference)
    for name, tensor in w.items():
        # Each number counts, except those of tokens that the batch lacks, and biases of keys that
        # do not rotate: they add the same to all scores of a query.
        size = tensor.grad.abs()
        free = name == "embedding.tokens.weight" or (
            name.endswith("qkv.bias") and c["rotary_width"] < c["head_width"])
        assert size.max() > 1e-3 and (free or size.min() > 1e-9), (name, size.min(), size.max())


def check_gradients(c, w, inputs, targets, every):
    """Central differences: of a random direction, or of every number."""
    names = list(w)
    values = [p.detach().clone().requires_grad_() for p in w.values()]
    assert torch.autograd.gradcheck(
        lambda *tensors: loss_of(c, dict(zip(names, tensors)), inputs, targets), values,
        eps=1e-6, atol=1e-7, rtol=1e-5, fast_mode=not every)


def text(value):
    """As Octavo's files have it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def main():
    torch.set_num_threads(1)
    check_parts()
    check_branches()
    check_against_gpt2_fixtures()
    FOLDER.mkdir(exist_ok=True)
    total = 0
    for place, (name, case) in enumerate(CASES.items()):
        c, seed = configuration(case), SEED.get(name, place)
        generator = torch.Generator().manual_seed(100 + seed)
        tokens = torch.randint(c["vocabulary"], (BATCH, SEQUENCE.get(name, 10) + 1),
                               generator=generator)
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        w = make_weights(c, seed)
        logits = forward(c, w, inputs)
        loss = loss_of(c, w, inputs, targets)
        loss.backward()

        again = {n: p.detach().clone().requires_grad_() for n, p in w.items()}
        looped = torch.stack([forward_by_loops(c, again, sequence) for sequence in inputs])
        picked = torch.log_softmax(looped, -1).gather(-1, targets[..., None])
        (-picked.sum() / targets.numel()).backward()
        worst = apart(looped, logits)
        worst_gradient = max(apart(again[n].grad, p.grad) for n, p in w.items())
        assert worst < 1e-12 and worst_gradient < 1e-12, (name, worst, worst_gradient)
        check_keys(c, w, inputs, logits)
        check_gradients(c, w, inputs, targets, every=name == "gemma2")

        tensors = {n: p.detach().clone() for n, p in w.items()}
        tensors.update({"gradient." + n: p.grad.clone() for n, p in w.items()})
        norm = math.sqrt(sum((p.grad ** 2).sum().item() for p in w.values()))
        tensors.update({"inputs": inputs.int(), "targets": targets.int(), "logits": logits.detach(),
                        "loss": loss.detach().reshape(1),
                        "muon_losses": muon_losses(c, again, lambda: loss_of(c, again, inputs,
                                                                             targets)),
                        "adamw_losses": adamw_losses(w, lambda: loss_of(c, w, inputs, targets))})
        metadata = {k: text(v) for k, v in c.items() if k != "conv_taps" or v > 0}
        metadata.update({"format": "pt", "torch": torch.__version__, "seed": str(seed)})
        path = FOLDER / (name + ".safetensors")
        write_safetensors(path, tensors, metadata)
        total += path.stat().st_size
        print(f"{path.name:30}{path.stat().st_size:7} bytes, loss {loss.item():.4f}, to "
              f"{tensors['adamw_losses'][-1]:.4f}, gradient {norm:.3f}, by loops {worst:.0e} "
              f"{worst_gradient:.0e}")
    print(total, "bytes")


if __name__ == "__main__":
    main()
