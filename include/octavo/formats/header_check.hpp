// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>

namespace OCTAVO_NAMESPACE::detail {

/// Limits of a JSON text; the defaults are those of a safetensors header.
struct JsonLimits {
  std::size_t names = 30'000;
  std::size_t values = 100'000;
  std::size_t nested = 4;
  std::size_t bytes = 1'500'000;  ///< checked by the reader
};

/// Whether a JSON text has a number of more than 100 digits outside of strings.
inline bool has_long_number(std::string_view json) noexcept {
  std::size_t digits = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char symbol = json[i];
    if (quoted) {
      if (symbol == '\\') ++i;
      quoted = symbol != '"';
      continue;
    }
    quoted = symbol == '"';
    digits = symbol >= '0' && symbol <= '9' ? digits + 1 : 0;
    if (digits > 100) return true;
  }
  return false;
}

/// Scans a JSON text without storing it, and stops at the first defect: a duplicate name
/// (nlohmann's parser would keep the last one), or more nesting, names or values than the limits,
/// which bound the memory for parsing.
class HeaderCheck final : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// `what`: the subject in messages.
  explicit HeaderCheck(std::string what = "the header", const JsonLimits& limits = {})
      : what_(std::move(what)), limits_(limits) {}

  /// What is wrong; empty if nothing is wrong, or if the text is not JSON.
  const std::string& wrong() const noexcept { return wrong_; }

  bool null() override { return count_value(); }
  bool boolean(bool) override { return count_value(); }
  bool number_integer(number_integer_t) override { return count_value(); }
  bool number_unsigned(number_unsigned_t) override { return count_value(); }
  bool number_float(number_float_t, const string_t&) override { return count_value(); }
  bool string(string_t&) override { return count_value(); }
  bool binary(binary_t&) override { return count_value(); }
  bool start_object(std::size_t) override { return begin(); }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return begin(); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override {
    if (++names_ > limits_.names) {
      return refuse(detail::concat({"has more than ", limits_.names, " names"}));
    }
    return keys_.back().insert(name).second ||
           refuse(concat({"names ", printable(name), " twice"}));
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool refuse(const std::string& what) {
    wrong_ = what_ + ' ' + what;
    return false;
  }
  /// Lists and objects count as well: even an empty one takes more memory than a number.
  bool count_value() {
    return ++values_ <= limits_.values ||
           refuse(detail::concat({"has more than ", limits_.values, " values"}));
  }
  bool begin() {
    if (keys_.size() == limits_.nested) {
      return refuse(detail::concat({"nests deeper than ", limits_.nested}));
    }
    keys_.emplace_back();
    return count_value();
  }
  bool end() {
    keys_.pop_back();
    return true;
  }

  std::string what_;
  JsonLimits limits_;
  std::string wrong_;
  std::size_t names_ = 0;
  std::size_t values_ = 0;
  std::vector<std::set<std::string>> keys_;  ///< names in each open object; empty for a list
};

}  // namespace OCTAVO_NAMESPACE::detail
