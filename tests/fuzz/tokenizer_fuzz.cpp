// SPDX-License-Identifier: MIT
// Bytes as an alphabet, as a text of characters and of byte pairs, and as what a file's metadata
// says about a tokenizer: only an Error may come of it, and every text that is encoded decodes to
// itself.
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/tokenizers/bpe_training.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>

#include "fuzz/fuzz.hpp"
#include "tokenizers/plain_bpe.hpp"

using namespace octavo;
using fuzz::demand;
using fuzz::unless_refused;

namespace {

std::string decoded(const CharacterTokenizer& tokenizer, std::span<const Token> tokens) {
  std::string text;
  for (const Token token : tokens) text += tokenizer.decode(token);
  return text;
}

/// Every byte of the text comes back, or as '?', or is named as the first that is unknown.
void check_text(const CharacterTokenizer& tokenizer, std::string_view text) {
  std::string expected(text);
  std::size_t first_unknown = text.size();
  for (std::size_t i = text.size(); i-- > 0;) {
    if (tokenizer.bytes().find(text[i]) != std::string_view::npos) continue;
    expected[i] = CharacterTokenizer::unknown_text[0];
    first_unknown = i;
  }
  std::vector<Token> tokens(text.size());
  try {
    tokens.resize(tokenizer.encode(text, tokens));
    demand(tokenizer.piece_count() > 0 || tokens.size() == text.size(),
           "a text has another number of tokens");
    demand(tokens.size() <= text.size(), "a text has more tokens than bytes");
    demand(decoded(tokenizer, tokens) == expected, "a text decodes to another one");
  } catch (const UnknownSymbol& error) {
    demand(!tokenizer.has_unknown() && error.offset() == first_unknown,
           "the wrong byte is called unknown");
  }
  const std::size_t cut = tokenizer.last_cut(text);
  if (tokenizer.has_unknown()) {
    std::vector<Token> front = tokenizer.encode(text.substr(0, cut));
    for (const Token token : tokenizer.encode(text.substr(cut))) front.push_back(token);
    demand(front == tokens, "a text that was cut has other tokens");
  }
  std::vector<Token> too_short(text.empty() ? 0 : text.size() - 1);
  demand(text.empty() || !unless_refused([&] { return tokenizer.encode(text, too_short); }),
         "an output that is too short is taken");
}

void check_token(const CharacterTokenizer& tokenizer, Token token) {
  const auto text = unless_refused([&] { return tokenizer.decode(token); });
  demand(text.has_value() == (token >= 0 && token < tokenizer.vocabulary_size()),
         "a token is decoded if and only if it is in the vocabulary");
  demand(!text || (text->size() >= 1 && text->size() <= 4), "a token is a character");
}

void check_alphabet(std::string_view alphabet, UnknownToken unknown, Index vocabulary) {
  const auto tokenizer = unless_refused([&] {
    return CharacterTokenizer({alphabet, ""}, unknown, vocabulary);
  });
  unless_refused([&] { return CharacterTokenizer(alphabet, unknown, vocabulary); });
  const bool distinct = std::set(alphabet.begin(), alphabet.end()).size() == alphabet.size();
  const Index least = std::ssize(alphabet) + (unknown == UnknownToken::included ? 1 : 0);
  const bool large_enough = vocabulary == 0 ? least > 0 : vocabulary >= least && vocabulary > 0;
  demand(tokenizer.has_value() == (distinct && large_enough),
         "an alphabet is taken if and only if its bytes are distinct and it has room");
  demand(!tokenizer || tokenizer->bytes() == alphabet, "an alphabet comes back as another one");
}

/// A file without tensors that has these entries.
std::string file_of(const std::map<std::string, std::string>& entries) {
  const nlohmann::json header{{"__metadata__", entries}};
  const std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string bytes(sizeof(std::uint64_t), '\0');
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + text;
}

AnyTokenizer read_from(const std::map<std::string, std::string>& entries, Index vocabulary) {
  const std::string bytes = file_of(entries);
  const MemorySource source("input", std::as_bytes(std::span(bytes)));
  const SafetensorsReader file(source);
  return detail::read_tokenizer(MetadataReader(file), vocabulary);
}

void check_saved(const AnyTokenizer& tokenizer) {
  MetadataWriter metadata;
  detail::write_tokenizer(metadata, tokenizer);
  demand(read_from(metadata.entries(), tokenizer.vocabulary_size()) == tokenizer,
         "a tokenizer comes back from a file as another one");
}

constexpr std::array forged_keys{"alphabet", "unknown_token", "tokenizer", "merges",
                                 "tokens",   "characters",    "end_token"};

/// Entries as somebody else may have written them, separated by zero bytes.
void check_forged(std::string_view text, Index vocabulary) {
  std::map<std::string, std::string> entries{{"tokenizer", "character"},
                                             {"unknown_token", "1"},
                                             {"alphabet", ""},
                                             {"merges", ""},
                                             {"tokens", ""}};
  for (const char* key : forged_keys) {
    const std::size_t end = text.find('\0');
    entries[key] = text.substr(0, end);
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  if (const auto tokenizer = unless_refused([&] { return read_from(entries, vocabulary); })) {
    check_saved(*tokenizer);
  }
}

/// Byte pairs learned from one half of a text are those that a count of everything gives, and
/// encode the other half so that it comes back, and in two parts as it does in one.
void check_pairs(std::string_view text) {
  const std::string_view half = text.substr(0, text.size() / 2);
  const BpeTokenizer tokenizer = train_bpe(half, 256 + 32);
  if (half.size() <= 200) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& [left, right] : tokenizer.merges()) {
      pairs.emplace_back(tokenizer.decode(left), tokenizer.decode(right));
    }
    demand(pairs == plain_bpe::train(half, 256 + 32), "other byte pairs are learned");
  }
  const auto encoded = [&](std::string_view part) {
    std::vector<Token> tokens(part.size());
    tokens.resize(tokenizer.encode(part, tokens));
    return tokens;
  };
  const std::vector<Token> whole = encoded(text);
  std::string back;
  for (const Token token : whole) back += tokenizer.decode(token);
  demand(back == text, "a text of byte pairs decodes to another one");
  const std::size_t cut = tokenizer.last_cut(text);
  demand(cut == 0 || cut < text.size(), "a text is cut where it ends");
  std::vector<Token> parts = encoded(text.substr(0, cut));
  for (const Token token : encoded(text.substr(cut))) parts.push_back(token);
  demand(parts == whole, "a text has other tokens in parts");
  check_saved(tokenizer);
}

