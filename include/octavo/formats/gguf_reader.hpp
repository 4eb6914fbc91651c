// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/formats/gguf_cursor.hpp>
#include <octavo/formats/gguf_format.hpp>

static_assert(std::endian::native == std::endian::little,
              "Octavo writes and reads its files on little-endian machines only");

namespace OCTAVO_NAMESPACE {

/// A GGUF file. The constructor reads and checks the keys of all entries and the places of all
/// tensors; values and numbers are read on demand. No number of the file is trusted before it is
/// checked against the file's size; every defect is a FormatError that names the file and the
/// field.
class GgufReader {
 public:
  /// `source` must outlive the reader.
  explicit GgufReader(const ByteSource& source) : source_(source) {
    detail::GgufCursor cursor(source);
    std::string magic(std::min(source.size(), detail::gguf_magic.size()), '\0');
    source.read(0, std::as_writable_bytes(std::span(magic)));
    if (magic != detail::gguf_magic) fail("it is not a GGUF file");
    cursor.skip(magic.size());
    const auto version = part<std::uint32_t>(cursor);
    if (version == std::uint32_t{3} << 24) fail("it is a big-endian GGUF file");
    if (version != 2 && version != detail::gguf_version) {
      fail(detail::concat({"GGUF version ", version, ", this build reads 2 and 3"}));
    }
    const auto tensors = part<std::uint64_t>(cursor);
    const auto entries = part<std::uint64_t>(cursor);
    if (tensors > most_tensors) fail(detail::gguf_too_many(tensors, "tensors", most_tensors));
    if (entries > most_entries) fail(detail::gguf_too_many(entries, "entries", most_entries));
    for (std::uint64_t i = 0; i < entries; ++i) read_entry(cursor);
    const auto alignment = static_cast<std::size_t>(
        optional_whole("general.alignment", 1, 65536).value_or(detail::gguf_alignment));
    if (!std::has_single_bit(alignment)) refuse("general.alignment", "a power of two");
    std::vector<GgufTensor*> in_order;
    for (std::uint64_t i = 0; i < tensors; ++i) in_order.push_back(&read_tensor(cursor));
    place(in_order, detail::gguf_padded(cursor.position(), alignment), alignment);
  }

  const std::map<std::string, GgufTensor>& tensors() const noexcept { return tensors_; }
  std::size_t bytes() const noexcept { return source_.size(); }
  std::size_t bytes_after() const noexcept { return bytes_after_; }  ///< the last tensor
  bool has(const std::string& key) const { return entries_.contains(key); }

  /// The entry `key` as a whole number in [least, most]; FormatError otherwise.
  Index whole(const std::string& key, Index least, Index most) const {
    const auto value = whole_value(entry(key));
    if (!value || *value < least || *value > most) {
      refuse(key, detail::concat({least, " to ", most}));
    }
    return *value;
  }
  std::optional<Index> optional_whole(const std::string& key, Index least, Index most) const {
    return has(key) ? std::optional(whole(key, least, most)) : std::nullopt;
  }

  /// The entry `key` as a whole number in [least, most], or a list of `count` equal ones (one for
  /// each layer); FormatError otherwise.
  Index uniform_whole(const std::string& key, Index least, Index most, Index count) const {
    if (entry(key).type != GgufType::array) return whole(key, least, most);
    const std::vector<Index> values = wholes(key, static_cast<std::size_t>(count));
    const bool equal =
        std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
    if (std::ssize(values) != count || !equal || values[0] < least || values[0] > most) {
      refuse(key, detail::concat({count, " equal numbers, ", least, " to ", most}));
    }
    return values[0];
  }

  /// The entry `key`, a float, see shortest_double; nothing if it is missing.
  std::optional<double> optional_real(const std::string& key) const {
    if (!has(key)) return std::nullopt;
    const Entry& value = entry(key);
    if (value.type == GgufType::f64) return value_at<double>(value);
    if (value.type != GgufType::f32) refuse(key, "a float");
    const auto number = value_at<float>(value);
    if (!std::isfinite(number)) refuse(key, "a number");
    return detail::shortest_double(number);
  }

