// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/field.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/tensor/name_patterns.hpp>

namespace OCTAVO_NAMESPACE {

/// Options as a text, "layers=2 lr=1e-3 tied": a visitor of for_each_field. The names of fields are
/// those of command lines or of files.
class OptionText {
 public:
  /// `text` must outlive this object. ConfigError for a name that comes twice.
  explicit OptionText(std::string_view text) {
    constexpr std::string_view spaces = " \t\r\n";
    for (std::size_t begin = text.find_first_not_of(spaces); begin != std::string_view::npos;
         begin = text.find_first_not_of(spaces)) {
      text.remove_prefix(begin);
      add(text.substr(0, text.find_first_of(spaces)));
      text.remove_prefix(std::min(text.size(), text.find_first_of(spaces)));
    }
  }

  /// Whether the option is given; it then counts as known.
  bool has(std::string_view name) { return find(name) != nullptr; }

  /// Sets `value` if the option is given. ConfigError for one that is not valid.
  template <typename Value, typename... Range>
  void read(std::string_view name, Value& value, const Range&... range) {
    if (const Option* option = find(name)) set(*option, value, range...);
  }

  /// Sets the fields of a configuration that are given, except for those that command lines do not
  /// have, that tell programs how to run, or that are `others`.
  template <typename Config>
  void apply(Config& config, std::span<const std::string_view> others = {}) {
    for_each_field(config, [&](const Field& field, auto& value, const auto&... range) {
      if (field.group == FieldGroup::none || field.group == FieldGroup::run) return;
      if (std::find(others.begin(), others.end(), field.name) != others.end()) return;
      const Option* option = find(field.label());
      if (option == nullptr) option = find(field.name);
      if (option != nullptr) set(*option, value, range...);
    });
  }

  /// ConfigError for an option that nothing has asked for.
  void require_all_known() const {
    for (const Option& option : options_) {
      if (option.known) continue;
      throw ConfigError(detail::concat({"options: there is no ", printable(option.name), " here"}),
                        "see octavo.h and train_full --help; write NAME=VALUE without dashes");
    }
  }

 private:
  struct Option {
    std::string_view name, value;
    bool has_value = false;
    bool known = false;
  };

  void add(std::string_view word) {
    const std::size_t equals = word.find('=');
    Option option{word.substr(0, equals), {}};
    option.has_value = equals != std::string_view::npos;
    if (option.has_value) option.value = word.substr(equals + 1);
    const bool twice = std::any_of(options_.begin(), options_.end(),
                                   [&](const Option& other) { return other.name == option.name; });
    require(!twice, [&] {
      return detail::concat({"options: ", printable(option.name), " is there twice"});
    });
    options_.push_back(option);
  }

  const Option* find(std::string_view name) {
    for (Option& option : options_) {
      if (option.name != name) continue;
      option.known = true;
      return &option;
    }
    return nullptr;
  }

  [[noreturn]] static void refuse(const Option& option, std::string_view expected) {
    throw ConfigError(detail::concat({"option ", option.name, ": got ",
                                      option.has_value ? printable(option.value) : "no value",
                                      ", expected ", expected}));
  }

  template <typename Number>
  static void set_number(const Option& option, Number& value) {
    if (!parse_whole(option.value, value)) refuse(option, "a number");
  }
  template <typename Number, typename Range>
  static void set(const Option& option, Number& value, const Range& range) {
    set_number(option, value);
    check_setting(detail::concat({"option ", option.name}), value, range);
  }
  static void set(const Option& option, std::uint64_t& value) { set_number(option, value); }
  static void set(const Option& option, bool& value) {
    const std::string_view said = option.value;
    const bool yes = !option.has_value || said == "yes" || said == "1";
    if (!yes && said != "no" && said != "0") refuse(option, "yes or no");
    value = yes;
  }
  static void set(const Option& option, NamePatterns& value) {
    if (option.value.empty()) refuse(option, "a pattern");
    value = NamePatterns(option.value);
  }
  template <Choice E>
  static void set(const Option& option, E& value) {
    const auto names = choice_names(E{});
    value = static_cast<E>(chosen(option, names));
  }
  void set(const Option& option, AnyOptimizer& optimizer) {
    std::vector<std::string_view> names;
    for (const AnyOptimizer& one : builtin_optimizers<>) names.push_back(name_of(one));
    optimizer = builtin_optimizers<>[chosen(option, names)];
  }

  /// The index of the option's value among `names`.
  template <typename Names>
  static std::size_t chosen(const Option& option, const Names& names) {
    const auto found = std::find(names.begin(), names.end(), option.value);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    std::string all;
    for (const std::string_view name : names)
      all += detail::concat({all.empty() ? "" : ", ", name});
    refuse(option, all);
  }

  std::vector<Option> options_;
};

}  // namespace OCTAVO_NAMESPACE
