// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/base/formatted_number.hpp>

namespace OCTAVO_NAMESPACE {

/// The capabilities of a terminal.
struct TerminalStyle {
  Index width = 80;      ///< columns
  bool color = false;    ///< ANSI escapes
  bool unicode = false;  ///< UTF-8, and a font with blocks and braille
};

enum class Ink { plain, strong, quiet, training, validation };

/// One line for a terminal, in fixed memory: its bytes and its number of columns. Text that does
/// not fit is left out.
class TerminalText {
 public:
  explicit TerminalText(const TerminalStyle& style) noexcept : style_(style) {}

  std::string_view view() const noexcept { return {text_.data(), size_}; }
  Index columns() const noexcept { return columns_; }
  const TerminalStyle& style() const noexcept { return style_; }

  /// Adds text with one column per character; in UTF-8 if the style allows it.
  void add(std::string_view text, Ink ink = Ink::plain) noexcept {
    if (text.empty()) return;
    change(ink);
    put(text);
    columns_ += std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  }

  void fill(std::string_view character, Index count, Ink ink = Ink::plain) noexcept {
    for (Index i = 0; i < count; ++i) add(character, ink);
  }

  /// Resets the terminal's style.
  void end() noexcept { change(Ink::plain); }

 private:
  void change(Ink ink) noexcept {
    static constexpr std::array<std::string_view, 5> codes = {"\x1b[0m", "\x1b[0;1m", "\x1b[0;2m",
                                                              "\x1b[0;36m", "\x1b[0;33m"};
    if (style_.color && ink != ink_) put(codes[static_cast<std::size_t>(ink)]);
    ink_ = ink;
  }

  void put(std::string_view text) noexcept {
    if (text.size() > text_.size() - size_) return;
    std::copy(text.begin(), text.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += text.size();
  }

  TerminalStyle style_;
  std::array<char, 4096> text_;
  std::size_t size_ = 0;
  Index columns_ = 0;
  Ink ink_ = Ink::plain;
};

/// "0:07", "12:05", "3:20:11", "2 d 3 h".
inline FormattedNumber clock_time(double seconds) noexcept {
  if (!(seconds < 8.64e10)) return FormattedNumber("%c", '?');
  const auto whole = static_cast<long long>(std::max(0.0, seconds) + 0.5);
  if (whole >= 86400) return FormattedNumber("%lld d %lld h", whole / 86400, whole / 3600 % 24);
  if (whole >= 3600) {
    return FormattedNumber("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return FormattedNumber("%lld:%02lld", whole / 60, whole % 60);
}

/// "950", "12.3k", "4.56M".
inline FormattedNumber short_count(double count) noexcept {
  if (count >= 999.5e3) return FormattedNumber::fixed(count / 1e6, 2, "M");
  if (count >= 9999.5) return FormattedNumber::fixed(count / 1e3, 1, "k");
  return FormattedNumber::fixed(count, 0);
}

/// A loss in four digits: "1.543", "0.01234", "12.35", "1.2e+07".
inline FormattedNumber short_loss(double loss) noexcept {
  if (!(loss >= 1e-4 && loss < 9999.5)) return FormattedNumber::general(loss, 2);
  int decimals = 7;
  for (double limit = 9.9995e-4; decimals > 0 && loss >= limit; limit *= 10) --decimals;
  return FormattedNumber::fixed(loss, decimals);
}

/// "640 kB", "5.2 MB": readable_bytes() without the heap.
inline FormattedNumber short_bytes(double bytes) noexcept {
  if (bytes >= 999.5e6) return FormattedNumber::fixed(bytes / 1e9, 2, " GB");
  if (bytes >= 99.95e6) return FormattedNumber::fixed(bytes / 1e6, 0, " MB");
  return bytes >= 999.5e3 ? FormattedNumber::fixed(bytes / 1e6, 1, " MB")
                          : FormattedNumber::fixed(bytes / 1e3, 0, " kB");
}

}  // namespace OCTAVO_NAMESPACE
