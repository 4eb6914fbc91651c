// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/files/crc32c.hpp>
#include <octavo/files/mapped_file.hpp>

// A token file is a header of 4096 bytes, zero-padded after its fields, followed by the tokens,
// token_bytes(vocabulary) bytes each. Numbers are little-endian.
namespace OCTAVO_NAMESPACE {

/// The description of the tokens in a token file. The three texts have at most 64 bytes; the
/// program that writes the file chooses them, and compares them before it uses the file again.
struct TokenFileInfo {
  Index vocabulary = 0;
  Index tokens = 0;
  std::uint64_t text_bytes = 0;  ///< of the text that the tokens come from
  std::string text_hash;
  std::string tokenizer_hash;
  std::string text_stamp;  ///< identifies an unchanged text without reading it
};

namespace detail {

inline constexpr std::array<char, 8> token_file_magic{'O', 'C', 'T', 'A', 'V', 'T', 'O', 'K'};
inline constexpr std::uint32_t token_file_version = 1;
inline constexpr std::size_t token_header_bytes = 4096;

using TokenFileText = std::array<char, 64>;  ///< zero-padded

/// The header's fields, in the layout of the file.
struct TokenFileFields {
  std::array<char, 8> magic = token_file_magic;
  std::uint32_t version = token_file_version;
  std::uint32_t token_bytes = 0;
  std::uint64_t vocabulary = 0;
  std::uint64_t tokens = 0;
  std::uint64_t text_bytes = 0;
  TokenFileText text_hash{};
  TokenFileText tokenizer_hash{};
  TokenFileText text_stamp{};
  std::uint32_t tokens_sum = 0;       ///< CRC-32C of the tokens
  std::uint32_t header_checksum = 0;  ///< of the header, with this field as zero
};
static_assert(sizeof(TokenFileFields) == 240);

using TokenFileHeader = std::array<std::byte, token_header_bytes>;

/// The header with these fields and its checksum.
OCTAVO_INLINE TokenFileHeader to_header(TokenFileFields fields);

OCTAVO_INLINE TokenFileFields to_fields(const TokenFileHeader& header);

OCTAVO_INLINE std::string text_of(const TokenFileText& field);

}  // namespace detail

/// A token file mapped into the address space, see MappedFile. The constructor checks the header;
/// verify() checks the tokens and must be called before view(). A program that writes to the file
/// while it is open can still make this program fail.
class TokenFile {
 public:
  /// Error of code no_input if the file cannot be opened; FormatError if it is not a token file,
  /// has another version, is damaged or has a length other than its header says.
  explicit TokenFile(const std::string& path, FileSystem& files = real_file_system());

  /// Whether a file starts like a token file.
  static bool has_magic(const ByteSource& file);

  const std::string& path() const noexcept { return file_.name(); }
  const TokenFileInfo& info() const noexcept { return info_; }

  /// Reads every token, bypassing the mapping. FormatError if one lies outside the vocabulary, or
  /// if the checksum differs.
  void verify();

  /// See MappedFile.
  void release_pages() const noexcept { file_.release_pages(); }

  /// The tokens; valid as long as this object. ConfigError before verify().
  TokenView view() const;

 private:
  [[noreturn]] void refuse(const std::string& why) const;

  void check(const detail::TokenFileFields& fields) const;

  /// The largest of stored tokens, and its first place.
  struct Largest {
    std::uint64_t token = 0;
    std::size_t place = 0;
  };
  template <typename T>
  static Largest largest_of(std::span<const std::byte> bytes) noexcept {
    const T* const tokens = reinterpret_cast<const T*>(bytes.data());
    T largest = 0;
    for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
      largest = std::max(largest, tokens[i]);
    }
    std::size_t place = 0;
    while (tokens[place] != largest) ++place;
    return {largest, place};
  }

  std::size_t count() const noexcept { return static_cast<std::size_t>(info_.tokens); }

