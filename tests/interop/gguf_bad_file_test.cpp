// SPDX-License-Identifier: MIT
// GGUF files that are no GPT-2, each refused with its message.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "heap_guard/heap_guard.hpp"
#include "interop/gguf_file.hpp"

using namespace octavo;
using octavo_test::GgufFile;

namespace {

GgufFile good() { return GgufFile(); }

const std::string tokens_key = "tokenizer.ggml.tokens";

/// Where the sizes of a tensor begin behind its name.
constexpr std::size_t sizes_of_tensor = 4;

/// A file of these entries, and whatever else.
GgufFile file_of(const GgufEntries& entries, std::uint64_t tensors = 0, std::string_view end = {}) {
  detail::GgufBytes bytes;
  bytes.raw("GGUF");
  bytes.number(std::uint32_t{3});
  bytes.number(tensors);
  bytes.number(entries.count());
  bytes.raw(entries.bytes());
  bytes.raw(end);
  GgufFile file;
  file.bytes = std::string(bytes.all());
  return file;
}

}  // namespace

TEST_CASE("what is no GGUF file of version 2 or 3 is refused") {
  CHECK(good().failure() == "");
  CHECK(good().put_at(0, 'g').failure() == "it is not a GGUF file");
  CHECK(good().put_at(4, std::uint32_t{2}).failure() == "");
  for (const std::uint32_t version : {0u, 1u, 4u, 0xffffffffu}) {
    CHECK(good().put_at(4, version).failure() ==
          "GGUF version " + std::to_string(version) + ", this build reads 2 and 3");
  }
  CHECK(good().put_at(4, std::uint32_t{3} << 24).failure() == "it is a big-endian GGUF file");
  GgufFile empty;
  empty.bytes.clear();
  CHECK(empty.failure() == "it is not a GGUF file");
}

TEST_CASE("every truncation is refused; what is added is set aside, with a note") {
  const GgufFile whole;
  GgufFile file;
  for (std::size_t size = 0; size < whole.bytes.size(); ++size) {
    file.bytes = whole.bytes.substr(0, size);
    const std::string message = file.failure();
    const bool only_padding = size + 16 >= whole.bytes.size();  // of the last tensor, 16 bytes
    CHECK(message.empty() == only_padding);
    if (size >= 24 && !only_padding) {
      CHECK((message.starts_with("it ends within its header, after ") ||
             message.starts_with("the tensors end at byte ")));
    }
  }
  for (const std::string added : {"x", "a second line"}) {
    file.bytes = whole.bytes + added;
    CHECK(file.failure() == "");
    const MemorySource source = octavo_test::source_of(file.bytes);
    const auto notes = GgufModel(source).config().notes;
    CHECK(std::find(notes.begin(), notes.end(),
                    counted(added.size(), "byte") + " after the last tensor: set aside") !=
          notes.end());
  }
}

