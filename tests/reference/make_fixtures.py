# SPDX-License-Identifier: MIT
"""Makes the fixtures beside this file: a small GPT by PyTorch, in float64, from weights that float32
holds exactly. The model is written twice, with torch.nn.functional and as plain loops over heads and
positions, and both must agree.

    python3 tests/reference/make_fixtures.py      (Debian: apt install python3-torch)
"""
import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent
CONFIGURATIONS = {
    "relu_bias_untied": dict(layers=2, heads=2, width=16, d_ff=32, context=16, vocabulary=19,
                             activation="relu", bias=True, tied=False, ignored=True),
    "gelu_nobias_tied": dict(layers=2, heads=4, width=24, d_ff=48, context=16, vocabulary=19,
                             activation="gelu", bias=False, tied=True, ignored=False),
}
BATCH, SEQUENCE = 2, 12
IGNORED = -1


def parameter_shapes(c):
    """Names and shapes as in the GPT-2 files of Hugging Face: matrices are [in, out]."""
    C, shapes = c["width"], {}

    def norm(name):
        shapes[name + ".weight"] = (C,)
        if c["bias"]:
            shapes[name + ".bias"] = (C,)

    def linear(name, rows, columns):
        shapes[name + ".weight"] = (rows, columns)
        if c["bias"]:
            shapes[name + ".bias"] = (columns,)

    shapes["transformer.wte.weight"] = (c["vocabulary"], C)
    shapes["transformer.wpe.weight"] = (c["context"], C)
    for i in range(c["layers"]):
        block = f"transformer.h.{i}"
        norm(block + ".ln_1")
        linear(block + ".attn.c_attn", C, 3 * C)
        linear(block + ".attn.c_proj", C, C)
        norm(block + ".ln_2")
        linear(block + ".mlp.c_fc", C, c["d_ff"])
        linear(block + ".mlp.c_proj", c["d_ff"], C)
    norm("transformer.ln_f")
    if not c["tied"]:
        shapes["lm_head.weight"] = (c["vocabulary"], C)
        if c["bias"]:
            shapes["lm_head.bias"] = (c["vocabulary"],)
    return shapes


