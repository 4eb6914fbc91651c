// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/byte_source.hpp>
#include <octavo/files/file_kind.hpp>
#include <octavo/formats/header_check.hpp>
#include <octavo/formats/safetensors_header.hpp>

namespace OCTAVO_NAMESPACE {

/// One tensor of a file.
struct TensorInFile {
  std::string dtype;
  std::vector<Index> shape;
  std::size_t offset = 0;  ///< byte offset in the file
  std::size_t bytes = 0;
  std::string sum;  ///< its CRC-32C in eight hexadecimal digits; empty: the file has none

  /// Whether both say the same, but for the checksum.
  bool operator==(const TensorInFile& other) const noexcept {
    return dtype == other.dtype && shape == other.shape && offset == other.offset &&
           bytes == other.bytes;
  }
};

/// A safetensors file. The constructor reads and checks the header; tensors are read on demand.
/// Reading executes no code, and no number of the file is trusted before it is checked against the
/// file's size. Every defect is a FormatError that names the file and the field. Names and numbers
/// of the header are limited, so that it takes at most five times its size plus a few megabytes of
/// memory. The reader does not compare checksums: code that reads a tensor compares the tensor's,
/// and code that relies on the metadata calls is_unaltered().
class SafetensorsReader {
 public:
  /// `source` must outlive the reader.
  explicit SafetensorsReader(const ByteSource& source) : source_(source) {
    const std::string start = start_of(source);
    recognise_other_formats(start);
    if (start.size() < 10) {
      fail(detail::concat({"it has ", counted(start.size(), "byte"), ", expected 10 or more"}),
           whole);
    }
    std::uint64_t length = 0;
    std::memcpy(&length, start.data(), sizeof(length));
    const std::size_t most = std::min(largest_header, source.size() - 8);
    if (length > most) {
      fail(detail::concat({"the header length is ", length, ", expected at most ", most}), whole);
    }
    std::string header(static_cast<std::size_t>(length), '\0');
    source.read(8, std::as_writable_bytes(std::span(header)));
    data_begin_ = 8 + header.size();
    parse(header);
  }

  /// Whether the header has the checksum that it states; true if it states none.
  bool is_unaltered() const noexcept { return sum_ == written_sum_; }

  /// For an altered header: another program may have rewritten the same content with other
  /// formatting and order, and kept the checksums. Returns whether Octavo wrote these tensors, in
  /// this order or in the order of their data, with this metadata; the tensors' checksums are then
  /// valid again. `dtype`: the former dtype of all tensors, if it has changed; changed tensors have
  /// no checksum.
  bool restore_sums(std::span<const std::string> names, std::string_view dtype = {}) {
    return is_unaltered() || restore_in_order(names, dtype) || restore_in_order(order_, dtype);
  }

  /// Throws the FormatError for an altered header.
  [[noreturn]] void fail_altered() const {
    fail(detail::concat({"the header's CRC-32C is ", sum_, ", expected ", printable(written_sum_)}),
         "the file is damaged, or another program has changed what it says; use another copy");
  }

  /// Reads part of a tensor, from its byte `first` on. Error of code io if reading fails.
  void read(const TensorInFile& tensor, std::size_t first, std::span<std::byte> bytes) const {
    OCTAVO_ASSERT(first <= tensor.bytes && bytes.size() <= tensor.bytes - first);
    source_.read(tensor.offset + first, bytes);
  }

  /// Size of the whole file.
  std::size_t bytes() const noexcept { return source_.size(); }
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  const std::map<std::string, TensorInFile>& tensors() const noexcept { return tensors_; }

  /// The metadata entry `key`; FormatError if it is missing.
  const std::string& name() const noexcept { return source_.name(); }

  const std::string& metadata(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end())
      fail(detail::concat({"the metadata has no entry ", printable(key)}));
    return found->second;
  }

