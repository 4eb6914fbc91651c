// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/base/formatted_number.hpp>
#include <octavo/base/utf8.hpp>
#include <octavo/base/write_number.hpp>

namespace OCTAVO_NAMESPACE {

/// Writes an HTML page in pieces, so that it is never in memory as a whole. Markup is written
/// unchanged; text is escaped, so that any bytes are displayed as they are.
class PageWriter {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// `sink` gets pieces of at most 4 KiB, the last one from flush().
  explicit PageWriter(Sink sink) : sink_(std::move(sink)) {}

  PageWriter& markup(std::string_view text) {
    while (!text.empty()) {
      if (filled_ == buffer_.size()) flush();
      const std::size_t count = std::min(text.size(), buffer_.size() - filled_);
      std::copy_n(text.begin(), count, buffer_.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += count;
      text.remove_prefix(count);
    }
    return *this;
  }

  /// Text inside elements, or in attributes in double quotes. Bytes that are not UTF-8 become
  /// U+FFFD; control characters, which HTML does not allow, become their pictures: U+0007 becomes
  /// U+2407.
  PageWriter& text(std::string_view words) {
    while (!words.empty()) {
      const std::size_t length = utf8_length(words);
      character(words.substr(0, length));
      words.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return *this;
  }

  PageWriter& whole(Index value) {
    std::array<char, 24> digits;
    const auto end = write_number(digits.data(), digits.data() + digits.size(), value).ptr;
    return markup({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  /// A number with a comma between groups of three digits: "7,491,008".
  template <std::integral Number>
  PageWriter& grouped(Number value) {
    return markup(FormattedNumber::grouped(value));
  }

  /// A number with `digits` significant digits; "-" if it is not finite. Independent of the locale.
  PageWriter& number(double value, int digits) {
    if (!std::isfinite(value)) return markup("-");
    return formatted(value, std::chars_format::general, digits);
  }

  /// A number with `digits` digits after the point, for values with few digits before it.
  PageWriter& fixed(double value, int decimals) {
    if (!(std::abs(value) < 1e15)) return number(value, 6);
    return formatted(value, std::chars_format::fixed, decimals);
  }

  void flush() {
    const std::size_t count = std::exchange(filled_, 0);
    if (count > 0) sink_({buffer_.data(), count});
  }

 private:
  PageWriter& formatted(double value, std::chars_format format, int precision) {
    std::array<char, 64> digits;
    const auto end =
        write_number(digits.data(), digits.data() + digits.size(), value, format, precision).ptr;
    return markup({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  /// One character of UTF-8; nothing for an invalid byte.
  void character(std::string_view bytes) {
    const auto first = bytes.empty() ? 0u : static_cast<unsigned char>(bytes[0]);
    const bool second_control = first == 0xC2 && static_cast<unsigned char>(bytes[1]) < 0xA0;
    if (bytes.empty() || second_control) {
      markup("\uFFFD");
    } else if ((first < 0x20 && first != '\n' && first != '\t') || first == 0x7F) {
      const std::array<char, 3> picture = {
          '\xE2', '\x90', static_cast<char>(0x80 + (first == 0x7F ? 0x21u : first))};
      markup({picture.data(), picture.size()});
    } else {
      switch (first) {
        case '&':
          markup("&amp;");
          break;
        case '<':
          markup("&lt;");
          break;
        case '>':
          markup("&gt;");
          break;
        case '"':
          markup("&quot;");
          break;
        default:
          markup(bytes);
      }
    }
  }

  Sink sink_;
  std::array<char, 4096> buffer_;
  std::size_t filled_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
