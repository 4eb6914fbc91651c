// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/interop/gguf_adapter.hpp>

#include "interop/adapters.hpp"
#include "interop/gguf_file.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

std::string bytes_of(const LoraAdapter& adapter, StoredType type = StoredType::f32) {
  return saved_bytes([&](const std::string& path, FileSystem& files) {
    save_gguf_adapter(path, adapter, type, files);
  });
}

LoraAdapter read(const std::string& bytes, const ModelConfig& base = adapted_llama) {
  return read_gguf_adapter(source_of(bytes), base);
}

std::string refusal(const std::string& bytes, const ModelConfig& base = adapted_llama) {
  try {
    (void)read(bytes, base);
    return "";
  } catch (const FormatError& error) {
    const std::string message = error.what();
    REQUIRE(message.starts_with("cannot load 'x': "));
    return message.substr(17);
  }
}

std::string with(std::string bytes, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  const std::size_t at = bytes.find(from);
  REQUIRE(at != bytes.npos);
  return bytes.replace(at, from.size(), to);
}

std::string with_alpha(std::string bytes, float alpha) {
  const std::string key = "adapter.lora.alpha";
  std::memcpy(&bytes.at(bytes.find(key) + key.size() + 4), &alpha, sizeof(alpha));
  return bytes;
}

}  // namespace

TEST_CASE("an adapter comes back from a file as it was") {
  const LoraAdapter adapter = some_adapter();
  const std::string bytes = bytes_of(adapter);
  CHECK(same(read(bytes), adapter));
  CHECK(bytes_of(read(bytes)) == bytes);
  const LoraAdapter half = read(bytes_of(adapter, StoredType::f16));
  CHECK(distance(half, adapter) > 0);
  CHECK(distance(half, adapter) < 1e-2);
  CHECK(same(read(bytes_of(half, StoredType::f16)), half));
}

TEST_CASE("names, shapes and the order of rows are llama.cpp's") {
  const std::string bytes = bytes_of(some_adapter());
  const auto source = source_of(bytes);
  const GgufReader file(source);
  CHECK(file.text("general.type") == "adapter");
  CHECK(file.text("general.architecture") == "llama");
  CHECK(file.text("adapter.type") == "lora");
  CHECK(*file.optional_real("adapter.lora.alpha") == 4);
  const auto shape = [&](const std::string& name) { return file.tensor(name).shape; };
  CHECK(shape("blk.1.attn_k.weight.lora_a") == std::vector<Index>{8, 2});
  CHECK(shape("blk.1.attn_k.weight.lora_b") == std::vector<Index>{2, 8});
  CHECK(shape("token_embd.weight.lora_a") == std::vector<Index>{2, 7});
  CHECK(shape("token_embd.weight.lora_b") == std::vector<Index>{2, 8});
  CHECK(shape("output.weight.lora_a") == std::vector<Index>{8, 2});
  CHECK(shape("output.weight.lora_b") == std::vector<Index>{2, 7});
  const auto first_row = [&](const std::string& name, std::size_t row) {
    std::vector<float> numbers(2);
    file.read(file.tensor(name), row * 8, std::as_writable_bytes(std::span(numbers)));
    return numbers;
  };
  const LoraAdapter adapter = some_adapter();
  const LoraMap& keys = adapter.maps()[4];
  const LoraMap& values = adapter.maps()[5];
  // Heads of four rows: 0, 2, 1, 3.
  CHECK(first_row("blk.1.attn_k.weight.lora_b", 5) == std::vector{keys.b[6], keys.b[8 + 6]});
  CHECK(first_row("blk.1.attn_v.weight.lora_b", 5) == std::vector{values.b[5], values.b[8 + 5]});
}

TEST_CASE("the scales of all maps become one") {
  const LoraAdapter stable = some_adapter(true);
  const LoraAdapter back = read(bytes_of(stable));
  CHECK(!back.rank_stabilized());
  CHECK(back.maps()[1].b == stable.maps()[1].b);
  CHECK(distance(back, stable) < 1e-6);
  LoraAdapter several = some_adapter();
  add_some(several, "blocks.1.feed_forward.down.weight", 0, 8, 3, 0.1);
  const LoraAdapter one = read(bytes_of(several));
  CHECK(one.maps().size() == several.maps().size());
  CHECK(distance(one, several) < 1e-6);
  CHECK(std::ranges::all_of(one.maps(), [](const LoraMap& map) { return map.alpha == 4; }));
}

