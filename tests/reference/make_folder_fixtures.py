# SPDX-License-Identifier: MIT
"""Folders of Hugging Face's format for every class that is built like Llama, by PyTorch alone.

    python3 tests/reference/make_folder_fixtures.py                   makes the folders hf/* beside it
    python3 tests/reference/make_folder_fixtures.py FOLDER 5 17 3     prints the logits after each token

A folder holds a small random model with the names, layouts and spellings that transformers 4 or 5
write, and expected.safetensors: `tokens` and their `logits` in float64, from the very numbers in the
files. They are computed twice: by the model of make_family_fixtures.py, whose weights are taken
apart for the folder, and by `logits` below, which knows only the folder. What config.json and the
tensors' names mean was written down from the format's description; no line is transformers'.
"""
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
from gpt2_logits import read_safetensors, write_safetensors, NAMES  # noqa: E402
from make_family_fixtures import CASES, configuration, forward, make_weights  # noqa: E402

HERE = pathlib.Path(__file__).parent / "hf"
NAMES[torch.float64] = "F64"

# --- The model of a folder ------------------------------------------------------------------------

CLASS_DEFAULTS = {
    "llama": dict(tie_word_embeddings=False, hidden_act="silu"),
    "qwen2": dict(tie_word_embeddings=False, hidden_act="silu"),
    "qwen3": dict(tie_word_embeddings=False, hidden_act="silu", head_dim=128),
    "mistral": dict(tie_word_embeddings=False, hidden_act="silu", sliding_window=4096,
                    num_key_value_heads=8),
    "gemma": dict(tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", head_dim=256),
    "gemma2": dict(tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", head_dim=256,
                   query_pre_attn_scalar=256, sliding_window=4096, attn_logit_softcapping=50.0,
                   final_logit_softcapping=30.0),
    "gemma3_text": dict(tie_word_embeddings=True, hidden_act="gelu_pytorch_tanh", head_dim=256,
                        query_pre_attn_scalar=256, sliding_window=4096, rope_theta=1e6,
                        rope_local_base_freq=1e4),
}


def load(folder):
    """config.json, and all tensors in float64 under their names without `model.`."""
    config = json.loads((folder / "config.json").read_text())
    files = [f for f in sorted(folder.glob("model*.safetensors"))]
    weights = {}
    for file in files:
        for name, tensor in read_safetensors(file).items():
            weights[name.removeprefix("model.")] = tensor.double()
    return {**CLASS_DEFAULTS[config["model_type"]], **config}, weights


def inverse_frequencies(config, d, sliding, length):
    """Of the pairs of a head, and the factor on cosines and sines."""
    theta = config.get("rope_theta", 10000.0)
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if "full_attention" in rope:
        rope = rope["sliding_attention" if sliding else "full_attention"]
    elif sliding and config["model_type"] == "gemma3_text":
        rope, theta = {}, config["rope_local_base_freq"]
    theta = rope.get("rope_theta", theta)
    kind = rope.get("rope_type", rope.get("type", "default"))
    longest, factor = config["max_position_embeddings"], rope.get("factor", 1.0)
    if kind == "dynamic" and length > longest:
        theta *= (factor * length / longest - (factor - 1)) ** (d / (d - 2))
    f = 1.0 / theta ** (torch.arange(0, d, 2).double() / d)
    if kind == "linear":
        return f / factor, 1.0
    if kind == "llama3":
        old = rope["original_max_position_embeddings"]
        result = []
        for x in f.tolist():
            wavelength = 2 * math.pi / x
            if wavelength < old / rope["high_freq_factor"]:
                result.append(x)
            elif wavelength > old / rope["low_freq_factor"]:
                result.append(x / factor)
            else:
                smooth = ((old / wavelength - rope["low_freq_factor"])
                          / (rope["high_freq_factor"] - rope["low_freq_factor"]))
                result.append((1 - smooth) * x / factor + smooth * x)
        return torch.tensor(result, dtype=torch.float64), 1.0
    if kind == "yarn":
        old = rope.get("original_max_position_embeddings", longest)

        def dimension(turns):
            return d * math.log(old / (turns * 2 * math.pi)) / (2 * math.log(theta))
        low = max(math.floor(dimension(rope.get("beta_fast", 32))), 0)
        high = min(math.ceil(dimension(rope.get("beta_slow", 1))), d - 1)
        ramp = ((torch.arange(d // 2).double() - low) / max(high - low, 0.001)).clamp(0, 1)
        return f / factor * ramp + f * (1 - ramp), 0.1 * math.log(factor) + 1
    return f, 1.0


def logits(config, w, tokens):
    """[tokens, vocabulary]"""
    kind = config["model_type"]
    gemma = kind.startswith("gemma")
    H, C, n = config["num_attention_heads"], config["hidden_size"], len(tokens)
    G, d = config.get("num_key_value_heads") or H, config.get("head_dim") or C // H
    eps = config.get("rms_norm_eps", 1e-6)

    def norm(name, x):
        y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        return y * (1 + w[name + ".weight"]) if gemma else y * w[name + ".weight"]

    def linear(name, x):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    def act(x):
        name = config.get("hidden_activation") or config["hidden_act"]
        return F.silu(x) if name == "silu" else F.gelu(x, approximate="tanh")

    def is_sliding(layer):
        if kind == "mistral":
            return config["sliding_window"] is not None
        if "layer_types" in config:
            return config["layer_types"][layer] == "sliding_attention"
        return {"gemma2": layer % 2 == 0, "gemma3_text": (layer + 1) % 6 != 0}.get(kind, False)

    def attention(name, x, layer):
        q, k, v = (linear(f"{name}.{p}_proj", x).view(n, -1, d).transpose(0, 1) for p in "qkv")
        if name + ".q_norm.weight" in w:
            q, k = norm(name + ".q_norm", q), norm(name + ".k_norm", k)
        f, factor = inverse_frequencies(config, d, is_sliding(layer), n)
        angles = torch.outer(torch.arange(n).double(), torch.cat([f, f]))
        cos, sin = angles.cos() * factor, angles.sin() * factor

        def turned(t):
            half = torch.cat([-t[..., d // 2:], t[..., :d // 2]], -1)
            return t * cos + half * sin
        q, k = turned(q), turned(k).repeat_interleave(H // G, 0)
        scale = config.get("query_pre_attn_scalar", d) ** -0.5
        scores = q @ k.transpose(1, 2) * scale
        if config.get("attn_logit_softcapping"):
            cap = config["attn_logit_softcapping"]
            scores = cap * torch.tanh(scores / cap)
        for i in range(n):
            scores[:, i, i + 1:] = -math.inf
            if is_sliding(layer):
                scores[:, i, :max(0, i - config["sliding_window"] + 1)] = -math.inf
        out = scores.softmax(-1) @ v.repeat_interleave(H // G, 0)
        return linear(name + ".o_proj", out.transpose(0, 1).reshape(n, H * d))

    x = w["embed_tokens.weight"][torch.tensor(tokens)]
    if gemma:
        x = x * math.sqrt(C)
    for layer in range(config["num_hidden_layers"]):
        block = f"layers.{layer}."
        a = attention(block + "self_attn", norm(block + "input_layernorm", x), layer)
        four = kind in ("gemma2", "gemma3_text")
        if four:
            x = x + norm(block + "post_attention_layernorm", a)
            h = norm(block + "pre_feedforward_layernorm", x)
        else:
            x = x + a
            h = norm(block + "post_attention_layernorm", x)
        h = act(linear(block + "mlp.gate_proj", h)) * linear(block + "mlp.up_proj", h)
        h = linear(block + "mlp.down_proj", h)
        x = x + (norm(block + "post_feedforward_layernorm", h) if four else h)
    x = norm("norm", x)
    y = x @ w["embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"].T
    cap = config.get("final_logit_softcapping")
    return cap * torch.tanh(y / cap) if cap else y


# --- Folders --------------------------------------------------------------------------------------

def taken_apart(c, weights):
    """The tensors of transformers, in its order."""
    four = c["arrangement"] == "pre-post-norm"
    A, K, d_ff = c["heads"] * c["head_width"], c["kv_heads"] * c["head_width"], c["d_ff"]
    tensors = {"model.embed_tokens.weight": weights["embedding.tokens.weight"]}

    def split(ours, names, widths):
        parts = weights[ours + ".weight"].split(widths, 1)
        biases = weights[ours + ".bias"].split(widths) if ours + ".bias" in weights else None
        for i, name in enumerate(names):
            tensors[name + ".weight"] = parts[i].T.contiguous()
            if biases:
                tensors[name + ".bias"] = biases[i].clone()

    for i in range(c["layers"]):
        ours, theirs = f"blocks.{i}.", f"model.layers.{i}."
        split(ours + "attention.qkv", [theirs + f"self_attn.{p}_proj" for p in "qkv"], [A, K, K])
        split(ours + "attention.output", [theirs + "self_attn.o_proj"], [c["width"]])
        if c["qk_norm"]:
            for short, long in (("q", "query"), ("k", "key")):
                tensors[theirs + f"self_attn.{short}_norm.weight"] = weights[
                    ours + f"attention.{long}_norm.weight"]
        split(ours + "feed_forward.gate_up", [theirs + "mlp.gate_proj", theirs + "mlp.up_proj"],
              [d_ff, d_ff])
        split(ours + "feed_forward.down", [theirs + "mlp.down_proj"], [c["width"]])
        norms = {"input_layernorm": "attention_norm"}
        if four:
            norms.update({"post_attention_layernorm": "attention_post_norm",
                          "pre_feedforward_layernorm": "feed_forward_norm",
                          "post_feedforward_layernorm": "feed_forward_post_norm"})
        else:
            norms["post_attention_layernorm"] = "feed_forward_norm"
        for name, our in norms.items():
            tensors[theirs + name + ".weight"] = weights[ours + our + ".weight"]
    tensors["model.norm.weight"] = weights["final_norm.weight"]
    if not c["tied"]:
        tensors["lm_head.weight"] = weights["head.weight"]
    return tensors


def sizes(c):
    return dict(vocab_size=c["vocabulary"], hidden_size=c["width"], intermediate_size=c["d_ff"],
                num_hidden_layers=c["layers"], num_attention_heads=c["heads"],
                num_key_value_heads=c["kv_heads"], max_position_embeddings=c["context"],
                use_cache=True, initializer_range=0.02, attention_dropout=0.0)


# name: the case of make_family_fixtures.py and its changes, dtype, files, config.json without sizes.
FOLDERS = {
    "llama": ("llama_gqa", {}, torch.float32, 1, dict(
        architectures=["LlamaForCausalLM"], model_type="llama", attention_bias=False,
        bos_token_id=1, eos_token_id=2, hidden_act="silu", mlp_bias=False, pretraining_tp=1,
        rms_norm_eps=1e-5, rope_scaling=None, rope_theta=10000.0, tie_word_embeddings=False,
        torch_dtype="float32", transformers_version="4.46.0")),
    "llama_biases": ("llama_gqa", dict(attention_bias=True, attention_output_bias=True,
                                       ff_bias=True), torch.bfloat16, 1, dict(
        model_type="llama", attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5, head_dim=4)),
    "llama3": ("smollm_llama3", {}, torch.bfloat16, 1, dict(
        architectures=["LlamaForCausalLM"], model_type="llama", bos_token_id=1,
        eos_token_id=[2, 5, 7], hidden_act="silu", rms_norm_eps=1e-5, head_dim=8,
        rope_parameters=dict(rope_theta=100.0, rope_type="llama3", factor=4.0, low_freq_factor=1.0,
                             high_freq_factor=4.0, original_max_position_embeddings=32),
        tie_word_embeddings=True, dtype="bfloat16", transformers_version="5.0.0")),
    "linear": ("linear", {}, torch.bfloat16, 1, dict(
        model_type="llama", hidden_act="silu", rms_norm_eps=1e-5, head_dim=None,
        rope_scaling=dict(type="linear", factor=4.0), torch_dtype="bfloat16")),
    "dynamic": ("dynamic", {}, torch.bfloat16, 1, dict(
        model_type="llama", hidden_act="silu", rms_norm_eps=1e-5, max_position_embeddings=8,
        rope_scaling=dict(type="dynamic", factor=2.0), rope_theta=100)),
    "yarn": ("yarn", {}, torch.bfloat16, 1, dict(
        model_type="llama", hidden_act="silu", rms_norm_eps=1e-5,
        rope_parameters=dict(rope_theta=40.0, rope_type="yarn", factor=4.0, beta_fast=2.5,
                             original_max_position_embeddings=64), dtype="bfloat16")),
    "qwen2": ("qwen2", {}, torch.float16, 2, dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", bos_token_id=3, eos_token_id=3,
        hidden_act="silu", max_window_layers=1, rms_norm_eps=1e-6, rope_theta=1000000.0,
        sliding_window=32768, tie_word_embeddings=True, torch_dtype="float16",
        transformers_version="4.40.1", use_sliding_window=False)),
    "qwen3": ("qwen3", {}, torch.bfloat16, 1, dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", attention_bias=False, head_dim=6,
        hidden_act="silu", layer_types=["full_attention"] * 2, max_window_layers=2,
        rope_parameters=dict(rope_theta=1000000, rope_type="default"), sliding_window=None,
        tie_word_embeddings=True, dtype="bfloat16", transformers_version="5.0.0",
        use_sliding_window=False)),
    "mistral": ("mistral", {}, torch.bfloat16, 1, dict(
        architectures=["MistralForCausalLM"], model_type="mistral", hidden_act="silu",
        rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=4, torch_dtype="bfloat16")),
    "gemma": ("gemma1", {}, torch.float32, 1, dict(
        architectures=["GemmaForCausalLM"], model_type="gemma", head_dim=8, hidden_act="gelu",
        hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6, rope_theta=10000.0,
        torch_dtype="float32", pad_token_id=0)),
    "gemma2": ("gemma2", dict(attention_scale=5 ** -0.5), torch.float16, 2, dict(
        architectures=["Gemma2ForCausalLM"], model_type="gemma2", head_dim=4,
        hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh",
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0, query_pre_attn_scalar=5,
        sliding_window=3, cache_implementation="hybrid", torch_dtype="float16")),
    "gemma3": ("gemma3", dict(attention_scale=7 ** -0.5), torch.bfloat16, 1, dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", head_dim=6,
        hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=7, sliding_window=3,
        layer_types=["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
        attn_logit_softcapping=None, final_logit_softcapping=None, use_bidirectional_attention=False,
        rope_parameters=dict(
            full_attention=dict(rope_theta=1000000.0, rope_type="linear", factor=8.0),
            sliding_attention=dict(rope_theta=10000.0, rope_type="default")),
        dtype="bfloat16", transformers_version="5.0.0")),
}


def make(name, case, changes, kind, shards, fields, seed):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    c = configuration({**CASES[case], **changes})
    weights = {n: t.detach().to(kind).double() for n, t in make_weights(c, seed).items()}
    tensors = {n: t.to(kind) for n, t in taken_apart(c, weights).items()}
    if name == "llama":  # as in files of 2023
        for i in range(c["layers"]):
            tensors[f"model.layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.ones(2)
    if name == "gemma":
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    if name == "qwen3":  # as Qwen3Model is saved
        tensors = {n.removeprefix("model."): t for n, t in tensors.items()}
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
    config = dict(sorted({**sizes(c), **fields}.items()))
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    generator = torch.Generator().manual_seed(200 + seed)
    tokens = torch.randint(c["vocabulary"], (12,), generator=generator)
    expected = forward(c, weights, tokens[None])[0]
    again = logits(*load(folder), tokens.tolist())
    difference = (expected - again).abs().max().item()
    assert difference < 1e-12, (name, difference)
    write_safetensors(folder / "expected.safetensors",
                      {"logits": expected, "tokens": tokens.int()}, {"torch": torch.__version__})
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{name:14}{size:7} bytes, {difference:.0e} apart")
    return size


def main():
    torch.set_num_threads(1)
    if len(sys.argv) > 2:
        folder = pathlib.Path(sys.argv[1])
        for row in logits(*load(folder), [int(t) for t in sys.argv[2:]]):
            print(*(f"{x:.9g}" for x in row.tolist()))
        return
    total = sum(make(name, *rest, seed=50 + i) for i, (name, rest) in enumerate(FOLDERS.items()))
    print(total, "bytes")


if __name__ == "__main__":
    main()