TEST_CASE("counts and lengths that lie are refused") {
  const std::string ends =
      "it ends within its header, after " + std::to_string(good().bytes.size()) + " bytes";
  CHECK(good().put_at(8, std::uint64_t{30'001}).failure() ==
        "it has 30001 tensors, expected at most 30000");
  CHECK(good().put_at(8, ~std::uint64_t{0}).failure() ==
        "it has 18446744073709551615 tensors, expected at most 30000");
  CHECK(good().put_at(16, std::uint64_t{10'001}).failure() ==
        "it has 10001 entries, expected at most 10000");
  CHECK(good().put_at(8, std::uint64_t{29}).failure() != "");
  CHECK(good().put_at(8, std::uint64_t{27}).failure() != "");
  CHECK(good().put_at(16, std::uint64_t{9}).failure() != "");
  CHECK(good().put_at(24, std::uint64_t{0}).failure() ==
        "the name of an entry has 0 bytes, expected 1 to 256");
  CHECK(good().put_at(24, ~std::uint64_t{0}).failure() ==
        "the name of an entry has 18446744073709551615 bytes, expected 1 to 256");
  // Behind the key and its type: the length of a text, and for lists type, count and elements.
  CHECK(good().put("general.architecture", 4, ~std::uint64_t{0}).failure() == ends);
  CHECK(good().put("general.architecture", 4, std::uint64_t{1} << 40).failure() == ends);
  CHECK(good().put(tokens_key, 8, ~std::uint64_t{0}).failure() == ends);
  CHECK(good().put(tokens_key, 8, std::uint64_t{1} << 61).failure() == ends);
  CHECK(good().put(tokens_key, 8, std::uint64_t{1'000'000}).failure() == ends);
  CHECK(good().put(tokens_key, 16, std::uint64_t{1} << 62).failure() == ends);
  CHECK(good().put("tokenizer.ggml.token_type", 8, std::uint64_t{1} << 62).failure() == ends);
  CHECK(good().put("tokenizer.ggml.token_type", 8, (std::uint64_t{1} << 62) + 11).failure() ==
        ends);
}

TEST_CASE("entries that are of no type, or twice there, are refused") {
  CHECK(good().put("general.file_type", 0, std::uint32_t{13}).failure() ==
        "entry 'general.file_type': unknown type 13");
  CHECK(good().put(tokens_key, 4, std::uint32_t{9}).failure() ==
        "entry 'tokenizer.ggml.tokens': unknown type 9");
  CHECK(good().replace("gpt2.context_length", "gpt2.block_count   ").failure() ==
        "there is no entry 'gpt2.context_length'");
  CHECK(good().replace("tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id").failure() ==
        "entry 'tokenizer.ggml.eos_token_id': it occurs twice");
  CHECK(good()
            .replace("general.file_type", "general.alignment")
            .set("general.alignment", 48u)
            .failure() == "entry 'general.alignment': got 48, expected a power of two");
  CHECK(good()
            .replace("general.file_type", "general.alignment")
            .set("general.alignment", 0u)
            .failure() == "entry 'general.alignment': got 0, expected 1 to 65536");
  CHECK(good()
            .replace("general.file_type", "general.alignment")
            .set("general.alignment", 1u << 31)
            .failure() == "entry 'general.alignment': got 2147483648, expected 1 to 65536");
}

TEST_CASE("entries that make no GPT-2 are refused") {
  const auto with = [](const char* key, auto value) { return good().set(key, value).failure(); };
  const auto without = [](const std::string& key) {
    std::string other = key;
    other.back() = '_';
    return good().replace(key, other).failure();
  };
  CHECK(without("general.architecture") == "there is no entry 'general.architecture'");
  CHECK(good().put("general.architecture", 12, 'G').failure() ==
        "entry 'general.architecture': got 'Gpt2', expected one of 'gpt2', 'qwen2', 'llama', "
        "'qwen3', "
        "'gemma', 'gemma2', 'gemma3'");
  GgufEntries number;
  number.whole("general.architecture", 4);
  number.texts("padding", std::vector<std::string>(3));
  GgufFile padded = file_of(number);
  padded.bytes.resize(detail::gguf_padded(padded.bytes.size(), 32), '\0');
  CHECK(padded.failure() == "entry 'general.architecture': got 4, expected text");
  // A vocabulary of another kind is set aside.
  const std::string other = good().put("tokenizer.ggml.model", 12, 'G').bytes;
  const MemorySource source = octavo_test::source_of(other);
  const GgufModel model(source);
  CHECK(!model.tokens());
  CHECK(model.config().notes == std::vector<std::string>{"its vocabulary is of kind 'Gpt2', which "
                                                         "Octavo does not read: it is set aside"});
  CHECK(good()
            .put("tokenizer.ggml.pre", 16, '3')
            .failure()
            .starts_with("entry 'tokenizer.ggml.pre': got 'gpt-3', expected one of 'gpt-2', "));
  CHECK(without("gpt2.context_length") == "there is no entry 'gpt2.context_length'");
  CHECK(with("gpt2.context_length", 0u) ==
        "entry 'gpt2.context_length': got 0, expected 1 to 2147483647");
  CHECK(with("gpt2.context_length", 1u << 31) ==
        "entry 'gpt2.context_length': got 2147483648, expected 1 to 2147483647");
  CHECK(good().put("gpt2.context_length", 0, std::uint32_t{6}).failure() ==
        "entry 'gpt2.context_length': got 0.000000, expected 1 to 2147483647");
  CHECK(good().put("gpt2.context_length", 0, std::uint32_t{5}).failure() == "");
  CHECK(with("gpt2.embedding_length", 0u) ==
        "entry 'gpt2.embedding_length': got 0, expected 1 to 2147483647");
  CHECK(with("gpt2.block_count", 3u) == "entry 'gpt2.block_count': got 3, expected 1 to 2");
  CHECK(with("gpt2.block_count", ~0u) ==
        "entry 'gpt2.block_count': got 4294967295, expected 1 to 2");
  CHECK(with("gpt2.block_count", 1u) ==
        "tensor 'blk.1.attn_norm.bias' of shape [4] does not belong to this model of "
        "architecture 'gpt2'");
  CHECK(with("gpt2.feed_forward_length", 0u) ==
        "entry 'gpt2.feed_forward_length': got 0, expected 1 to 2147483647");
  CHECK(with("gpt2.attention.head_count", 3u) ==
        "entry 'gpt2.attention.head_count': got 3, expected a divisor of the embedding length, 4");
  CHECK(with("gpt2.attention.layer_norm_epsilon", 0.0f) ==
        "entry 'gpt2.attention.layer_norm_epsilon': got 0.000000, expected a number > 0");
  CHECK(with("gpt2.attention.layer_norm_epsilon", std::nanf("")) ==
        "entry 'gpt2.attention.layer_norm_epsilon': got nan, expected a number");
  CHECK(good().put("gpt2.attention.layer_norm_epsilon", 0, std::uint32_t{4}).failure() ==
        "entry 'gpt2.attention.layer_norm_epsilon': got 925353388, expected a float");
  CHECK(with("octavo.trained_length", 6u) ==
        "entry 'octavo.trained_length': got 6, expected 1 to 5");
  CHECK(with("gpt2.embedding_length", (1u << 31) - 2) ==
        "its entries say vocabulary 11, context 5, layers 2, width 2147483646, heads 2, ff 6, "
        "activation gelu-tanh, tied yes, for which it has too few bytes");
}

TEST_CASE("vocabularies that are none are refused") {
  CHECK(good().replace("tokenizer.ggml.tokens", "tokenizer.ggml.token_").failure() ==
        "there is no entry 'tokenizer.ggml.tokens'");
  CHECK(good().replace("tokenizer.ggml.merges", "tokenizer.ggml.merge_").failure() ==
        "there is no entry 'tokenizer.ggml.merges'");
  CHECK(good().replace("tokenizer.ggml.token_type", "tokenizer.ggml.token_kind").failure() == "");
  // Text 0 is "a", text 1 "b", each behind eight bytes of length.
  CHECK(good().put(tokens_key, 4 + 4 + 8 + 9 + 8, 'a').failure() ==
        "entry 'tokenizer.ggml.tokens': token 'a' occurs twice");
  CHECK(good().put("tokenizer.ggml.token_type", 16 + 4 * 3, std::int32_t{7}).failure() ==
        "entry 'tokenizer.ggml.token_type': token 3 is of type 7, expected 0 to 6");
  CHECK(good().put("tokenizer.ggml.token_type", 16, std::int32_t{-1}).failure() ==
        "entry 'tokenizer.ggml.token_type': token 0 is of type -1, expected 0 to 6");
  CHECK(good().put("tokenizer.ggml.token_type", 4, std::uint32_t{4}).failure() == "");
  CHECK(good().put("tokenizer.ggml.token_type", 4, std::uint32_t{6}).failure() ==
        "entry 'tokenizer.ggml.token_type': got a list of 11, expected a list of at most 524288 "
        "whole numbers");
}

TEST_CASE("tensors that are missing, misshaped or more than there should be are named") {
  const auto field = [](const char* tensor, std::size_t offset, auto value) {
    return good().put(tensor, offset, value).failure();
  };
  const char* const wte = "token_embd.weight";
  const std::string label = "tensor 'token_embd.weight': ";
  CHECK(good().replace("blk.1.ffn_up.bias", "blk.1.ffn_up.bia_").failure() ==
        "tensor 'blk.1.ffn_up.bias' is missing, expected [6]");
  CHECK(good().replace("blk.1.ffn_up.bias", "blk.0.ffn_up.bias").failure() ==
        "tensor 'blk.0.ffn_up.bias': it occurs twice");
  CHECK(field(wte, 0, std::uint32_t{0}) == label + "0 sizes, expected 1 to 4");
  CHECK(field(wte, 0, std::uint32_t{5}) == label + "5 sizes, expected 1 to 4");
  CHECK(field(wte, sizes_of_tensor, std::uint64_t{0}) == label + "size 0, expected 1 to 2^40");
  CHECK(field(wte, sizes_of_tensor, ~std::uint64_t{0}) ==
        label + "size 18446744073709551615, expected 1 to 2^40");
  CHECK(field(wte, sizes_of_tensor, std::uint64_t{1} << 40) ==
        label + "it has more numbers than fit into the file");
  CHECK(field(wte, sizes_of_tensor, std::uint64_t{5}) ==
        "a tensor begins at byte 192 of the data, expected 224");
  CHECK(field(wte, 20, std::uint32_t{4}) ==
        label + "its type is number 4, expected one of " + detail::known_types());
  CHECK(field(wte, 20, std::uint32_t{8}) ==
        label + "its rows have 4 numbers, expected a multiple of 32 for Q8_0");
  CHECK(field(wte, 20, std::uint32_t{1}) == "a tensor begins at byte 192 of the data, expected 96");
  CHECK(field(wte, 24, std::uint64_t{32}) == "a tensor begins at byte 32 of the data, expected 0");
  CHECK(field("position_embd.weight", 24, ~std::uint64_t{31}) ==
        "a tensor begins at byte 18446744073709551584 of the data, expected 192");
  GgufFile swapped;
  swapped.put(wte, sizes_of_tensor, std::uint64_t{11})
      .put(wte, sizes_of_tensor + 8, std::uint64_t{4});
  CHECK(swapped.failure() == label + "its shape is [11, 4], expected [4, 11]");
  CHECK(good().replace("output_norm.weight", "output_morn.weight").failure() ==
        "tensor 'output_norm.weight' is missing, expected [4]");
}

TEST_CASE("numbers that are not finite are refused") {
  const GgufFile whole;
  const auto source = octavo_test::source_of(whole.bytes);
  const GgufReader reader(source);
  for (const float wrong : {std::nanf(""), -HUGE_VALF}) {
    for (const char* name : {"token_embd.weight", "blk.1.ffn_down.weight", "output_norm.bias"}) {
      GgufFile file;
      file.put_at(reader.tensor(name).offset + 3 * sizeof(float), wrong);
      CHECK(file.failure() == "tensor '" + std::string(name) + "': number 3 is not finite");
    }
  }
}

TEST_CASE("no corruption of a single byte does more than change a number or a text") {
  const GgufFile whole;
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < whole.bytes.size(); ++at) {
    for (const char byte : {'\x00', '\xff', '\x01', '\x80'}) {
      GgufFile file;
      file.bytes[at] = byte;
      accepted +=
          file.failure().empty() ? 1u : 0u;  // anything but a FormatError would end the test
    }
  }
  CHECK(accepted > whole.bytes.size());  // weights are most of it
}

TEST_CASE("refusing a file takes no more memory than twice its size and 16 MiB") {
  const auto check = [](GgufFile file) {
    std::size_t held = 0;
    bool refused = false;
    {
      const octavo_test::HeapPeak peak;
      refused = !file.failure().empty();
      held = peak.bytes();
    }
    CHECK(refused);
    CHECK(held <= 2 * file.bytes.size() + (std::size_t{16} << 20));
  };
  const auto vocabulary = [](std::size_t count, auto text) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(text(i));
    GgufEntries entries;
    entries.text("general.architecture", "gpt2");
    entries.text("tokenizer.ggml.model", "gpt2");
    entries.text("tokenizer.ggml.pre", "gpt-2");
    entries.texts("tokenizer.ggml.tokens", texts);
    entries.texts("tokenizer.ggml.merges", texts);
    return entries;
  };
  for (const std::size_t count : {262'144u, 262'145u, 1'000'000u}) {
    check(file_of(vocabulary(count, [](std::size_t i) { return std::to_string(i); }), 0));
    check(file_of(vocabulary(count, [](std::size_t) { return std::string(); }), 0));
  }
  check(file_of(
      vocabulary(20'000, [](std::size_t i) { return std::to_string(i) + std::string(900, 'x'); }),
      0));
  GgufEntries many;
  for (int i = 0; i < 10'000; ++i) many.truth(std::to_string(i), true);
  check(file_of(many, 0));
  detail::GgufBytes tensors;
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    tensors.text(std::to_string(i));
    tensors.number(std::uint32_t{1});
    tensors.number(std::uint64_t{1});
    tensors.number(std::uint32_t{0});
    tensors.number(32 * i);
  }
  check(file_of({}, 30'000, tensors.all()));
}
