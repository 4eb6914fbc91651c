// SPDX-License-Identifier: MIT
// GGUF files that others have written, with less or more in them than Octavo's.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "interop/gguf_file.hpp"

using namespace octavo;
using octavo_test::GgufFile;

namespace {

using Lines = std::vector<std::string>;
using Tokens = std::vector<Token>;

const std::string kinds_key = "tokenizer.ggml.token_type";

/// A file is read from where it lies.
struct Read {
  explicit Read(const GgufFile& file)
      : source("x", std::as_bytes(std::span(file.bytes))), model(source) {}
  TokenKind kind(std::size_t token) const { return model.tokens()->kinds[token]; }
  const Lines& notes() const { return model.config().notes; }

  MemorySource source;
  GgufModel model;
};

}  // namespace

TEST_CASE("without the name of its splitting, or with 'default', a text is split as GPT-2's") {
  GgufFile file;
  CHECK(Read(file).notes().empty());
  file.replace("tokenizer.ggml.pre", "tokenizer.ggml.prx");
  const Read missing(file);
  CHECK(missing.model.tokens() == Read(GgufFile()).model.tokens());
  REQUIRE(missing.notes().size() == 1);
  CHECK(missing.notes()[0].starts_with("'tokenizer.ggml.pre' is missing: texts are split as"));
  const GgufFile phi = GgufFile().replace("gpt-2", "phi-2");
  CHECK(Read(phi).notes().empty());
  CHECK(GgufFile()
            .replace("gpt-2", "llama")
            .failure()
            .starts_with("entry 'tokenizer.ggml.pre': got 'llama', expected one of 'gpt-2', "));
}

TEST_CASE("without types what no merge makes is a special token, or in reserve") {
  GgufFile file;
  file.replace(kinds_key, "tokenizer.ggml.token_kind");
  const Read normal(file);
  CHECK(normal.kind(10) == TokenKind::control);  // the end of text
  CHECK(normal.kind(0) == TokenKind::normal);
  CHECK(normal.kind(6) == TokenKind::normal);
  file.set("tokenizer.ggml.eos_token_id", 3u);
  file.replace("<|end|>", "<|  |>X");
  CHECK(Read(file).kind(10) == TokenKind::unused);
  file.replace("<|  |>X", "<|end|>");
  CHECK(Read(file).kind(10) == TokenKind::control);
}

TEST_CASE("a token of the text may be user-defined or special as well") {
  const auto of_kind = [](TokenKind kind) {
    return GgufFile().put(kinds_key, 16 + 4 * 4, static_cast<std::int32_t>(kind));  // "ab"
  };
  CHECK(Read(of_kind(TokenKind::user_defined)).model.tokens()->rules.at(4).always);
  CHECK(Read(of_kind(TokenKind::control)).model.tokens()->rules.at(4).recognized);
  for (const TokenKind kind : {TokenKind::user_defined, TokenKind::control, TokenKind::unused}) {
    const Read read(of_kind(kind));
    CHECK(read.kind(4) == TokenKind::normal);
    GgufFile again;
    again.bytes = octavo_test::gguf_bytes<float>(read.model.config(), *read.model.tokens(),
                                                 octavo_test::gpt2_weights<float>());
    CHECK(Read(again).model.tokens() == read.model.tokens());
  }
  CHECK(GgufFile().put(kinds_key, 16, std::int32_t{0}).failure() == "");  // undefined
}

TEST_CASE("token numbers that no token has are none, and noted") {
  const Read read(GgufFile()
                      .set("tokenizer.ggml.bos_token_id", 50256u)
                      .set("tokenizer.ggml.eos_token_id", 0xffffffffu));
  CHECK(!read.model.config().begin_token);
  CHECK(read.model.config().end_tokens() == std::vector<Token>{10});  // "<|end|>", by its name
  CHECK(read.notes() == Lines{"'tokenizer.ggml.bos_token_id' is 50256, which no token has (0 to "
                              "10): it is set aside",
                              "'tokenizer.ggml.eos_token_id' is 4294967295, which no token has (0 "
                              "to 10): it is set aside"});
}

TEST_CASE("a second token that ends a text comes back") {
  PretrainedConfig config{octavo_test::gpt2_shape, 3, 1, 10};
  config.other_end_tokens = {2};
  GgufFile file;
  file.bytes = octavo_test::gguf_bytes<float>(config, octavo_test::pair_tokens(),
                                              octavo_test::gpt2_weights<float>());
  CHECK(Read(file).model.config().end_tokens() == Tokens{10, 2});
}

TEST_CASE("a text where a number belongs is shown as one") {
  // The type of "gpt2.block_count" becomes text: its number is then a length.
  GgufFile file;
  file.put("gpt2.block_count", 0, std::uint32_t{8});
  CHECK(file.failure() != "");
  CHECK(GgufFile().replace("general.architecture", "general.architectura").failure() ==
        "there is no entry 'general.architecture'");
  CHECK(GgufFile().put("general.architecture", 4 + 8, 'x').failure() ==
        "entry 'general.architecture': got 'xpt2', expected one of 'gpt2', 'qwen2', 'llama', "
        "'qwen3', 'gemma', "
        "'gemma2', 'gemma3'");
}
