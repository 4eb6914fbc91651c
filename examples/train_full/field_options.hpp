// SPDX-License-Identifier: MIT
// Adds a command-line option for each field of a configuration: visitors of for_each_field.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/base/field.hpp>
#include <octavo/tensor/name_patterns.hpp>

#include "support/program.hpp"

namespace support {

/// The option of a field: "--lr" for "learning_rate".
inline std::string option_of(const octavo::Field& field) {
  return "--" + std::string(field.label());
}

/// The given fields of a configuration. Added options write to this object, which must therefore
/// outlive the parsing; a copy has the fields given so far.
template <typename Config>
class FieldOptions {
 public:
  /// Adds an option for each field of the group.
  void add(CLI::App& app, octavo::FieldGroup group) {
    for_each_field(asked_, [&](const octavo::Field& field, auto& value, const auto&... range) {
      if (field.group == group) add(app, field, value, range...);
    });
  }

  bool asked(std::string_view name) const { return names_.contains(name); }
  bool any() const { return !names_.empty(); }

  /// Calls body(field, given value, value in `config`) for each given field.
  template <typename Other, typename Body>
  void for_each_given(Other& config, Body body) const {
    for_each_field(asked_, [&](const octavo::Field& field, const auto& value, const auto&...) {
      if (!asked(field.name)) return;
      for_each_field(config, [&](const octavo::Field& other, auto& there, const auto&...) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>,
                                     std::decay_t<decltype(there)>>) {
          if (other.name == field.name) body(field, value, there);
        }
      });
    });
  }

  /// Sets the given fields in `config`.
  void apply(Config& config) const {
    for_each_given(config, [](const auto&, const auto& value, auto& there) { there = value; });
  }

 private:
  template <typename Parse>
  void add_value(CLI::App& app, const octavo::Field& field, const char* type, Parse parse) {
    app.add_option_function<std::string>(
           option_of(field),
           [this, name = field.name, parse](const std::string& text) {
             parse(text);
             names_.insert(name);
           },
           std::string(field.help))
        ->type_name(type);
  }

  void add(CLI::App& app, const octavo::Field& field, octavo::Index& value,
           const octavo::WholeRange& range) {
    const auto most = std::min<octavo::Index>(range.most, std::numeric_limits<std::int32_t>::max());
    add_value(app, field, "N",
              [&value, option = option_of(field), least = range.least, most](
                  const std::string& text) { value = parse_integer(option, text, least, most); });
  }
  void add(CLI::App& app, const octavo::Field& field, std::uint64_t& value) {
    add_value(app, field, "N", [&value, option = option_of(field)](const std::string& text) {
      constexpr auto most = std::numeric_limits<octavo::Index>::max();
      value = static_cast<std::uint64_t>(parse_integer(option, text, 0, most));
    });
  }
  void add(CLI::App& app, const octavo::Field& field, double& value,
           const octavo::SettingRange& range) {
    add_value(app, field, "X", [&value, option = option_of(field), range](const std::string& text) {
      const auto legal = [&](double number) { return range.contains(number); };
      value = parse_real(option, text, legal, range.words);
    });
  }
  void add(CLI::App& app, const octavo::Field& field, bool& value) {
    app.add_flag_callback(
        option_of(field),
        [this, &value, name = field.name] {
          value = true;
          names_.insert(name);
        },
        std::string(field.help));
  }
  void add(CLI::App& app, const octavo::Field& field, octavo::NamePatterns& value) {
    add_value(app, field, "PATTERN", [&value, option = option_of(field)](const std::string& text) {
      octavo::require(!text.empty(), [&] { return option + ": got an empty pattern"; });
      value = octavo::NamePatterns(std::string_view(text));
    });
  }
  template <typename Value>
  void add(CLI::App& app, const octavo::Field& field, Value& value) {
    if constexpr (octavo::Choice<Value>) {
      const auto names = choice_names(Value{});
      add_choice(
          app, option_of(field), std::vector<std::string>(names.begin(), names.end()),
          [this, &value, names, name = field.name](const std::string& chosen) {
            value =
                static_cast<Value>(std::find(names.begin(), names.end(), chosen) - names.begin());
            names_.insert(name);
          },
          std::string(field.help));
    }
  }

  Config asked_{};
  std::set<std::string_view, std::less<>> names_;
};

}  // namespace support
