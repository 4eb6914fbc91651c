// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/token_table.hpp>

// SentencePiece's tokenizer.model: a ModelProto of protobuf (sentencepiece_model.proto). Read are
// the pieces (field 1: text, score, type), the trainer's specification (2: kind of model, byte
// fallback and so on) and the normalizer's (3); other fields are skipped.
namespace OCTAVO_NAMESPACE {
namespace detail {

/// The fields of a protobuf message, one after the other.
class ProtobufFields {
 public:
  struct Field {
    std::uint64_t number = 0;
    int wire = 0;             ///< 0: varint, 1: 8 bytes, 2: bytes, 5: 4 bytes
    std::uint64_t value = 0;  ///< of wire types 0, 1 and 5
    std::string_view bytes{};
  };

  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  /// The next field; nothing at the end, or where the message is damaged.
  std::optional<Field> next() {
    if (rest_.empty() || damaged_) return std::nullopt;
    Field field;
    const std::uint64_t tag = varint();
    field.number = tag >> 3;
    field.wire = static_cast<int>(tag & 7);
    switch (field.wire) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2: {
        const std::uint64_t size = varint();
        damaged_ = damaged_ || size > rest_.size();
        if (damaged_) break;
        field.bytes = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(field.bytes.size());
        break;
      }
      case 5:
        field.value = fixed(4);
        break;
      default:
        damaged_ = true;
    }
    damaged_ = damaged_ || field.number == 0;
    return damaged_ ? std::nullopt : std::optional(field);
  }
  bool damaged() const noexcept { return damaged_; }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    damaged_ = true;
    return 0;
  }
  std::uint64_t fixed(std::size_t size) {
    if (rest_.size() < size) {
      damaged_ = true;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(size);
    return value;
  }

  std::string_view rest_;
  bool damaged_ = false;
};

/// Reads a tokenizer.model into a table with scores.
class SentencePieceFile {
 public:
  explicit SentencePieceFile(const ByteSource& source) : name_(source.name()) {
    constexpr std::size_t most = 64'000'000;
    if (source.size() > most) {
      fail(concat({"it has ", counted(source.size(), "byte"), ", expected at most ", most}));
    }
    std::string text(source.size(), '\0');
    source.read(0, std::as_writable_bytes(std::span(text)));
    table_.sentence_pieces = table_.fuse_unknown = true;
    table_.prefix = SpacePrefix::first;
    each_field(text, [&](const ProtobufFields::Field& field) { read(field); });
    if (table_.tokens.empty()) fail("it has no pieces: is it a SentencePiece model?");
    if (model_ != 2) {
      fail(concat({"its model is of type ", model_, (model_ == 1 ? " (unigram)" : ""),
                   ", expected 2 (BPE)"}));
    }
    if (collapses_) {
      fail("it removes extra spaces, expected 'remove_extra_whitespaces' to be false");
    }
    table_.strip_space = table_.prefix != SpacePrefix::never;
    require_tokenizer(table_, name_);
  }

  TokenTable take() { return std::move(table_); }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FormatError(concat({"cannot load ", printable(name_), ": ", what}));
  }

  template <typename Read>
  void each_field(std::string_view message, const Read& read) const {
    ProtobufFields fields(message);
    while (const auto field = fields.next()) read(*field);
    if (fields.damaged()) fail("it is damaged, or not a SentencePiece model");
  }

  void read(const ProtobufFields::Field& field) {
    if (field.wire != 2) return;
    if (field.number == 1) read_piece(field.bytes);
    if (field.number == 2) {
      each_field(field.bytes, [&](const ProtobufFields::Field& one) { read_trainer(one); });
    }
    if (field.number == 3) {
      each_field(field.bytes, [&](const ProtobufFields::Field& one) { read_normalizer(one); });
    }
  }

  void read_piece(std::string_view message) {
    std::string text;
    float score = 0;
    std::uint64_t type = 1;
    each_field(message, [&](const ProtobufFields::Field& field) {
      if (field.number == 1 && field.wire == 2) text = field.bytes;
      if (field.number == 2 && field.wire == 5) {
        score = octavo::bit_cast<float>(static_cast<std::uint32_t>(field.value));
      }
      if (field.number == 3 && field.wire == 0) type = field.value;
    });
    const std::size_t at = table_.tokens.size();
    if (at == BpeVocabulary::most_tokens) fail("it has more than 2^19 pieces");
    if (type < 1 || type > 6 || type == 5) {
      fail(concat({"piece ", at, ", ", printable(text), ", is of type ", type,
                   (type == 5 ? " (unused)" : ""), ", expected 1 to 4, or 6"}));
    }
    const auto kind = static_cast<TokenKind>(static_cast<std::int32_t>(type));
    if (kind == TokenKind::user_defined) table_.rules[static_cast<Token>(at)].late = true;
    table_.tokens.push_back(std::move(text));
    table_.kinds.push_back(kind);
    table_.scores.push_back(score);
  }

  void read_trainer(const ProtobufFields::Field& field) {
    if (field.number == 3 && field.wire == 0) model_ = field.value;
    const bool suffix = field.number == 24 && field.value != 0;  // a space ends a word
    if (suffix)
      fail("it treats a space as a word's end, expected 'treat_whitespace_as_suffix' false");
  }

  void read_normalizer(const ProtobufFields::Field& field) {
    if (field.number == 2 && !field.bytes.empty()) {
      fail("it normalizes texts by a table of characters, expected the normalization 'identity'");
    }
    if (field.wire != 0) return;
    if (field.number == 3 && field.value == 0) table_.prefix = SpacePrefix::never;
    if (field.number == 4) collapses_ = field.value != 0;
    if (field.number == 5 && field.value == 0) {
      fail("it does not mark spaces, expected 'escape_whitespaces' to be true");
    }
  }

  std::string name_;
  TokenTable table_;
  std::uint64_t model_ = 1;  // what the format takes for granted
  bool collapses_ = true;
};

}  // namespace detail

/// The vocabulary of SentencePiece's tokenizer.model. FormatError if it is invalid, or if Octavo's
/// tokenizers would give other tokens. User-defined pieces are found in a text before all else.
inline TokenTable read_sentence_piece_file(const ByteSource& source) {
  return detail::SentencePieceFile(source).take();
}

}  // namespace OCTAVO_NAMESPACE
