// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// How bytes that are not UTF-8 are written.
enum class InvalidUtf8 {
  replace,  ///< as U+FFFD, like Python and web browsers: see Utf8Assembler
  keep,     ///< unchanged
};

/// Assembles single bytes to whole UTF-8 characters. Table 3-7 of the Unicode standard defines
/// well-formed characters: no overlong forms, no surrogates, nothing above U+10FFFF. An invalid
/// start is replaced by one U+FFFD, and the byte that made it invalid starts a new character
/// ("substitution of maximal subparts", chapter 3.9). Stores four bytes; does not allocate.
class Utf8Assembler {
 public:
  static constexpr std::string_view replacement = "\xEF\xBF\xBD";

  constexpr explicit Utf8Assembler(InvalidUtf8 invalid = InvalidUtf8::replace)
      : invalid_(invalid) {}

  /// Calls write(std::string_view) with each character or replacement that the byte completes.
  template <typename Write>
  constexpr void add(char byte, Write&& write) {
    const auto value = static_cast<unsigned char>(byte);
    if (size_ > 0 && (value < least_ || value > most_)) finish(write);
    if (size_ == 0 && !begin(value)) return write_invalid({&byte, 1}, write);
    bytes_[static_cast<std::size_t>(size_++)] = byte;
    if (size_ > 1) least_ = 0x80, most_ = 0xBF;
    if (size_ < expected_) return;
    write(std::string_view(bytes_.data(), static_cast<std::size_t>(size_)));
    size_ = 0;
  }

  /// At the end of the text: an incomplete character is invalid.
  template <typename Write>
  constexpr void finish(Write&& write) {
    if (size_ == 0) return;
    write_invalid({bytes_.data(), static_cast<std::size_t>(size_)}, write);
    size_ = 0;
  }

 private:
  /// The size of a character with this first byte, and the range of its second byte.
  constexpr bool begin(unsigned char lead) {
    least_ = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    most_ = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    expected_ = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return expected_ > 0 && lead <= 0xF4;
  }

  template <typename Write>
  constexpr void write_invalid(std::string_view bytes, Write&& write) const {
    write(invalid_ == InvalidUtf8::replace ? replacement : bytes);
  }

  InvalidUtf8 invalid_;
  std::array<char, 4> bytes_{};
  int size_ = 0;
  int expected_ = 0;
  unsigned char least_ = 0x80, most_ = 0xBF;  ///< range of the next byte
};

/// The number of characters of `text`; each part that Utf8Assembler would replace counts as one.
constexpr Index utf8_characters(std::string_view text) {
  Utf8Assembler assembler;
  Index count = 0;
  const auto counting = [&](std::string_view) { ++count; };
  for (const char byte : text) assembler.add(byte, counting);
  assembler.finish(counting);
  return count;
}

}  // namespace OCTAVO_NAMESPACE
