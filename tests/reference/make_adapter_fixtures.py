# SPDX-License-Identifier: MIT
"""LoRA adapters in folders of PEFT's, and what models with them compute, by PyTorch alone.

    python3 tests/reference/make_adapter_fixtures.py      makes the folders peft/* beside it

Each folder has adapter_config.json and adapter_model.safetensors, for one of the models in hf/ or
for gpt2, with random A and B, and expected.safetensors: `tokens` and their `logits` in float64. They
are computed with the adapters beside the layers, y = W x + s B (A x), and again with W + s B A. What
PEFT's fields and names mean was written down from the format's description; no line is PEFT's.
"""
import json
import math
import pathlib
import re
import sys

import torch

sys.dont_write_bytecode = True
import gpt2_logits  # noqa: E402
import make_folder_fixtures as folders  # noqa: E402
from gpt2_logits import read_safetensors, write_safetensors  # noqa: E402

HERE = pathlib.Path(__file__).parent
OUT = HERE / "peft"

# Modules as PEFT names them, after "base_model.model.".
CASES = {
    # Every kind of module, with patterns of both kinds; the table and the head are two.
    "llama": dict(base="hf/llama", type=torch.float32, r=3, lora_alpha=6, target=[
        "model.embed_tokens", "lm_head",
        *[f"model.layers.{i}.{m}" for i in range(2) for m in (
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")]],
        rank_pattern={"k_proj": 2, "^model.layers.1.mlp.up_proj": 5},
        alpha_pattern={"layers.0.self_attn.v_proj": 4, r"mlp\.down_proj": 1.5}),
    # Trained without a head: no "model."; rank-stabilized; two kinds of one layer, one of another.
    "qwen3": dict(base="hf/qwen3", type=torch.bfloat16, r=4, lora_alpha=3, use_rslora=True, target=[
        "layers.0.self_attn.q_proj", "layers.0.self_attn.v_proj", "layers.1.mlp.gate_proj"]),
    "gpt2": dict(base="gpt2", type=torch.float16, r=2, lora_alpha=5, fan_in_fan_out=True, target=[
        f"transformer.h.{i}.{m}" for i in range(2) for m in (
            "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")]),
}
TOKENS = [1, 7, 3, 0, 7, 11, 2, 5]


def of_pattern(pattern, module, usual):
    for key, value in pattern.items():
        if re.match(rf"(.*\.)?({key})$", module):
            return value
    return usual


def config_of(case):
    return dict(
        alpha_pattern=case.get("alpha_pattern", {}), auto_mapping=None,
        base_model_name_or_path=case["base"], bias="none", exclude_modules=None,
        fan_in_fan_out=case.get("fan_in_fan_out", False), inference_mode=True,
        init_lora_weights=True, layer_replication=None, layers_pattern=None,
        layers_to_transform=None, loftq_config={}, lora_alpha=case["lora_alpha"], lora_bias=False,
        lora_dropout=0.05, megatron_config=None, megatron_core="megatron.core",
        modules_to_save=None, peft_type="LORA", r=case["r"],
        rank_pattern=case.get("rank_pattern", {}),
        target_modules=sorted({name.rsplit(".", 1)[-1] for name in case["target"]}),
        task_type="CAUSAL_LM", use_dora=False, use_rslora=case.get("use_rslora", False))


def make_tensors(case, shapes):
    """The tensors of the file, and {module: (A, B, scale)} in float64. shapes: {module: (out, in)}"""
    generator = torch.Generator().manual_seed(sum(map(ord, case["base"])))
    tensors, adapters = {}, {}
    for module in case["target"]:
        outs, ins = shapes[module]
        table = module.endswith("embed_tokens")
        r = of_pattern(case.get("rank_pattern", {}), module, case["r"])
        alpha = of_pattern(case.get("alpha_pattern", {}), module, case["lora_alpha"])
        scale = alpha / (math.sqrt(r) if case.get("use_rslora") else r)
        A = (torch.randn(r, ins, generator=generator) * 0.4).to(case["type"])
        B = (torch.randn(outs, r, generator=generator) * 0.3).to(case["type"])
        name = "base_model.model." + module
        tensors[name + (".lora_embedding_A" if table else ".lora_A.weight")] = A
        tensors[name + (".lora_embedding_B" if table else ".lora_B.weight")] = B
        adapters[module] = (A.double(), B.double(), scale)
    return tensors, adapters


class Beside:
    """torch.nn.functional with adapters beside the linear layers of some weights."""

    def __init__(self, adapters):
        self.adapters = adapters  # {place of a weight's numbers: (A, B, scale)}

    def linear(self, x, weight, bias=None):
        y = torch.nn.functional.linear(x, weight, bias)
        if weight.data_ptr() not in self.adapters:
            return y
        A, B, scale = self.adapters[weight.data_ptr()]
        return y + scale * ((x @ A.T) @ B.T)

    def __getattr__(self, name):
        return getattr(torch.nn.functional, name)


def llama_logits(case, adapters, config, weights):
    def name_of(module):
        return module.removeprefix("model.") + ".weight"

    merged = {name: tensor.clone() for name, tensor in weights.items()}
    for module, (A, B, scale) in adapters.items():
        delta = scale * (B @ A)  # [out, in]; of the table [width, vocabulary]
        merged[name_of(module)] += delta.T if module.endswith("embed_tokens") else delta
    result = folders.logits(config, merged, TOKENS)
    # The table and the head are no linear layers in `logits`: they stay merged.
    beside = {**weights, **{name: merged[name] for name in ("embed_tokens.weight", "lm_head.weight")
                            if name in merged}}
    inner = {beside[name_of(module)].data_ptr(): adapter for module, adapter in adapters.items()
             if ".layers." in "." + module}
    folders.F = Beside(inner)
    again = folders.logits(config, beside, TOKENS)
    folders.F = torch.nn.functional
    assert (result - again).abs().max() < 1e-11
    assert (result - folders.logits(config, weights, TOKENS)).abs().max() > 1e-2
    return result


def gpt2_model_logits(case, adapters, config, weights):
    merged = dict(weights)
    for module, (A, B, scale) in adapters.items():
        name = module.removeprefix("transformer.") + ".weight"
        merged[name] = weights[name] + scale * torch.einsum("or,ri->io", B, A)  # [in, out]
    return gpt2_logits.logits(config, merged, TOKENS)


def make(name, case):
    gpt2 = case["base"] == "gpt2"
    load = gpt2_logits.load if gpt2 else folders.load
    config, weights = load(HERE / case["base"])
    shapes = {}
    for module in case["target"]:
        rows, columns = weights[module.removeprefix("model.").removeprefix("transformer.")
                                + ".weight"].shape
        turned = gpt2 or module.endswith("embed_tokens")  # Conv1D; an embedding's A is [r, tokens]
        shapes[module] = (columns, rows) if turned else (rows, columns)
    tensors, adapters = make_tensors(case, shapes)
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(config_of(case), indent=2) + "\n")
    write_safetensors(folder / "adapter_model.safetensors", tensors, {"format": "pt"})
    result = (gpt2_model_logits if gpt2 else llama_logits)(case, adapters, config, weights)
    write_safetensors(folder / "expected.safetensors",
                      {"tokens": torch.tensor(TOKENS, dtype=torch.int32), "logits": result},
                      {"torch": torch.__version__, "script": "make_adapter_fixtures.py"})
    print(name, tuple(result.shape), float(result.abs().max()))


for name, case in CASES.items():
    make(name, case)
