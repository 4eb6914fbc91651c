// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/header_check.hpp>

namespace OCTAVO_NAMESPACE {

/// A file with one JSON object per line (JSONL), read line by line: the memory is that of the
/// longest line. Blank lines are passed over.
class JsonLines {
 public:
  using Json = nlohmann::json;

  static constexpr std::size_t longest_line = std::size_t{4} << 20;

  /// `source` must outlive this object.
  explicit JsonLines(const ByteSource& source) : source_(&source) {}

  const std::string& name() const noexcept { return source_->name(); }
  /// The number of the line that next() returned, from 1 on.
  Index line() const noexcept { return line_; }

  /// The next object; nothing at the end of the file. DataError, without the file's name, if a line
  /// is longer than longest_line, or is not a JSON object within the limits; the call after it goes
  /// on with the next line. Error of code io if the file cannot be read.
  std::optional<Json> next() {
    std::string text;
    while (read_line(text)) {
      std::string_view object = text;
      if (line_ == 1 && object.starts_with("\xef\xbb\xbf")) object.remove_prefix(3);
      if (object.find_first_not_of(" \t\r") == object.npos) continue;
      return parsed(object);
    }
    return std::nullopt;
  }

 private:
  static constexpr detail::JsonLimits limits_{.nested = 16, .bytes = longest_line};

  static Json parsed(std::string_view text) {
    detail::HeaderCheck check("it", limits_);
    const FloatEnvironment environment;
    const bool sound = Json::sax_parse(text, &check);
    if (!check.wrong().empty()) throw DataError(check.wrong());
    if (!sound) refuse_syntax(text);
    Json object = Json::parse(text);
    if (!object.is_object()) {
      throw DataError(detail::concat({"it is ", article(object), ", expected a JSON object"}),
                      object.is_array() ? "write each element of the list on a line of its own "
                                          "(jq -c '.[]')"
                                        : "");
    }
    return object;
  }

  static std::string article(const Json& value) {
    const std::string type = value.type_name();
    return (type == "array" ? "an " : type == "null" ? "" : "a ") + type;
  }

  [[noreturn]] static void refuse_syntax(std::string_view text) {
    std::size_t at = 0;
    try {
      [[maybe_unused]] const Json none = Json::parse(text);
    } catch (const Json::parse_error& error) {
      at = error.byte;
    }
    const bool list = text.find_first_not_of(" \t\r") != text.npos &&
                      text[text.find_first_not_of(" \t\r")] == '[';
    throw DataError(detail::concat({"it is not JSON from byte ", at, " on"}),
                    list ? "write each element of the list on a line of its own (jq -c '.[]')"
                         : "write each object on one line");
  }

  /// The next line, without its end. DataError for one that is too long, which is passed over.
  bool read_line(std::string& text) {
    text.clear();
    bool any = false, long_line = false;
    while (begin_ < buffer_.size() || refill()) {
      any = true;
      const std::string_view rest = std::string_view(buffer_).substr(begin_);
      const std::size_t end = rest.find('\n');
      const std::string_view piece = rest.substr(0, end);
      long_line = long_line || text.size() + piece.size() > longest_line;
      if (!long_line) text += piece;
      begin_ += end == rest.npos ? piece.size() : piece.size() + 1;
      if (end != rest.npos) break;
    }
    if (any) ++line_;
    if (long_line) {
      throw DataError(detail::concat({"it has more than ", longest_line, " bytes"}));
    }
    return any;
  }

  bool refill() {
    buffer_.resize(std::min<std::size_t>(65'536, source_->size() - offset_));
    begin_ = 0;
    if (buffer_.empty()) return false;
    source_->read(offset_, std::as_writable_bytes(std::span(buffer_)));
    offset_ += buffer_.size();
    return true;
  }

  const ByteSource* source_;
  std::string buffer_;
  std::size_t begin_ = 0;   ///< of what is left in the buffer
  std::size_t offset_ = 0;  ///< bytes of the file that were read
  Index line_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
