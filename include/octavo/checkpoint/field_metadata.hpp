// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/field.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/tensor/name_patterns.hpp>

// Configurations as a file's metadata: visitors of for_each_field (base/field.hpp).
namespace OCTAVO_NAMESPACE::detail {

/// ConfigError if the reader would refuse the value; `sound`: whether it would accept it.
inline void check_writable(std::string_view key, bool sound) {
  require(sound, [&] { return concat({"cannot save a run whose ", key, " is out of range"}); });
}

/// The key of an optimizer's setting. It is "decay" in version 1 for "weight_decay".
inline std::string setting_key(std::string_view name) {
  return concat({"optimizer.", name == "weight_decay" ? "decay" : name});
}
/// The range of a setting in files: those of version 1 may contain momenta of 0.
inline SettingRange in_files(const SettingRange& range) {
  return {std::min(0.0, range.least), range.most, range.words};
}

/// Writes the fields that are stored. Refuses, with ConfigError, values out of their ranges.
struct FieldWriter {
  MetadataWriter& metadata;

  template <typename Value, typename Range>
  void operator()(const Field& field, Value value, const Range& range) const {
    if (!field.stored || (field.omits_zero && value == Value{})) return;
    const bool is_default = field.negative_is_default && value < 0;
    check_writable(field.name, is_default || range.contains(value));
    write(field.name, value);
  }
  template <typename Value>
  void operator()(const Field& field, const Value& value) const {
    if constexpr (std::equality_comparable<Value> && std::is_default_constructible_v<Value>) {
      if (field.omits_zero && value == Value{}) return;
    }
    if (field.stored) write(field.name, value);
  }

 private:
  void write(std::string_view key, bool value) const { metadata.truth(std::string(key), value); }
  void write(std::string_view key, std::integral auto value) const {
    metadata.whole(std::string(key), value);
  }
  void write(std::string_view key, double value) const { metadata.real(std::string(key), value); }
  void write(std::string_view key, const NamePatterns& value) const {
    metadata.text(std::string(key), value.text());
  }
  void write(std::string_view key, Choice auto value) const {
    metadata.text(std::string(key), name_of(value));
  }
  void write(std::string_view key, const AnyOptimizer& optimizer) const {
    metadata.text(std::string(key), name_of(optimizer));
    for_each_setting(optimizer,
                     [&](std::string_view name, double value, const SettingRange& range) {
                       check_writable(name, in_files(range).contains(value));
                       metadata.real(setting_key(name), value);
                     });
  }
};

/// Reads the stored fields from files of every version. FormatError, naming the field, if one is
/// missing or out of its range.
struct FieldReader {
  const MetadataReader& metadata;
  OptimizerList known = {};

  template <typename Value, typename Range>
  void operator()(const Field& field, Value& value, const Range& range) const {
    if (field.stored && is_there(field)) value = read(field, range);
  }
  template <typename Value>
  void operator()(const Field& field, Value& value) const {
    if (field.stored && is_there(field)) read(field, value);
  }

 private:
  /// Whether to read the field. True for a required field even if it is missing: reading it then
  /// reports that.
  bool is_there(const Field& field) const { return !field.may_lack || metadata.has(key(field)); }

  std::string key(const Field& field) const {
    const std::string formerly(field.formerly);
    const bool old =
        !formerly.empty() && !metadata.has(std::string(field.name)) && metadata.has(formerly);
    return old ? formerly : std::string(field.name);
  }

  Index read(const Field& field, const WholeRange& range) const {
    return metadata.whole(key(field), range.least, range.most);
  }
  double read(const Field& field, const SettingRange& range) const {
    const double least =
        field.negative_is_default ? std::numeric_limits<double>::lowest() : range.least;
    return metadata.real(key(field), least, range.most);
  }
  void read(const Field& field, bool& value) const { value = metadata.truth(key(field)); }
  void read(const Field& field, std::uint64_t& value) const { value = metadata.bits(key(field)); }
  void read(const Field& field, NamePatterns& value) const {
    const std::string& text = metadata.text(key(field));
    if (text.size() > NamePatterns::longest) {
      metadata.refuse(key(field), concat({"at most ", NamePatterns::longest, " bytes"}));
    }
    value = NamePatterns(text);
  }
  template <Choice E>
  void read(const Field& field, E& value) const {
    constexpr auto names = choice_names(E{});
    value = static_cast<E>(metadata.choice(key(field), names));
  }
  void read(const Field& field, AnyOptimizer& optimizer) const {
    std::vector<std::string_view> names;
    for (const AnyOptimizer& one : known) names.push_back(name_of(one));
    optimizer = known[metadata.choice(key(field), names,
                                      "list a rule of your own: static constexpr auto known = "
                                      "known_optimizers(MyRule{}); CheckpointKinds{.optimizers = "
                                      "known}")];
    for_each_setting(optimizer,
                     [&](std::string_view name, double& value, const SettingRange& range) {
                       const SettingRange allowed = in_files(range);
                       value = metadata.real(setting_key(name), allowed.least, allowed.most);
                     });
  }
};

}  // namespace OCTAVO_NAMESPACE::detail