template <typename N>
N taken(std::string_view& text) {
  std::array<char, sizeof(N)> bytes{};
  text.copy(bytes.data(), bytes.size());
  text.remove_prefix(std::min(text.size(), bytes.size()));
  return std::bit_cast<N>(bytes);
}

/// An input whose metadata are those of byte pairs.
const std::string& forged_pairs() {
  static const std::string input = [] {
    MetadataWriter metadata;
    const BpeTokenizer tokenizer = train_bpe("abab abab cabc", 260);
    detail::write_tokenizer(metadata, tokenizer);
    std::string made(14, '\0');  // what stands before, with an empty alphabet
    made[0] = 2;                 // a vocabulary of any size, this one
    const Index vocabulary = tokenizer.vocabulary_size();
    std::memcpy(made.data() + 1, &vocabulary, sizeof(vocabulary));
    for (const char* key : forged_keys) {
      const auto found = metadata.entries().find(key);
      if (found != metadata.entries().end()) made += found->second;
      made += '\0';
    }
    return made;
  }();
  return input;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text = fuzz::text_of(bytes, size);
  const auto choice = taken<std::uint8_t>(text);
  const UnknownToken unknown = choice % 2 == 0 ? UnknownToken::included : UnknownToken::excluded;
  const Index vocabulary = choice / 2 % 2 == 0 ? taken<std::uint8_t>(text) : taken<Index>(text);
  const auto token = taken<Token>(text);
  const std::string_view alphabet = text.substr(0, taken<std::uint8_t>(text));
  check_alphabet(alphabet, unknown, vocabulary);
  check_forged(text, vocabulary);
  check_pairs(text);
  const auto tokenizer =
      unless_refused([&] { return CharacterTokenizer::from_text(alphabet, unknown); });
  demand(tokenizer.has_value() || (alphabet.empty() && unknown == UnknownToken::excluded),
         "every text has an alphabet");
  if (!tokenizer) return 0;
  check_text(*tokenizer, alphabet);
  check_text(*tokenizer, text);
  check_token(*tokenizer, token);
  check_token(*tokenizer, token % 256);
  check_saved(*tokenizer);
  check_saved(tokenizer->with_end_token());
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  fuzz::Choices choices(seed);
  if (choices.one_in(16)) return fuzz::give(forged_pairs(), bytes, size, most);
  if (size >= 16 && choices.one_in(8)) {  // digits that may make an alphabet
    const std::size_t first = 6 + choices.below(8);
    for (std::size_t i = first; i < size; ++i) {
      bytes[i] = static_cast<std::uint8_t>("0123456789abcdef"[bytes[i] % 16]);
    }
    return size;
  }
  return LLVMFuzzerMutate(bytes, size, most);
}
