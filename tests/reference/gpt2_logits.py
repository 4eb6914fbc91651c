# SPDX-License-Identifier: MIT
"""GPT-2 out of a folder of Hugging Face's, by PyTorch alone, in float64.

    python3 tests/reference/gpt2_logits.py FOLDER 5 17 3     prints the logits behind each token
    python3 tests/reference/gpt2_logits.py                   makes the folders gpt2* beside this file

What config.json and the tensors' names mean was written down from the format's description; no line
is transformers'. The folders hold one small random model each, as one file or as two, in F32, BF16
and F16, and expected.safetensors: `tokens` and the `logits` that this script computes from the very
numbers in the files.
"""
import json
import math
import pathlib
import struct
import sys

import torch

HERE = pathlib.Path(__file__).parent
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64,
         "I32": torch.int32, "U8": torch.uint8}
NAMES = {t: n for n, t in TYPES.items()}


def read_safetensors(path):
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header, tensors = json.loads(raw[8:8 + length]), {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (8 + length + offset for offset in entry["data_offsets"])
            kind = TYPES[entry["dtype"]]
            if first == last:
                tensors[name] = torch.empty(entry["shape"], dtype=kind)
            else:
                flat = torch.frombuffer(bytearray(raw[first:last]), dtype=kind)
                tensors[name] = flat.view(entry["shape"])
    return tensors


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name in tensors:
        tensor = tensors[name].contiguous()
        raw = (tensor.view(torch.int16) if tensor.element_size() == 2 else tensor).numpy().tobytes()
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def load(folder):
    """The configuration and all tensors in float64, under their names without `transformer.`."""
    config = json.loads((folder / "config.json").read_text())
    index = folder / "model.safetensors.index.json"
    files = ["model.safetensors"]
    if not (folder / files[0]).exists():
        files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    weights = {}
    for file in files:
        for name, tensor in read_safetensors(folder / file).items():
            weights[name.removeprefix("transformer.")] = tensor.double()
    return config, weights


def logits(config, w, tokens):
    """[tokens, vocabulary]. One position at a time: what a position sees is what came before it."""
    C, H, eps = config["n_embd"], config["n_head"], config["layer_norm_epsilon"]
    d = C // H

    def norm(name, x):
        centered = x - x.mean()
        deviation = torch.sqrt((centered * centered).mean() + eps)
        return centered / deviation * w[name + ".weight"] + w[name + ".bias"]

    def linear(name, x):  # the matrices of GPT-2 are [in, out]
        return x @ w[name + ".weight"] + w[name + ".bias"]

    def gelu_new(x):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))

    past = [([], []) for _ in range(config["n_layer"])]
    rows = []
    for position, token in enumerate(tokens):
        x = w["wte.weight"][token] + w["wpe.weight"][position]
        for layer, (keys, values) in enumerate(past):
            block = f"h.{layer}"
            q, k, v = linear(block + ".attn.c_attn", norm(block + ".ln_1", x)).split(C)
            keys.append(k)
            values.append(v)
            heads = []
            for h in range(H):
                part = slice(h * d, (h + 1) * d)
                scores = torch.stack([q[part] @ key[part] for key in keys]) / math.sqrt(d)
                weight = torch.softmax(scores, 0)
                heads.append(sum(p * value[part] for p, value in zip(weight, values)))
            x = x + linear(block + ".attn.c_proj", torch.cat(heads))
            hidden = gelu_new(linear(block + ".mlp.c_fc", norm(block + ".ln_2", x)))
            x = x + linear(block + ".mlp.c_proj", hidden)
        rows.append(w["wte.weight"] @ norm("ln_f", x))
    return torch.stack(rows)


CONFIG = dict(architectures=["GPT2LMHeadModel"], model_type="gpt2", vocab_size=300, n_positions=12,
              n_ctx=12, n_embd=8, n_layer=2, n_head=2, n_inner=None,
              activation_function="gelu_new", resid_pdrop=0.1, embd_pdrop=0.1, attn_pdrop=0.1,
              layer_norm_epsilon=1e-5, initializer_range=0.02, scale_attn_weights=True,
              scale_attn_by_inverse_layer_idx=False, reorder_and_upcast_attn=False,
              tie_word_embeddings=True, use_cache=True, bos_token_id=299, eos_token_id=299,
              task_specific_params={"text-generation": {"do_sample": True, "max_length": 50}})
TOKENS = [5, 299, 0, 17, 17, 256, 80, 1]


def random_weights(config):
    C, F = config["n_embd"], config["n_inner"] or 4 * config["n_embd"]
    shapes = {"wte.weight": (config["vocab_size"], C), "wpe.weight": (config["n_positions"], C)}
    for layer in range(config["n_layer"]):
        for name, shape in {"ln_1": (C,), "attn.c_attn": (C, 3 * C), "attn.c_proj": (C, C),
                            "ln_2": (C,), "mlp.c_fc": (C, F), "mlp.c_proj": (F, C)}.items():
            shapes[f"h.{layer}.{name}.weight"] = shape
            shapes[f"h.{layer}.{name}.bias"] = shape[-1:]
    shapes["ln_f.weight"] = shapes["ln_f.bias"] = (C,)
    generator = torch.Generator().manual_seed(2)
    weights = {}
    for name, shape in shapes.items():
        draw = 0.4 * torch.randn(shape, generator=generator)
        weights[name] = 1 + draw if "ln_" in name and name.endswith("weight") else draw
    return weights


def make(name, kind, prefix, shards, config=CONFIG, extras=lambda weights: {}):
    """A folder whose tensors have this dtype and prefix, dealt out to so many files."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    weights = {n: t.to(kind) for n, t in random_weights(config).items()}
    tensors = {prefix + n: t for n, t in weights.items()}
    tensors.update(extras(weights))
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, {"format": "pt"})
    else:
        files = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
        places = {n: files[i * shards // len(tensors)] for i, n in enumerate(tensors)}
        for file in files:
            part = {n: tensors[n] for n in tensors if places[n] == file}
            write_safetensors(folder / file, part, {"format": "pt"})
        total = sum(t.numel() * t.element_size() for t in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    expected = logits(*load(folder), TOKENS)
    write_safetensors(folder / "expected.safetensors",
                      {"logits": expected.float(), "tokens": torch.tensor(TOKENS).int()},
                      {"torch": torch.__version__})
    print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def masks(weights):
    """What older files carry along: the causal mask of each block, and a constant."""
    T = CONFIG["n_positions"]
    extras = {}
    for layer in range(CONFIG["n_layer"]):
        mask = torch.ones(T, T).tril().to(torch.uint8).view(1, 1, T, T)
        extras[f"h.{layer}.attn.bias"] = mask
        extras[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4).float()
    return extras


def main():
    if len(sys.argv) > 2:
        for row in logits(*load(pathlib.Path(sys.argv[1])), [int(t) for t in sys.argv[2:]]):
            print(*(f"{x:.9g}" for x in row.tolist()))
        return
    narrow = {key: value for key, value in CONFIG.items() if key != "n_ctx"} | {"n_inner": 20}
    make("gpt2", torch.float32, "transformer.", 1)
    make("gpt2_sharded", torch.bfloat16, "", 2, extras=masks)
    make("gpt2_f16", torch.float16, "transformer.", 1, config=narrow,
         extras=lambda weights: {"lm_head.weight": weights["wte.weight"]})


if __name__ == "__main__":
    main()