  const TensorInFile& tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail(detail::concat({"tensor ", printable(name), " is missing"}));
    return found->second;
  }

  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FormatError(detail::concat({"cannot load ", printable(source_.name()), ": ", what}),
                      std::move(hint));
  }

 private:
  using Json = nlohmann::json;
  static constexpr std::size_t largest_header = 100'000'000;  // the format's limit
  static constexpr const char* whole = "is it a safetensors file, and the whole of it?";

  /// Bytes of all tensors together.
  std::size_t data_bytes() const noexcept { return source_.size() - data_begin_; }

  void recognise_other_formats(std::string_view start) const {
    const FileKind kind = kind_of_file(start);
    if (!kind.name.empty() && kind.name != "a safetensors file") {
      const bool torch = kind.name == "a zip archive" || kind.name == "a Python pickle";
      fail(detail::concat({"it is ", kind.name, (torch ? ", perhaps PyTorch's" : ""),
                           ", expected a safetensors file"}),
           torch ? "convert it to safetensors first" : "name a model");
    }
    const bool has_header = start.size() > 8 && start[8] == '{';  // after a wrong length
    if (!begins_as_text(start) || has_header) return;
    const bool json = start.find_first_not_of(" \t\r\n") != start.npos &&
                      start[start.find_first_not_of(" \t\r\n")] == '{';
    fail(json ? "it is a JSON file, not a model" : "it is a text, not a model",
         json ? "name the folder in which it lies" : "name a model file, a folder, or a GGUF file");
  }

  static std::size_t bytes_per_element(std::string_view dtype) {
    static constexpr std::pair<std::string_view, std::size_t> sizes[] = {
        {"F64", 8},  {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"F16", 2},
        {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
    for (const auto& [name, size] : sizes) {
      if (name == dtype) return size;
    }
    return 0;
  }

  Json parse_header(std::string_view text) const {
    if (!text.starts_with('{'))
      fail("the header does not begin with '{'", "is it a safetensors file?");
    // The parser would store such numbers several times.
    if (detail::has_long_number(text)) fail("the header has a number of more than 100 digits");
    detail::HeaderCheck check;
    const bool sound = Json::sax_parse(text, &check);
    if (!check.wrong().empty()) fail(check.wrong());
    // nlohmann's parser would stop at a zero byte.
    if (!sound || text.find('\0') != text.npos) fail("the header is not a JSON object");
    return Json::parse(text);
  }

  void parse(std::string_view text) {
    const Json header = parse_header(text);
    std::vector<TensorInFile*> in_order;
    std::map<const TensorInFile*, std::string> names;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        in_order.push_back(&tensors_.emplace(name, read_tensor(name, entry)).first->second);
        names[in_order.back()] = name;
      }
    }
    std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
      return a->offset != b->offset ? a->offset < b->offset : a->bytes < b->bytes;
    });
    std::size_t end = data_begin_;
    for (const TensorInFile* tensor : in_order) {
      if (tensor->offset != end) {
        fail(detail::concat({"the tensors overlap or leave a hole at byte ", end - data_begin_}));
      }
      end += tensor->bytes;
    }
    if (end != source_.size()) {
      fail(detail::concat({"the tensors end at byte ", end, " of ", source_.size()}), whole);
    }
    const auto sum = metadata_.find(std::string(detail::header_checksum_key));
    if (sum != metadata_.end()) written_sum_ = sum->second, sum_ = detail::header_checksum(text);
    if (is_unaltered()) return read_tensor_sums(in_order);
    for (const TensorInFile* tensor : in_order) order_.push_back(std::move(names[tensor]));
  }

  bool restore_in_order(std::span<const std::string> names, std::string_view dtype) {
    const auto sums = metadata_.find(std::string(detail::tensor_sums_key));
    constexpr std::size_t digits = detail::no_sum.size();
    if (sums == metadata_.end() || sums->second.size() != digits * names.size()) return false;
    std::vector<detail::HeaderEntry> entries;
    for (const std::string& name : names) {
      const auto found = tensors_.find(name);
      if (found == tensors_.end()) return false;
      const TensorInFile& tensor = found->second;
      const std::string_view was = dtype.empty() ? std::string_view(tensor.dtype) : dtype;
      if (bytes_per_element(tensor.dtype) == 0) return false;
      entries.push_back({name, was, tensor.shape,
                         tensor.bytes / bytes_per_element(tensor.dtype) * bytes_per_element(was)});
    }
    const auto is_ascii = [](const std::string& text) {
      return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
    };
    for (const auto& [key, value] : metadata_) {
      if (!is_ascii(key) || !is_ascii(value)) return false;  // Octavo does not write such entries
    }
    for (const std::string& name : names) {
      if (!is_ascii(name)) return false;
    }
    if (detail::header_checksum(detail::header_text(entries, metadata_)) != written_sum_)
      return false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      TensorInFile& tensor = tensors_.at(names[i]);
      if (tensor.dtype == entries[i].dtype) tensor.sum = sums->second.substr(digits * i, digits);
    }
    sum_ = written_sum_;
    return true;
  }

  void read_tensor_sums(const std::vector<TensorInFile*>& in_order) {
    const auto found = metadata_.find(std::string(detail::tensor_sums_key));
    if (found == metadata_.end()) return;
    constexpr std::size_t digits = detail::no_sum.size();
    if (found->second.size() != digits * in_order.size()) {
      fail(detail::concat({"metadata ", printable(found->first), " has ", found->second.size(),
                           " digits, expected 8 for each of ", in_order.size(), " tensors"}));
    }
    for (std::size_t i = 0; i < in_order.size(); ++i) {
      in_order[i]->sum = found->second.substr(digits * i, digits);
    }
  }

  void read_metadata(const Json& entry) {
    if (entry.is_null()) return;
    if (!entry.is_object()) fail("'__metadata__' is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string())
        fail(detail::concat({"metadata ", printable(key), " is not a string"}));
      metadata_[key] = value.get<std::string>();
    }
  }

  TensorInFile read_tensor(const std::string& name, const Json& entry) {
    const std::string label = detail::concat({"tensor ", printable(name), ": "});
    const auto field = [&](const char* key) -> const Json& {
      if (!entry.is_object() || !entry.contains(key))
        fail(detail::concat({label, "'", key, "' is missing"}));
      return entry.at(key);
    };
    const auto number = [&](const Json& value, const char* key) {
      if (!value.is_number_unsigned())
        fail(detail::concat({label, "'", key, "' is not a whole number"}));
      return value.get<std::uint64_t>();
    };
    TensorInFile tensor;
    if (!field("dtype").is_string()) fail(detail::concat({label, "'dtype' is not a string"}));
    tensor.dtype = entry["dtype"].get<std::string>();
    std::uint64_t bytes = bytes_per_element(tensor.dtype);
    const bool known = bytes != 0;  // code that needs the numbers of an unknown dtype refuses it
    if (!field("shape").is_array() || entry["shape"].size() > 8)
      fail(detail::concat({label, "'shape' is not a list of at most 8 sizes"}));
    for (const Json& axis : entry["shape"]) {
      const std::uint64_t size = number(axis, "shape");
      constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
      if (size > most || (size != 0 && bytes > most / size))
        fail(detail::concat({label, "the shape has more than 2^63 bytes"}));
      bytes *= size;
      tensor.shape.push_back(static_cast<Index>(size));
    }
    const Json& offsets = field("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2)
      fail(detail::concat({label, "'data_offsets' is not a pair"}));
    const std::uint64_t first = number(offsets[0], "data_offsets");
    const std::uint64_t last = number(offsets[1], "data_offsets");
    if (first > last || last > data_bytes()) {
      fail(detail::concat({label, "bytes ", first, " to ", last,
                           " are not within the data, which has ", data_bytes()}),
           "the copy is incomplete");
    }
    if (known && last - first != bytes) {
      fail(detail::concat(
          {label, "has ", counted(last - first, "byte"), ", expected ", bytes, " from its shape"}));
    }
    tensor.offset = data_begin_ + static_cast<std::size_t>(first);
    tensor.bytes = static_cast<std::size_t>(last - first);
    return tensor;
  }

  const ByteSource& source_;
  std::size_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, TensorInFile> tensors_;
  std::string written_sum_;         ///< the header's, as stated in it; empty: none
  std::string sum_;                 ///< the header's, as computed
  std::vector<std::string> order_;  ///< of the tensors' data, if the header is altered
};

}  // namespace OCTAVO_NAMESPACE
