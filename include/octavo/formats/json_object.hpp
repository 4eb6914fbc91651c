// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/header_check.hpp>

namespace OCTAVO_NAMESPACE {

/// A JSON file with one object, such as a config.json, read as a whole within limits. Every defect
/// is a FormatError that names the file and the field.
class JsonObject {
 public:
  using Json = nlohmann::json;

  explicit JsonObject(const ByteSource& source, const detail::JsonLimits& limits = {})
      : name_(source.name()) {
    if (source.size() > limits.bytes) {
      fail(detail::concat(
          {"it has ", counted(source.size(), "byte"), ", expected at most ", limits.bytes}));
    }
    std::string text(source.size(), '\0');
    source.read(0, std::as_writable_bytes(std::span(text)));
    detail::HeaderCheck check("it", limits);
    const FloatEnvironment environment;
    const bool sound = Json::sax_parse(text, &check);
    if (!check.wrong().empty()) fail(check.wrong());
    if (sound) object_ = Json::parse(text);
    if (!object_.is_object()) fail("it is not a JSON object");
  }

  /// The object in the field `key`; messages name its fields "key.field". FormatError if the field
  /// is not an object.
  JsonObject inner(const char* key) const {
    if (!field(key).is_object()) refuse(key, "an object");
    return {name_, detail::concat({path_, key, "."}), field(key)};
  }

  const std::string& name() const noexcept { return name_; }
  const Json& json() const noexcept { return object_; }

  /// The field `key`; null if it is missing.
  const Json& field(const char* key) const {
    static const Json none;
    const auto found = object_.find(key);
    return found == object_.end() ? none : *found;
  }

  bool has(const char* key) const { return object_.contains(key); }

  /// The field as true or false; `usual` if it is missing or null. FormatError otherwise.
  bool truth(const char* key, bool usual) const {
    if (field(key).is_null()) return usual;
    if (!field(key).is_boolean()) refuse(key, "true or false");
    return field(key).get<bool>();
  }

  /// The field as a whole number in [least, most]; FormatError otherwise.
  Index whole(const char* key, Index least, Index most) const {
    const std::string range = detail::concat({least, " to ", most});
    if (field(key).is_null())
      fail(detail::concat({"'", path_, key, "' is missing, expected ", range}));
    const auto value = whole_value(field(key));
    if (!value || *value < least || *value > most) refuse(key, range);
    return *value;
  }

  /// As above, but nothing if the field is missing or null.
  std::optional<Index> optional_whole(const char* key, Index least, Index most) const {
    if (field(key).is_null()) return std::nullopt;
    return whole(key, least, most);
  }

  /// FormatError unless the field has this value, or is missing or null.
  void demand(const char* key, const Json& value) const {
    if (field(key).is_null() || field(key) == value) return;
    const bool number = value.is_number() && field(key).is_string();
    refuse(key, detail::concat({(number ? "the number " : ""), shown(value)}), value.is_string());
  }

  /// Throws the FormatError for a field with a wrong value. `text`: whether a text is expected.
  [[noreturn]] void refuse(const char* key, const std::string& expected, bool text = false) const {
    fail(detail::concat({"'", path_, key, "': got ", shown(field(key)),
                         (field(key).is_string() && !text ? " (a text)" : ""), ", expected ",
                         expected}));
  }

  /// The field as a finite number > 0; nothing if it is null or missing.
  std::optional<double> optional_positive(const char* key) const {
    const Json& value = field(key);
    if (value.is_null()) return std::nullopt;
    const double number = value.is_number() ? value.get<double>() : 0;
    if (!(number > 0) || !std::isfinite(number)) refuse(key, "a number > 0");
    return number;
  }

  /// The value as a whole number (12.0 is one); nothing if it is not a whole number.
  static std::optional<Index> whole_value(const Json& value) {
    constexpr double limit = 0x1p62;
    if (!value.is_number()) return std::nullopt;
    const double real = value.get<double>();
    if (!(std::abs(real) < limit) || real != std::floor(real)) return std::nullopt;
    return value.is_number_float() ? static_cast<Index>(real) : value.get<Index>();
  }

  /// A value as text for messages: strings in quotes, others as JSON, cut.
  static std::string shown(const Json& value) {
    if (value.is_string()) return printable(value.get<std::string>());
    const std::string quoted = printable(value.dump());
    return quoted.substr(1, quoted.size() - 2);
  }

  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FormatError(detail::concat({"cannot load ", printable(name_), ": ", what}),
                      std::move(hint));
  }

 private:
  JsonObject(const std::string& name, std::string path, const Json& object)
      : name_(name), path_(std::move(path)), object_(object) {}

  std::string name_;
  std::string path_;  ///< "rope_scaling." of an inner object
  Json object_;
};

}  // namespace OCTAVO_NAMESPACE