TEST_CASE("with an alpha of 0 the scale is 1") {
  const LoraAdapter adapter = read(with_alpha(bytes_of(some_adapter()), 0));
  CHECK(std::ranges::all_of(adapter.maps(),
                            [&](const LoraMap& map) { return adapter.scale_of(map) == 1; }));
}

TEST_CASE("GPT-2's three maps are one in files") {
  LoraAdapter adapter(gpt2_shape);
  add_some(adapter, "blocks.0.attention.qkv.weight", 0, 4, 1, 2);
  add_some(adapter, "blocks.0.attention.qkv.weight", 8, 4, 1, 2);
  const LoraAdapter back = read(bytes_of(adapter), gpt2_shape);
  REQUIRE(back.maps().size() == 1);
  CHECK(back.maps()[0].rank == 2);
  CHECK(distance(back, adapter) < 1e-12);
}

TEST_CASE("every family's adapters come back") {
  for (const Family family : {Family::llama3, Family::qwen2, Family::qwen3, Family::gemma,
                              Family::gemma2, Family::gemma3, Family::mistral}) {
    ModelConfig base = with_family(adapted_llama, family);
    base.attention.window = base.attention.window > 0 ? 4 : 0;
    if (family == Family::mistral) base.attention.window = 0;
    LoraAdapter adapter(base);
    add_some(adapter, "blocks.0.attention.qkv.weight", 0, 16, 2, 4);
    add_some(adapter, "blocks.1.attention.output.weight", 0, 8, 2, 4);
    CHECK(same(read(bytes_of(adapter), base), adapter));
  }
}

TEST_CASE("what is no adapter of the base is refused") {
  const std::string good = bytes_of(some_adapter());
  CHECK(refusal(good) == "");
  CHECK(refusal(GgufFile().bytes, gpt2_shape) == "there is no entry 'general.type'");
  CHECK(refusal(with(good, "adapter", "another")) ==
        "entry 'general.type': got 'another', expected 'adapter'");
  CHECK(refusal(with(good, "lora", "oral")) == "entry 'adapter.type': got 'oral', expected 'lora'");
  CHECK(refusal(with(good, "llama", "qwen3")) ==
        "entry 'general.architecture': got 'qwen3', expected 'llama', the base's");
  CHECK(refusal(with(good, "llama", "lxama")) ==
        "entry 'general.architecture': got 'lxama', expected 'llama', the base's");
  CHECK(refusal(with_alpha(good, -1)) ==
        "entry 'adapter.lora.alpha': got -1.000000, expected a number, 0 or more");
  CHECK(refusal(with(good, "blk.1.attn_k.weight.lora_b", "blk.1.attn_k.weight.lora_c")) ==
        "tensor 'blk.1.attn_k.weight.lora_b' is missing");
  CHECK(refusal(with(with(good, "blk.1.attn_k.weight.lora_b", "blk.2.attn_k.weight.lora_b"),
                     "blk.1.attn_k.weight.lora_a", "blk.2.attn_k.weight.lora_a"))
            .find("tensor 'blk.2.attn_k.weight.lora_a' of shape [8, 2] does not belong to a LoRA "
                  "adapter of this model, ") == 0);
  ModelConfig wide = adapted_llama;
  wide.width = 16;
  CHECK(refusal(good, wide) ==
        "tensor 'token_embd.weight.lora_b': its shape is [2, 8], expected [2, 16]");
  ModelConfig tied = adapted_llama;
  tied.head.tied = true;
  CHECK(refusal(good, tied) ==
        "tensor 'token_embd.weight.lora_a' adapts the token table, which is the head as well in "
        "this model");
  std::string spoiled = good;
  const std::uint32_t infinite = 0x7f800000;
  std::memcpy(&spoiled[spoiled.size() - 64], &infinite, 4);
  CHECK(refusal(spoiled).find("is not finite") != std::string::npos);
  CHECK_THROWS_AS(save_gguf_adapter("x", LoraAdapter(adapted_llama)), ConfigError);
}

TEST_CASE("a truncated file, or one with another byte, is refused or is an adapter") {
  LoraAdapter adapter(adapted_llama);
  add_some(adapter, "blocks.0.attention.qkv.weight", 16, 8, 1, 4);
  add_some(adapter, "head.weight", 0, 8, 1, 4);
  const std::string good = bytes_of(adapter);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string message = refusal(good.substr(0, size));
    INFO(size);
    // Padding at the end may be missing.
    CHECK((!message.empty() || size + 32 > good.size()));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      (void)refusal(bytes);  // whatever is no FormatError goes on to doctest
    }
  }
}