  std::string text(const std::string& key, std::size_t longest = longest_text) const {
    if (entry(key).type != GgufType::string) refuse(key, "text");
    detail::GgufCursor cursor = cursor_at(entry(key));
    const auto value = cursor.text(longest);
    if (!value) refuse(key, detail::concat({"at most ", longest, " bytes"}), true);
    return *value;
  }

  /// The entry `key` as a list of at most `most` texts; FormatError otherwise.
  std::vector<std::string> texts(const std::string& key, std::size_t most) const {
    const Entry& list = entry(key);
    if (list.type != GgufType::array || list.element != GgufType::string || list.count > most) {
      refuse(key, detail::concat({"a list of at most ", most, " texts"}));
    }
    detail::GgufCursor cursor = cursor_at(list);
    std::vector<std::string> values(static_cast<std::size_t>(list.count));
    for (std::string& value : values) {
      auto read = cursor.text(longest_text);
      if (!read) {
        fail(detail::concat({named(key), "text ", &value - values.data(), " has more than ",
                             longest_text, " bytes"}));
      }
      value = std::move(*read);
    }
    return values;
  }

  /// The number of elements of the list `key`; FormatError if it is not a list.
  Index list_size(const std::string& key) const {
    if (entry(key).type != GgufType::array) refuse(key, "a list");
    return static_cast<Index>(entry(key).count);
  }

  /// The entry `key` as a list of at most `most` whole numbers of any width; FormatError otherwise.
  std::vector<Index> wholes(const std::string& key, std::size_t most) const {
    const Entry& value = entry(key);
    Entry element{value.element, value.element, 1, value.offset};
    std::vector<Index> values;
    const bool fits = value.type == GgufType::array && value.count <= most;
    for (std::uint64_t i = 0; fits && i < value.count; ++i) {
      const auto number = whole_value(element);
      if (!number) break;
      values.push_back(*number);
      element.offset += detail::gguf_bytes(value.element);
    }
    if (!fits || values.size() != value.count) {
      refuse(key, detail::concat({"a list of at most ", most, " whole numbers"}));
    }
    return values;
  }

  /// The entry `key` as a list of `count` floats; FormatError otherwise.
  std::vector<float> floats(const std::string& key, std::size_t count) const {
    const Entry& value = entry(key);
    if (value.type != GgufType::array || value.element != GgufType::f32 || value.count != count) {
      refuse(key, detail::concat({"a list of ", count, " floats"}));
    }
    std::vector<float> values(count);
    source_.read(value.offset, std::as_writable_bytes(std::span(values)));
    return values;
  }

  /// The entry `key` as a whole number; nothing if it is missing or not a whole number below 2^63.
  std::optional<Index> any_whole(const std::string& key) const {
    return has(key) ? whole_value(entry(key)) : std::nullopt;
  }

  /// Whether the entry `key` exists and is true; FormatError if it is neither true nor false.
  bool truth(const std::string& key) const {
    if (!has(key)) return false;
    if (entry(key).type != GgufType::boolean) refuse(key, "true or false");
    return value_at<std::uint8_t>(entry(key)) != 0;
  }

  /// The tensor `name`; FormatError if it is missing.
  const GgufTensor& tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail(detail::concat({"tensor ", printable(name), " is missing"}));
    return found->second;
  }

  /// Reads part of a tensor, from its byte `first` on.
  void read(const GgufTensor& tensor, std::size_t first, std::span<std::byte> bytes) const {
    OCTAVO_ASSERT(first <= tensor.bytes && bytes.size() <= tensor.bytes - first);
    source_.read(tensor.offset + first, bytes);
  }

