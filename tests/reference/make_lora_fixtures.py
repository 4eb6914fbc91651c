# SPDX-License-Identifier: MIT
"""Makes the fixtures in the folder lora: a small Llama and a small GPT-2 whose low-rank adapters
train, by PyTorch, in float64, from weights that float32 holds exactly. Adapters follow PEFT:
y = x W + b + scaling * lora_B(lora_A(x)), A [rank, in] from kaiming_uniform_(a = sqrt(5)), B [out,
rank] 0, scaling alpha / rank, or alpha / sqrt(rank) with use_rslora.

    python3 tests/reference/make_lora_fixtures.py      (Debian: apt install python3-torch)
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
from make_fixtures import write_safetensors  # noqa: E402

FOLDER = pathlib.Path(__file__).parent / "lora"
BATCH, LENGTH, LAYERS, RATE, STEPS = 2, 12, 2, 5e-3, 20
LLAMA = dict(vocabulary=19, context=16, layers=LAYERS, width=16, heads=4, kv_heads=2, head_width=4,
             d_ff=20, norm="rms", norm_epsilon=1e-5, norm_unit_offset=False, norm_bias=False,
             positions="rotary", rope_base=10000.0, attention_bias=False,
             attention_output_bias=False, gated=True, activation="silu", ff_bias=False, tied=True,
             head_bias=False)
GPT2 = dict(vocabulary=21, context=14, layers=LAYERS, width=12, heads=3, kv_heads=3, head_width=4,
            d_ff=24, norm="layer", norm_epsilon=1e-5, norm_unit_offset=False, norm_bias=True,
            positions="learned", rope_base=10000.0, attention_bias=True,
            attention_output_bias=True, gated=False, activation="gelu-tanh", ff_bias=True,
            tied=True, head_bias=False)
NAMES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
CASES = {
    "llama": (LLAMA, dict(lora_rank=4, lora_alpha=8.0, lora_rank_stable=False, lora_targets="")),
    "llama_qv": (LLAMA, dict(lora_rank=2, lora_alpha=16.0, lora_rank_stable=False,
                             lora_targets="q_proj,v_proj")),
    "gpt2": (GPT2, dict(lora_rank=3, lora_alpha=5.0, lora_rank_stable=True, lora_targets="")),
}


class Lora(torch.nn.Module):
    """A frozen linear layer with an adapter, or without one."""

    def __init__(self, rows, columns, bias, lora, draw):
        super().__init__()
        self.weight, self.bias = draw(columns, rows), draw(columns) if bias else None
        self.lora_A = self.lora_B = None
        if lora is None:
            return
        rank, alpha = lora["lora_rank"], lora["lora_alpha"]
        self.scaling = alpha / (math.sqrt(rank) if lora["lora_rank_stable"] else rank)
        A = torch.empty(rank, rows)
        torch.nn.init.kaiming_uniform_(A, a=math.sqrt(5))
        self.lora_A = torch.nn.Parameter(A.double())
        self.lora_B = torch.nn.Parameter(torch.zeros(columns, rank, dtype=torch.float64))

    def forward(self, x):
        y = F.linear(x, self.weight, self.bias)
        if self.lora_A is None:
            return y
        return y + F.linear(F.linear(x, self.lora_A), self.lora_B) * self.scaling


class Block(torch.nn.Module):
    def __init__(self, c, lora, draw):
        super().__init__()
        self.c = c
        C, d_ff = c["width"], c["d_ff"]
        Q, K = c["heads"] * c["head_width"], c["kv_heads"] * c["head_width"]
        shapes = {"q_proj": (C, Q), "k_proj": (C, K), "v_proj": (C, K), "o_proj": (Q, C),
                  "gate_proj": (C, d_ff), "up_proj": (C, d_ff), "down_proj": (d_ff, C)}
        targets = lora["lora_targets"].split(",") if lora["lora_targets"] else NAMES
        for name, (rows, columns) in shapes.items():
            if name == "gate_proj" and not c["gated"]:
                continue
            bias = c["ff_bias"] if d_ff in (rows, columns) else c["attention_bias"]
            adapter = lora if name in targets else None
            self.add_module(name, Lora(rows, columns, bias, adapter, draw))
        self.norms = [(1 + draw(C), draw(C) if c["norm_bias"] else None) for _ in range(2)]

    def forward(self, x):
        x = x + self.attention(normalized(self.c, x, *self.norms[0]))
        h = normalized(self.c, x, *self.norms[1])
        if self.c["gated"]:
            return x + self.down_proj(F.silu(self.gate_proj(h)) * self.up_proj(h))
        return x + self.down_proj(F.gelu(self.up_proj(h), approximate="tanh"))

    def attention(self, x):
        d, length = self.c["head_width"], x.shape[1]
        q, k, v = (m(x).view(x.shape[0], length, -1, d).transpose(1, 2)
                   for m in (self.q_proj, self.k_proj, self.v_proj))
        if self.c["positions"] == "rotary":
            angles = (torch.arange(length, dtype=torch.float64)[:, None] *
                      self.c["rope_base"] ** (-torch.arange(0, d, 2, dtype=torch.float64) / d))
            q, k = (torch.cat([t[..., :d // 2] * angles.cos() - t[..., d // 2:] * angles.sin(),
                               t[..., d // 2:] * angles.cos() + t[..., :d // 2] * angles.sin()], -1)
                    for t in (q, k))
        k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(d)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        y = F.softmax(scores.masked_fill(later, -math.inf), dim=-1) @ v
        return self.o_proj(y.transpose(1, 2).flatten(2))


def normalized(c, x, gain, bias):
    if c["norm"] == "layer":
        return F.layer_norm(x, x.shape[-1:], gain, bias, c["norm_epsilon"])
    return gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["norm_epsilon"])


class Model(torch.nn.Module):
    def __init__(self, c, lora, draw):
        super().__init__()
        self.c = c
        self.tokens = draw(c["vocabulary"], c["width"])
        self.positions = draw(c["context"], c["width"]) if c["positions"] == "learned" else None
        self.blocks = torch.nn.ModuleList(Block(c, lora, draw) for _ in range(LAYERS))
        self.norm = (1 + draw(c["width"]), draw(c["width"]) if c["norm_bias"] else None)

    def forward(self, tokens):
        x = self.tokens[tokens]
        if self.positions is not None:
            x = x + self.positions[:tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return normalized(self.c, x, *self.norm) @ self.tokens.T


def tensors_of(model):
    """In the library's names and shapes, [in, out], maps of one matrix side by side."""
    result = {"embedding.tokens.weight": model.tokens}
    if model.positions is not None:
        result["embedding.positions.weight"] = model.positions

    def put(name, gain_and_bias):
        result[name + ".weight"] = gain_and_bias[0]
        if gain_and_bias[1] is not None:
            result[name + ".bias"] = gain_and_bias[1]

    for i, block in enumerate(model.blocks):
        start = f"blocks.{i}."
        put(start + "attention_norm", block.norms[0])
        put(start + "feed_forward_norm", block.norms[1])
        wide = ("gate_proj", "up_proj") if model.c["gated"] else ("up_proj",)
        wide_name = "feed_forward.gate_up" if model.c["gated"] else "feed_forward.up"
        for name, maps in (("attention.qkv", ("q_proj", "k_proj", "v_proj")),
                           ("attention.output", ("o_proj",)), (wide_name, wide),
                           ("feed_forward.down", ("down_proj",))):
            maps = [getattr(block, one) for one in maps]
            biases = [m.bias for m in maps if m.bias is not None]
            put(start + name, (torch.cat([m.weight.T for m in maps], 1),
                               torch.cat(biases) if biases else None))
            adapters = [m for m in maps if m.lora_A is not None]
            if adapters:
                result[start + name + ".lora_a"] = torch.cat([m.lora_A.T for m in adapters], 1)
                result[start + name + ".lora_b"] = torch.cat([m.lora_B.T for m in adapters], 1)
    put("final_norm", model.norm)
    return {name: tensor.detach().clone().contiguous() for name, tensor in result.items()}


