// SPDX-License-Identifier: MIT
// Bytes as a tokenizer.model: refused, or a tokenizer that encodes every text so that it comes
// back, and that comes back itself from Octavo's metadata; and those metadata, forged.
#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/interop/sentence_piece_file.hpp>

#include "fuzz/fuzz.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;
using fuzz::unless_refused;

namespace {

std::string field(int number, const std::string& bytes) {
  std::string text(1, static_cast<char>(number << 3 | 2));
  return text + static_cast<char>(bytes.size()) + bytes;
}

std::string piece(const std::string& text, int score, int type) {
  std::string bytes = field(1, text) + std::string("\x15\0\0\0", 4);
  bytes += static_cast<char>(0xc0 + score);
  return field(1, bytes + "\x18" + static_cast<char>(type));
}

const std::string& good_model() {
  static const std::string model = [] {
    std::string bytes = piece("<unk>", 0, 2) + piece("<s>", 0, 3);
    int score = 0;
    for (const char* text : {"a", "b", "\u2581", "aa", "ab",
                             "\u2581"
                             "a",
                             "xy"}) {
      bytes += piece(text, ++score % 5, 1);
    }
    bytes += piece("<m>", 0, 4);
    return bytes + field(2, "\x18\x02") + field(3, std::string("\x20\0", 2));
  }();
  return model;
}

void check_saved(const AnyTokenizer& tokenizer) {
  MetadataWriter metadata;
  detail::write_tokenizer(metadata, tokenizer);
  const nlohmann::json header{{"__metadata__", metadata.entries()}};
  const std::string text = header.dump();
  std::string bytes(sizeof(std::uint64_t), '\0');
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  bytes += text;
  const MemorySource source("input", std::as_bytes(std::span(bytes)));
  const SafetensorsReader file(source);
  demand(detail::read_tokenizer(MetadataReader(file), tokenizer.vocabulary_size()) == tokenizer,
         "a tokenizer comes back from a file as another one");
}

void check(const TokenTable& table, std::string_view text) {
  const AnyTokenizer tokenizer = tokenizer_of(table);
  demand(token_table_of(tokenizer) == table, "a table comes back as another one");
  check_saved(tokenizer);
  const std::vector<Token> tokens = tokenizer.encode(text);
  std::string back;
  for (const Token token : tokens) back += tokenizer.decode(token);
  const std::string expected = spaces_of_marks(text);
  const bool prefixed = back.size() == expected.size() + 1 && back[0] == ' ';
  const bool named = std::find(table.kinds.begin(), table.kinds.end(), TokenKind::user_defined) !=
                     table.kinds.end();
  const bool known = tokenizer.first_unknown(text) == std::string_view::npos && !named;
  demand(!known || back.substr(prefixed ? 1 : 0) == expected, "a text decodes to another one");
  demand(tokenizer.decode_text(tokens).size() <= 3 * back.size(), "a text grows");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = fuzz::text_of(bytes, size);
  const MemorySource source("tokenizer.model", std::as_bytes(std::span(text)));
  if (const auto table = unless_refused([&] { return read_sentence_piece_file(source); })) {
    check(*table, text);
    check(*table, "a ab  aab xyx \u2581");
  }
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size < 16 || choices.one_in(32)) return fuzz::give(good_model(), bytes, size, most);
  return LLVMFuzzerMutate(bytes, size, most);
}