  /// Throws the FormatError for an entry with a wrong value. `text`: whether a text is expected.
  [[noreturn]] void refuse(const std::string& key, const std::string& expected,
                           bool text = false) const {
    const bool odd = entry(key).type == GgufType::string && !text;
    fail(detail::concat({named(key), "got ", as_text(entry(key)), (odd ? " (a text)" : ""),
                         ", expected ", expected}));
  }
  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FormatError(detail::concat({"cannot load ", printable(source_.name()), ": ", what}),
                      std::move(hint));
  }

 private:
  static constexpr std::uint64_t most_entries = 10'000;
  static constexpr std::uint64_t most_tensors = 30'000;
  static constexpr std::size_t longest_name = 256;
  static constexpr std::size_t longest_text = 1024;

  /// The place of a value; for a list, also the type and number of its elements.
  struct Entry {
    GgufType type;
    GgufType element;
    std::uint64_t count;
    std::size_t offset;
  };

  static std::string named(const std::string& key) {
    return detail::concat({"entry ", printable(key), ": "});
  }

  [[noreturn]] void end_of_file() const {
    fail(detail::concat({"it ends within its header, after ", counted(source_.size(), "byte")}),
         "the copy is incomplete");
  }

  /// A number of the header.
  template <typename Number>
  Number part(detail::GgufCursor& cursor) const {
    const auto value = cursor.number<Number>();
    if (!value) end_of_file();
    return *value;
  }

  std::string name(detail::GgufCursor& cursor, const char* what) const {
    const auto length = part<std::uint64_t>(cursor);
    if (length == 0 || length > longest_name) {
      fail(detail::concat({"the name of ", what, " has ", counted(length, "byte"),
                           ", expected 1 to ", longest_name}));
    }
    if (length > cursor.remaining()) end_of_file();
    std::string text;
    for (std::uint64_t i = 0; i < length; ++i) text += part<char>(cursor);
    return text;
  }

  void read_entry(detail::GgufCursor& cursor) {
    const std::string key = name(cursor, "an entry");
    Entry value{static_cast<GgufType>(part<std::uint32_t>(cursor)), GgufType::u8, 1, 0};
    value.element = value.type;
    if (value.type == GgufType::array) {
      value.element = static_cast<GgufType>(part<std::uint32_t>(cursor));
      value.count = part<std::uint64_t>(cursor);
    }
    value.offset = cursor.position();
    const std::size_t size = detail::gguf_bytes(value.element);
    if (value.element == GgufType::string) {
      if (value.count > cursor.remaining() / sizeof(std::uint64_t)) end_of_file();
      for (std::uint64_t i = 0; i < value.count; ++i) {
        if (!cursor.skip(part<std::uint64_t>(cursor))) end_of_file();
      }
    } else if (size == 0) {
      fail(
          detail::concat({named(key), "unknown type ", static_cast<std::uint32_t>(value.element)}));
    } else if (value.count > cursor.remaining() / size || !cursor.skip(value.count * size)) {
      end_of_file();
    }
    if (!entries_.emplace(key, value).second) fail(detail::concat({named(key), "it occurs twice"}));
  }

  GgufTensor& read_tensor(detail::GgufCursor& cursor) {
    const std::string key = name(cursor, "a tensor");
    const std::string label = detail::concat({"tensor ", printable(key), ": "});
    GgufTensor tensor;
    const auto axes = part<std::uint32_t>(cursor);
    if (axes < 1 || axes > 4) fail(detail::concat({label, axes, " sizes, expected 1 to 4"}));
    for (std::uint32_t i = 0; i < axes; ++i) {
      const auto size = part<std::uint64_t>(cursor);
      if (size < 1 || size > std::uint64_t{1} << 40) {
        fail(detail::concat({label, "size ", size, ", expected 1 to 2^40"}));
      }
      tensor.shape.push_back(static_cast<Index>(size));
    }
    const auto number = part<std::uint32_t>(cursor);
    const auto type = detail::stored_type_of(number);
    if (!type) {
      fail(detail::concat(
               {label, "its type is number ", number, ", expected one of ", detail::known_types()}),
           "convert the model again, to one of these");
    }
    tensor.type = *type;
    std::uint64_t count = 1;
    for (const Index size : tensor.shape) {
      // No type has fewer than 84 bytes per 256 numbers, or more than four bytes per number.
      if (count > 4 * (source_.size() / static_cast<std::uint64_t>(size))) {
        fail(detail::concat({label, "it has more numbers than fit into the file"}));
      }
      count *= static_cast<std::uint64_t>(size);
    }
    const auto block = static_cast<Index>(block_of(tensor.type));
    if (tensor.shape[0] % block != 0) {
      fail(detail::concat({label, "its rows have ", tensor.shape[0],
                           " numbers, expected a multiple of ", block, " for ",
                           name_of(tensor.type)}));
    }
    tensor.bytes = detail::stored_bytes(tensor.type, static_cast<std::size_t>(count));
    const auto offset = part<std::uint64_t>(cursor);
    tensor.offset = static_cast<std::size_t>(offset);
    const auto [found, added] = tensors_.emplace(key, std::move(tensor));
    if (!added) fail(detail::concat({label, "it occurs twice"}));
    return found->second;
  }

  /// Turns offsets into offsets in the file. The tensors must follow one another without gaps.
  void place(std::span<GgufTensor* const> in_order, std::size_t begin, std::size_t alignment) {
    std::size_t next = 0;  // cannot overflow: no tensor is larger than sixteen times the file
    std::size_t end = begin;
    for (GgufTensor* const tensor : in_order) {
      if (tensor->offset != next) {
        fail(detail::concat(
            {"a tensor begins at byte ", tensor->offset, " of the data, expected ", next}));
      }
      tensor->offset = begin + next;
      end = begin + next + tensor->bytes;
      next = detail::gguf_padded(next + tensor->bytes, alignment);
      if (end > source_.size()) break;
    }
    if (source_.size() < end) {
      fail(detail::concat({"the tensors end at byte ", end, " of ", source_.size()}),
           "the copy is incomplete");
    }
    bytes_after_ = source_.size() - std::min(source_.size(), begin + next);
  }

  const Entry& entry(const std::string& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) fail(detail::concat({"there is no entry ", printable(key)}));
    return found->second;
  }

  detail::GgufCursor cursor_at(const Entry& value) const {
    detail::GgufCursor cursor(source_);
    cursor.skip(value.offset);
    return cursor;
  }

  template <typename Number>
  Number value_at(const Entry& value) const {
    return *cursor_at(value).number<Number>();
  }

  /// The value as a whole number; nothing if it is not a whole number below 2^63.
  std::optional<Index> whole_value(const Entry& value) const {
    switch (value.type) {
      case GgufType::u8:
        return value_at<std::uint8_t>(value);
      case GgufType::i8:
        return value_at<std::int8_t>(value);
      case GgufType::u16:
        return value_at<std::uint16_t>(value);
      case GgufType::i16:
        return value_at<std::int16_t>(value);
      case GgufType::u32:
        return value_at<std::uint32_t>(value);
      case GgufType::i32:
        return value_at<std::int32_t>(value);
      case GgufType::i64:
        return value_at<std::int64_t>(value);
      case GgufType::u64: {
        const auto number = value_at<std::uint64_t>(value);
        if (number > std::uint64_t{std::numeric_limits<Index>::max()}) return std::nullopt;
        return static_cast<Index>(number);
      }
      default:
        return std::nullopt;
    }
  }

  /// A value as text for messages.
  std::string as_text(const Entry& value) const {
    if (value.type == GgufType::string) {
      return printable(cursor_at(value).text(longest_text).value_or("a long text"));
    }
    if (value.type == GgufType::array) return detail::concat({"a list of ", value.count});
    if (value.type == GgufType::f32) {
      return detail::concat(
          {FormattedNumber::fixed(static_cast<double>(value_at<float>(value)), 6)});
    }
    if (value.type == GgufType::boolean) return value_at<std::uint8_t>(value) ? "true" : "false";
    const auto number = whole_value(value);
    return number ? std::to_string(*number) : "another type";
  }

  const ByteSource& source_;
  std::size_t bytes_after_ = 0;
  std::map<std::string, Entry> entries_;
  std::map<std::string, GgufTensor> tensors_;
};

}  // namespace OCTAVO_NAMESPACE