def text(value):
    return str(int(value)) if isinstance(value, bool) else str(value)


def make(name, c, lora, seed):
    torch.manual_seed(seed)
    model = Model(c, lora, lambda *shape: (0.3 * torch.randn(*shape)).float().double())
    tokens = torch.randint(c["vocabulary"], (BATCH, LENGTH + 1))
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    tensors = {k: v.float() for k, v in tensors_of(model).items()}
    assert all((tensors[k].double() - v).abs().max() < 1e-7 for k, v in tensors_of(model).items())
    for norm in [n for b in model.blocks for n in b.norms] + [model.norm]:
        norm[0].data = norm[0].float().double()  # 1 + draw, as it is in the file
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.99), eps=1e-8,
                                  weight_decay=0.1)
    losses = []
    for _ in range(STEPS):
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    tensors["inputs"], tensors["targets"] = inputs.int(), targets.int()
    tensors["adamw_losses"] = torch.tensor(losses, dtype=torch.float64)
    tensors["logits_after"] = model(inputs).detach()
    for tensor, value in tensors_of(model).items():
        if "lora_" in tensor:
            tensors["after." + tensor] = value
    write_safetensors(FOLDER / f"{name}.safetensors", tensors,
                      {k: text(v) for k, v in {**c, **lora}.items()})
    print(f"{name}: loss {losses[0]:.6f} to {losses[-1]:.6f}")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for seed, (name, (c, lora)) in enumerate(CASES.items()):
        make(name, c, lora, seed + 1)