def make_weights(c, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in parameter_shapes(c).items():
        draw = 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        if ".ln_" in name and name.endswith("weight"):
            draw = 1 + draw
        weights[name] = draw.float().double().requires_grad_()  # exact in float32
    return weights


def forward(c, w, tokens, hidden=None):
    """Logits [batch, sequence, vocabulary]; appends the hidden values to `hidden` if given."""
    batch, length = tokens.shape
    C, H = c["width"], c["heads"]

    def norm(name, x):
        return F.layer_norm(x, (C,), w[name + ".weight"], w.get(name + ".bias"), 1e-5)

    def linear(name, x):
        y = x @ w[name + ".weight"]
        return y + w[name + ".bias"] if c["bias"] else y

    x = w["transformer.wte.weight"][tokens] + w["transformer.wpe.weight"][:length]
    mask = torch.triu(torch.full((length, length), -math.inf, dtype=torch.float64), 1)
    for i in range(c["layers"]):
        block = f"transformer.h.{i}"
        q, k, v = linear(block + ".attn.c_attn", norm(block + ".ln_1", x)).split(C, dim=-1)
        q, k, v = (t.view(batch, length, H, C // H).transpose(1, 2) for t in (q, k, v))
        p = F.softmax(q @ k.transpose(-1, -2) / math.sqrt(C // H) + mask, dim=-1)
        o = (p @ v).transpose(1, 2).reshape(batch, length, C)
        x = x + linear(block + ".attn.c_proj", o)
        h = linear(block + ".mlp.c_fc", norm(block + ".ln_2", x))
        if hidden is not None:
            hidden.append(h)
        a = F.relu(h) if c["activation"] == "relu" else F.gelu(h)
        x = x + linear(block + ".mlp.c_proj", a)
    x = norm("transformer.ln_f", x)
    table = w["transformer.wte.weight"] if c["tied"] else w["lm_head.weight"]
    logits = x @ table.T
    return logits + w["lm_head.bias"] if "lm_head.bias" in w else logits


def forward_by_loops(c, w, tokens):
    """The same for one sequence, position by position and head by head, without torch.nn."""
    C, H = c["width"], c["heads"]
    d = C // H

    def norm(name, x):
        centered = x - x.mean()
        y = centered / torch.sqrt((centered * centered).mean() + 1e-5) * w[name + ".weight"]
        return y + w[name + ".bias"] if c["bias"] else y

    def linear(name, x):
        y = torch.stack([(x * column).sum() for column in w[name + ".weight"].T])
        return y + w[name + ".bias"] if c["bias"] else y

    def activate(h):
        if c["activation"] == "relu":
            return torch.where(h > 0, h, torch.zeros_like(h))
        return torch.stack([0.5 * e * (1 + math.erf(e.item() / math.sqrt(2))) for e in h])

    stream = [w["transformer.wte.weight"][t] + w["transformer.wpe.weight"][i]
              for i, t in enumerate(tokens)]
    for layer in range(c["layers"]):
        block = f"transformer.h.{layer}"
        qkv = [linear(block + ".attn.c_attn", norm(block + ".ln_1", x)) for x in stream]
        for i in reversed(range(len(stream))):
            heads = []
            for h in range(H):
                q = qkv[i][h * d:(h + 1) * d]
                e = [math.exp((q * qkv[j][C + h * d:C + (h + 1) * d]).sum().item() / math.sqrt(d))
                     for j in range(i + 1)]
                heads.append(sum(e[j] / sum(e) * qkv[j][2 * C + h * d:2 * C + (h + 1) * d]
                                 for j in range(i + 1)))
            x = stream[i] + linear(block + ".attn.c_proj", torch.cat(heads))
            h = linear(block + ".mlp.c_fc", norm(block + ".ln_2", x))
            stream[i] = x + linear(block + ".mlp.c_proj", activate(h))
    table = w["transformer.wte.weight"] if c["tied"] else w["lm_head.weight"]
    logits = torch.stack([table @ norm("transformer.ln_f", x) for x in stream])
    return logits + w["lm_head.bias"] if "lm_head.bias" in w else logits


def loss_of(c, w, inputs, targets):
    logits = forward(c, w, inputs)
    return F.cross_entropy(logits.view(-1, c["vocabulary"]), targets.view(-1), ignore_index=IGNORED)


def adamw_losses(w, compute_loss):
    """Losses before each of ten steps on the same batch."""
    matrices = [p for p in w.values() if p.dim() >= 2]
    vectors = [p for p in w.values() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1},
                                   {"params": vectors, "weight_decay": 0.0}],
                                  lr=1e-3, betas=(0.9, 0.99), eps=1e-8)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = compute_loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(w.values()), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def away_from_kink(c, inputs):
    """Weights whose hidden values all stay 1e-3 away from ReLU's kink."""
    for seed in range(1000):
        weights, hidden = make_weights(c, seed), []
        forward(c, weights, inputs, hidden)
        if min(h.abs().min().item() for h in hidden) >= 1e-3:
            return weights, seed
    raise RuntimeError("no seed keeps away from the kink")


def write_safetensors(path, tensors, metadata):
    names = {torch.float64: "F64", torch.float32: "F32", torch.int32: "I32"}
    order = sorted(tensors, key=lambda n: (-tensors[n].element_size(), n))
    header, data = {"__metadata__": metadata}, b""
    for name in order:
        raw = tensors[name].detach().contiguous().numpy().tobytes()
        header[name] = {"dtype": names[tensors[name].dtype], "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    for name, c in CONFIGURATIONS.items():
        generator = torch.Generator().manual_seed(1)
        tokens = torch.randint(c["vocabulary"], (BATCH, SEQUENCE + 1), generator=generator)
        inputs, targets = tokens[:, :-1], tokens[:, 1:].clone()
        if c["ignored"]:
            targets[1, 5] = IGNORED
        w, seed = away_from_kink(c, inputs)
        logits = forward(c, w, inputs)
        for b in range(BATCH):
            difference = (logits[b] - forward_by_loops(c, w, inputs[b])).abs().max().item()
            assert difference < 1e-12, difference
        loss = loss_of(c, w, inputs, targets)
        loss.backward()
        tensors = {n: p.detach().float().clone() for n, p in w.items()}
        tensors.update({"gradient." + n: p.grad.clone() for n, p in w.items()})
        tensors.update({"inputs": inputs.int(), "targets": targets.int(), "logits": logits.detach(),
                        "loss": loss.detach().reshape(1),
                        "adamw_losses": adamw_losses(w, lambda: loss_of(c, w, inputs, targets))})
        metadata = {k: str(v) for k, v in c.items()}
        metadata.update({"format": "pt", "torch": torch.__version__, "seed": str(seed)})
        path = FOLDER / (name + ".safetensors")
        write_safetensors(path, tensors, metadata)
        print(path.name, path.stat().st_size, "bytes, seed", seed, "loss", loss.item())


if __name__ == "__main__":
    main()
