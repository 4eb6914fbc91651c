// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/parse_number.hpp>
#include <octavo/base/write_number.hpp>
#include <octavo/formats/safetensors_reader.hpp>

namespace OCTAVO_NAMESPACE {

/// Writes the entries of a file's "__metadata__", which are all texts, as the format demands.
class MetadataWriter {
 public:
  void text(std::string key, std::string_view value) { entries_[std::move(key)] = value; }
  void whole(std::string key, std::integral auto value) { text(std::move(key), digits(value)); }
  void truth(std::string key, bool value) { text(std::move(key), value ? "1" : "0"); }
  /// The shortest digits from which the number can be restored; infinity is "inf".
  void real(std::string key, double value) { text(std::move(key), digits(value)); }

  const std::map<std::string, std::string>& entries() const noexcept { return entries_; }

 private:
  static std::string digits(auto value) {
    std::array<char, 32> text;
    const auto end = write_number(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
  }

  std::map<std::string, std::string> entries_;
};

/// Reads the entries of a file's "__metadata__". FormatError, naming the entry, if one is missing
/// or out of its range.
class MetadataReader {
 public:
  explicit MetadataReader(const SafetensorsReader& file) : file_(file) {}

  const SafetensorsReader& file() const noexcept { return file_; }
  const std::string& text(const std::string& key) const { return file_.metadata(key); }
  /// Whether the entry exists, for optional entries.
  bool has(const std::string& key) const { return file_.metadata().contains(key); }

  Index whole(const std::string& key, Index least, Index most) const {
    const Index value = parsed<Index>(key);
    if (value < least || value > most) {
      refuse(key, detail::concat({least, " to ", most}));
    }
    return value;
  }

  /// Any unsigned 64-bit number.
  std::uint64_t bits(const std::string& key) const { return parsed<std::uint64_t>(key); }

  bool truth(const std::string& key) const { return whole(key, 0, 1) == 1; }

  /// A finite number in [least, most].
  double real(const std::string& key, double least, double most) const {
    const double value = real_or_infinity(key);
    if (!(value >= least && value <= most && std::isfinite(value))) {
      refuse(key, detail::concat({short_digits(least), " to ", short_digits(most)}));
    }
    return value;
  }

  double real_or_infinity(const std::string& key) const {
    const double value = parsed<double>(key);
    if (std::isnan(value)) refuse(key, "a number");
    return value;
  }

  /// The index of the entry's value in `names`.
  std::size_t choice(const std::string& key, std::span<const std::string_view> names,
                     const std::string& hint = "") const {
    std::string all;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (text(key) == names[i]) return i;
      all += detail::concat({(i == 0                  ? "'"
                              : i + 1 == names.size() ? " or '"
                                                      : ", '"),
                             names[i], "'"});
    }
    refuse(key, all, hint);
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& expected,
                           const std::string& hint = "") const {
    file_.fail(detail::concat({"metadata ", printable(key), ": got ", printable(text(key)),
                               ", expected ", expected}),
               hint);
  }

 private:
  template <typename N>
  N parsed(const std::string& key) const {
    N value{};
    if (!parse_whole(text(key), value)) refuse(key, "a number");
    return value;
  }

  static std::string short_digits(double value) {
    MetadataWriter writer;
    writer.real("", value);
    return writer.entries().at("");
  }

  const SafetensorsReader& file_;
};

}  // namespace OCTAVO_NAMESPACE
