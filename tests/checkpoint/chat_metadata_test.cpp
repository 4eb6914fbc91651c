// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/chat_metadata.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>

#include "checkpoint/forged_file.hpp"
#include "heap_guard/heap_guard.hpp"

using namespace octavo;
using octavo_test::ForgedFile;

namespace {

constexpr ModelConfig config{.vocabulary = 256,
                             .context = 3,
                             .layers = 1,
                             .width = 4,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 2}};

/// The bytes of a model file whose tokenizer has this chat format.
std::string file_with(const ChatFormat& chat) {
  AnyTokenizer tokenizer = ByteTokenizer();
  tokenizer.set_chat(chat);
  const std::vector<float> weights(static_cast<std::size_t>(parameter_count(config)));
  return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
    save_model<float>(path, standard_model(config), 3, tokenizer, weights, files);
  });
}

ChatFormat chat_in(const std::string& bytes) {
  const MemorySource source("x", std::as_bytes(std::span(bytes)));
  return ModelFile(source).tokenizer().chat();
}

std::string failure(const std::string& bytes) {
  try {
    (void)chat_in(bytes);
    return "";
  } catch (const FormatError& error) {
    return std::string(error.what()).substr(std::string("cannot load 'x': ").size());
  }
}

}  // namespace

TEST_CASE("a chat format comes back whatever its bytes, and a model without one has no entry") {
  const ChatFormat odd{std::string("{{ '\xff\0\xe2\x96\x81\n' }}", 12), Token{7}};
  CHECK(chat_in(file_with(odd)) == odd);
  const ChatFormat no_begin{"{{ messages }}", {}}, no_template{"", Token{0}};
  CHECK(chat_in(file_with(no_begin)) == no_begin);
  CHECK(chat_in(file_with(no_template)) == no_template);
  const std::string plain = file_with({});
  CHECK(chat_in(plain) == ChatFormat{});
  CHECK(plain.find("chat_template") == plain.npos);
  CHECK(plain.find("begin_token") == plain.npos);
}

TEST_CASE("the longest template is saved, a longer one refused, as is a begin token of no model") {
  const ChatFormat longest{std::string(longest_chat_template, 'x'), {}};
  CHECK(chat_in(file_with(longest)) == longest);
  CHECK_THROWS_WITH_AS(file_with({longest.chat_template + "x", {}}),
                       "chat template: got 262145 bytes, expected at most 262144", ConfigError);
  CHECK_THROWS_WITH_AS(file_with({"x", Token{256}}), "begin token: got 256, expected 0 to 255",
                       ConfigError);
}

TEST_CASE("spoiled entries are refused by name") {
  const ForgedFile good = ForgedFile::from(file_with({"abc", Token{3}}));
  const auto with = [&](const char* key, const std::string& value) {
    ForgedFile forged = good;
    return failure(forged.set(key, value).seal().bytes());
  };
  CHECK(with("chat_template", "616263") == "");
  CHECK(with("chat_template", "") == "metadata 'chat_template': got '', expected a template");
  for (const std::string value : {"6", "zz", "6A"}) {
    CHECK(with("chat_template", value) == "metadata 'chat_template': got '" + value +
                                              "', expected at most 262144 bytes in hexadecimal");
  }
  CHECK(with("chat_template", std::string(2 * longest_chat_template + 2, '6')) ==
        "metadata 'chat_template': got '" + std::string(80, '6') +
            "...', expected at most 262144 bytes in hexadecimal");
  CHECK(with("begin_token", "x") == "metadata 'begin_token': got 'x', expected a number");
  for (const std::string value : {"-1", "256"}) {
    CHECK(with("begin_token", value) ==
          "metadata 'begin_token': got '" + value + "', expected 0 to 255");
  }
}
