// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <octavo/base/formatted_number.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// One argument of concat: a view of a text, which must outlive this object, or a whole number.
class TextPart {
 public:
  TextPart(const char* text) : text_(text), kind_(Kind::ends_in_zero) {}
  TextPart(std::string_view text) : text_(text.data()), value_(text.size()) {}
  TextPart(const std::string& text) : text_(text.data()), value_(text.size()) {}
  TextPart(const FormattedNumber& number) : TextPart(std::string_view(number)) {}
  TextPart(char letter) : value_(static_cast<unsigned char>(letter)), kind_(Kind::letter) {}
  template <std::integral Number>
  TextPart(Number number)
      : value_(static_cast<std::uint64_t>(number)),
        kind_(number < Number{} ? Kind::negative : Kind::number) {}
  TextPart(std::floating_point auto) =
      delete;  // use FormattedNumber, which takes the number of digits

  void append_to(std::string& all) const;

 private:
  enum class Kind { text, ends_in_zero, letter, number, negative };

  const char* text_ = nullptr;
  std::uint64_t value_ = 0;  ///< a text's length, a letter or a number
  Kind kind_ = Kind::text;
};

/// Joins the parts to one text. (Each chain of + costs some 10 ms of compile time and 900 bytes of
/// code, each concat 4 ms and 350 bytes; libstdc++ 12 has no std::format.)
std::string concat(std::initializer_list<TextPart> parts);

}  // namespace OCTAVO_NAMESPACE::detail

namespace OCTAVO_NAMESPACE {

/// "1 byte", "2 bytes": a number and the noun that it counts. The plural is formed with an s.
inline std::string counted(std::integral auto number, std::string_view noun) {
  return detail::concat({number, ' ', noun, number == 1 ? "" : "s"});
}

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE::detail {

OCTAVO_INLINE void TextPart::append_to(std::string& all) const {
  switch (kind_) {
    case Kind::text:
      all.append(text_, value_);
      break;
    case Kind::ends_in_zero:
      all += text_;
      break;
    case Kind::letter:
      all += static_cast<char>(value_);
      break;
    case Kind::number:
      all += std::to_string(value_);
      break;
    case Kind::negative:
      all += std::to_string(static_cast<std::int64_t>(value_));
  }
}

[[gnu::noinline]] OCTAVO_INLINE std::string concat(std::initializer_list<TextPart> parts) {
  std::string all;
  for (const TextPart& part : parts) part.append_to(all);
  return all;
}

}  // namespace OCTAVO_NAMESPACE::detail

#endif  // OCTAVO_BODIES
