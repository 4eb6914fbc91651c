// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/write_number.hpp>

// Fields of configurations. A configuration has one function for_each_field(config, visit), which
// calls visit(Field, value, range) for numbers and visit(Field, value) for all other fields. Files,
// command lines, reports and checks are visitors.
namespace OCTAVO_NAMESPACE {

/// The valid values of a whole number, both ends included.
struct WholeRange {
  Index least;
  Index most;

  constexpr bool contains(Index value) const noexcept { return value >= least && value <= most; }
};

inline constexpr WholeRange size_range{1, (Index{1} << 31) - 1};
inline constexpr WholeRange count_range{0, std::numeric_limits<Index>::max()};

/// The valid values of a real setting, both ends included, and their description in words.
struct SettingRange {
  double least;
  double most;
  std::string_view words;
  bool whole = false;  ///< whether only whole numbers, less than 2^63, are valid

  constexpr bool contains(double value) const noexcept {  // false for NaN
    return value >= least && value <= most &&
           (!whole || static_cast<double>(static_cast<Index>(value)) == value);
  }
};

/// The range of a moment's decay rate, a momentum or a dropout rate.
inline constexpr SettingRange share_range{0, 1 - std::numeric_limits<double>::epsilon() / 2,
                                          "0 to less than 1"};
inline constexpr SettingRange unit_range{0, 1, "0 to 1"};
inline constexpr SettingRange positive_range{std::numeric_limits<double>::denorm_min(),
                                             std::numeric_limits<double>::max(),
                                             "a finite number > 0"};
inline constexpr SettingRange not_negative_range{0, std::numeric_limits<double>::max(),
                                                 "a finite number, 0 or more"};

/// The group of a field in the options of a command line.
enum class FieldGroup { none, model, layers, lora, training, run, memory };

/// The description of a configuration's field.
struct Field {
  std::string_view name;                ///< in files: "learning_rate"
  std::string_view option = {};         ///< in reports and command lines: "lr"; empty: the name
  FieldGroup group = FieldGroup::none;  ///< none: not on command lines
  std::string_view help = {};           ///< a line for command lines
  std::string_view formerly = {};       ///< the name in files of version 1, if different
  bool stored = true;                   ///< in files; false: it changes no result
  bool may_lack = false;                ///< if a file lacks it, the value is unchanged by reading
  bool negative_is_default = false;     ///< a negative value is valid and means the default
  std::string_view zero = {};           ///< the meaning of 0, a word for reports
  bool omits_zero = false;              ///< not written to files where it is 0, false or empty

  constexpr std::string_view label() const noexcept { return option.empty() ? name : option; }
};

/// An enum whose values count from 0 and have names in files and options: choice_names(E{}) gives
/// the array of them.
template <typename E>
concept Choice = std::is_enum_v<E> && requires(E value) {
  choice_names(value).size();
};

/// "gelu-tanh" of Activation::gelu_tanh.
template <Choice E>
constexpr std::string_view name_of(E value) noexcept {
  return choice_names(value)[static_cast<std::size_t>(value)];
}

/// The value of a field as text.
inline std::string value_text(std::integral auto value) { return detail::concat({value}); }
inline std::string value_text(bool value) { return value ? "yes" : "no"; }
inline std::string value_text(double value) {
  std::array<char, 32> digits;
  return {digits.data(), write_number(digits.data(), digits.data() + digits.size(), value).ptr};
}
template <Choice E>
std::string value_text(E value) {
  return std::string(name_of(value));
}

/// ConfigError, such as "beta1 is 2, expected 0 to less than 1", if a setting is out of its range.
constexpr void check_setting(std::string_view name, double value, const SettingRange& range) {
  require(range.contains(value), [&] {
    return detail::concat({name, " is ", value_text(value), ", expected ", range.words});
  });
}
constexpr void check_setting(std::string_view name, Index value, const WholeRange& range) {
  require(range.contains(value), [&] {
    const bool bounded = range.most < std::numeric_limits<Index>::max();
    return detail::concat({name, " is ", value, ", expected ",
                           bounded ? detail::concat({range.least, " to ", range.most})
                                   : detail::concat({range.least, " or more"})});
  });
}

/// A visitor for for_each_field: ConfigError if a field's value is out of its range.
struct FieldCheck {
  template <typename Value, typename Range>
  constexpr void operator()(const Field& field, const Value& value, const Range& range) const {
    if (field.negative_is_default && value < 0) return;
    check_setting(field.name, value, range);
  }
  template <typename Value>
  constexpr void operator()(const Field&, const Value&) const {}
};

}  // namespace OCTAVO_NAMESPACE