  MappedFile file_;
  TokenFileInfo info_;
  std::uint32_t sum_ = 0;  ///< of the tokens, according to the header
  bool verified_ = false;
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE TokenFileHeader to_header(TokenFileFields fields) {
  TokenFileHeader header{};
  const auto place = [&](std::uint32_t sum) {
    fields.header_checksum = sum;
    const auto bytes = octavo::bit_cast<std::array<std::byte, sizeof(fields)>>(fields);
    std::copy(bytes.begin(), bytes.end(), header.begin());
  };
  place(0);
  place(crc32c(header));
  return header;
}

OCTAVO_INLINE TokenFileFields to_fields(const TokenFileHeader& header) {
  std::array<std::byte, sizeof(TokenFileFields)> bytes;
  std::copy_n(header.begin(), bytes.size(), bytes.begin());
  return octavo::bit_cast<TokenFileFields>(bytes);
}

OCTAVO_INLINE std::string text_of(const TokenFileText& field) {
  const auto end = std::find(field.begin(), field.end(), '\0');
  return {field.begin(), end};
}

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

OCTAVO_INLINE TokenFile::TokenFile(const std::string& path, FileSystem& files)
    : file_(path, files) {
  if (!has_magic(file_)) {
    throw FormatError(detail::concat({printable(path), " is not a token file"}),
                      "name another file");
  }
  detail::TokenFileHeader header;
  if (file_.size() < header.size()) refuse("truncated: it ends within its header");
  file_.read(0, header);
  const detail::TokenFileFields fields = detail::to_fields(header);
  if (fields.version != detail::token_file_version) {
    refuse(detail::concat(
        {"got version ", fields.version, ", expected ", detail::token_file_version}));
  }
  if (detail::to_header(fields) != header) {
    refuse("the header does not have the checksum that it states");
  }
  sum_ = fields.tokens_sum;
  check(fields);
  info_ = {static_cast<Index>(fields.vocabulary),
           static_cast<Index>(fields.tokens),
           fields.text_bytes,
           detail::text_of(fields.text_hash),
           detail::text_of(fields.tokenizer_hash),
           detail::text_of(fields.text_stamp)};
}

OCTAVO_INLINE bool TokenFile::has_magic(const ByteSource& file) {
  std::array<char, detail::token_file_magic.size()> magic{};
  if (file.size() < magic.size()) return false;
  file.read(0, std::as_writable_bytes(std::span(magic)));
  return magic == detail::token_file_magic;
}

OCTAVO_INLINE void TokenFile::verify() {
  const auto vocabulary = static_cast<std::uint64_t>(info_.vocabulary);
  const std::size_t width = token_bytes(info_.vocabulary);
  constexpr std::size_t most = std::size_t{1} << 16;
  std::vector<std::byte> piece;
  std::uint32_t sum = 0;
  for (std::size_t first = 0; first < count(); first += most) {
    piece.resize(width * std::min(most, count() - first));
    file_.read(detail::token_header_bytes + first * width, piece);
    sum = crc32c(piece, sum);
    const Largest largest = width == 1   ? largest_of<std::uint8_t>(piece)
                            : width == 2 ? largest_of<std::uint16_t>(piece)
                                         : largest_of<std::uint32_t>(piece);
    if (largest.token < vocabulary) continue;
    refuse(detail::concat({"token ", first + largest.place, " is ", largest.token,
                           ", expected 0 to ", vocabulary - 1}));
  }
  if (sum != sum_) refuse("the tokens do not have the checksum that the header states");
  verified_ = true;
}

OCTAVO_INLINE TokenView TokenFile::view() const {
  require(verified_, "token file: expected verify() before view()");
  const std::byte* const first = file_.bytes().data() + detail::token_header_bytes;
  const auto count = static_cast<std::size_t>(info_.tokens);
  TokenView view;
  switch (token_bytes(info_.vocabulary)) {
    case 1:
      view = std::span(reinterpret_cast<const std::uint8_t*>(first), count);
      break;
    case 2:
      view = std::span(reinterpret_cast<const std::uint16_t*>(first), count);
      break;
    default:
      view = std::span(reinterpret_cast<const Token*>(first), count);
  }
  return view.checked(info_.vocabulary);
}

[[noreturn]] OCTAVO_INLINE void TokenFile::refuse(const std::string& why) const {
  throw FormatError(detail::concat({"token file ", printable(path()), ": ", why}),
                    "remove it: it will be made again");
}

OCTAVO_INLINE void TokenFile::check(const detail::TokenFileFields& fields) const {
  const std::uint64_t most = std::uint64_t{std::numeric_limits<Token>::max()} + 1;
  if (fields.vocabulary < 1 || fields.vocabulary > most) {
    refuse(detail::concat({"got a vocabulary of ", fields.vocabulary, ", expected 1 to ", most}));
  }
  const std::size_t width = token_bytes(static_cast<Index>(fields.vocabulary));
  if (fields.token_bytes != width) {
    refuse(detail::concat({"got ", counted(fields.token_bytes, "byte"), " per token, expected ",
                           width, " for a vocabulary of ", fields.vocabulary}));
  }
  const std::size_t payload = file_.size() - detail::token_header_bytes;
  if (payload % width == 0 && payload / width == fields.tokens) return;
  refuse(detail::concat({"got ", counted(payload, "byte"), " of tokens, expected ", fields.tokens,
                         " tokens of ", width,
                         (payload / width < fields.tokens ? ": it is truncated" : "")}));
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
