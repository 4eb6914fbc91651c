// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/files/read_file.hpp>

namespace octavo {

/// One tensor of a file.
struct TensorInFile {
  std::string dtype;
  std::vector<Index> shape;
  std::size_t offset = 0;  ///< bytes of the file before it
  std::size_t bytes = 0;
};

/// A safetensors file: its header, checked, in memory, and the tensors where they are until they
/// are read. Reading runs no code and trusts no number of the file before it is compared with what
/// is there. Every defect is a FormatError that names the file and the field.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(std::string path)
      : path_(std::move(path)), opened_(detail::open_regular_file(path_)) {
    std::string start(std::min<std::size_t>(opened_.size, 10), '\0');
    read_at(0, std::as_writable_bytes(std::span(start)));
    recognise_other_formats(start);
    if (start.size() < 10) {
      fail("it has " + std::to_string(start.size()) + " bytes, expected 10 or more");
    }
    std::uint64_t length = 0;
    std::memcpy(&length, start.data(), sizeof(length));
    const std::size_t most = std::min(largest_header, opened_.size - 8);
    if (length > most) {
      fail("the header length is " + std::to_string(length) + ", expected at most " +
           std::to_string(most));
    }
    std::string header(static_cast<std::size_t>(length), '\0');
    read_at(8, std::as_writable_bytes(std::span(header)));
    data_begin_ = 8 + header.size();
    parse(header);
  }

  /// Part of a tensor, from its byte `first` on. Throws an Error of code io if reading fails.
  void read(const TensorInFile& tensor, std::size_t first, std::span<std::byte> bytes) const {
    OCTAVO_ASSERT(first <= tensor.bytes && bytes.size() <= tensor.bytes - first);
    read_at(tensor.offset + first, bytes);
  }

  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  const std::map<std::string, TensorInFile>& tensors() const noexcept { return tensors_; }

  /// The metadata entry of that name; FormatError if it is missing.
  const std::string& metadata(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) fail("the metadata has no entry " + printable(key));
    return found->second;
  }

  const TensorInFile& tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("tensor " + printable(name) + " is missing");
    return found->second;
  }

  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FormatError("cannot load " + printable(path_) + ": " + what, std::move(hint));
  }

 private:
  using Json = nlohmann::json;
  static constexpr std::size_t largest_header = 100'000'000;

  void read_at(std::size_t offset, std::span<std::byte> bytes) const {
    detail::read_at(opened_, path_, offset, bytes);
  }

  /// Of the tensors together.
  std::size_t data_bytes() const noexcept { return opened_.size - data_begin_; }

  void recognise_other_formats(std::string_view file) const {
    const auto is = [&](std::string_view magic) { return file.starts_with(magic); };
    const char* other = is("PK\x03\x04")   ? "a PyTorch or zip file"
                        : is("GGUF")       ? "a GGUF file"
                        : is("\x1f\x8b")   ? "a gzip file"
                        : is("\x80\x02}q") ? "a Python pickle"
                                           : nullptr;
    if (other != nullptr) {
      fail(std::string("it is ") + other + ", expected a safetensors file",
           "convert it to safetensors first");
    }
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

  /// Depth is limited to what the format needs and a name may come only once: nlohmann's parser
  /// would nest as deep as the stack allows and keep the last of several.
  Json parse_header(std::string_view text) const {
    if (!text.starts_with('{'))
      fail("the header does not begin with '{'", "is it a safetensors file?");
    std::vector<std::set<std::string>> keys;
    bool sound = true;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      using Event = Json::parse_event_t;
      if (event == Event::object_start) keys.emplace_back();
      if (event == Event::object_end && !keys.empty()) keys.pop_back();
      if (event == Event::key && !keys.empty()) {
        sound = sound && keys.back().insert(parsed.get<std::string>()).second;
      }
      sound = sound && depth <= 4;
      return sound;
    };
    Json header = Json::parse(text, watch, false);
    if (!sound) fail("the header nests too deep or names something twice");
    if (header.is_discarded() || !header.is_object()) fail("the header is no JSON object");
    return header;
  }

  void parse(std::string_view text) {
    const Json header = parse_header(text);
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        ranges.push_back(read_tensor(name, entry));
      }
    }
    std::sort(ranges.begin(), ranges.end());
    std::size_t end = 0;
    for (const auto& [first, last] : ranges) {
      if (first != end) fail("the tensors overlap or leave a hole at byte " + std::to_string(end));
      end = last;
    }
    if (end != data_bytes()) {
      fail("the tensors end at byte " + std::to_string(end) + " of the data, which has " +
               std::to_string(data_bytes()),
           end > data_bytes() ? "the copy is incomplete" : "");
    }
  }

  void read_metadata(const Json& entry) {
    if (!entry.is_object()) fail("'__metadata__' is no object");
    for (const auto& [key, value] : entry.items()) {
      if (value.is_string()) metadata_[key] = value.get<std::string>();
    }
  }

  std::pair<std::size_t, std::size_t> read_tensor(const std::string& name, const Json& entry) {
    const std::string label = "tensor " + printable(name) + ": ";
    const auto field = [&](const char* key) -> const Json& {
      if (!entry.is_object() || !entry.contains(key)) fail(label + "'" + key + "' is missing");
      return entry.at(key);
    };
    const auto number = [&](const Json& value, const char* key) {
      if (!value.is_number_unsigned()) fail(label + "'" + key + "' is no whole number");
      return value.get<std::uint64_t>();
    };
    TensorInFile tensor;
    if (!field("dtype").is_string()) fail(label + "'dtype' is no string");
    tensor.dtype = entry["dtype"].get<std::string>();
    std::uint64_t bytes = bytes_per_element(tensor.dtype);
    if (bytes == 0) fail(label + "unknown dtype " + printable(tensor.dtype));
    if (!field("shape").is_array() || entry["shape"].size() > 8)
      fail(label + "'shape' is no list of at most 8 sizes");
    for (const Json& axis : entry["shape"]) {
      const std::uint64_t size = number(axis, "shape");
      constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
      if (size != 0 && bytes > most / size) fail(label + "the shape has more than 2^63 bytes");
      bytes *= size;
      tensor.shape.push_back(static_cast<Index>(size));
    }
    const Json& offsets = field("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2) fail(label + "'data_offsets' is no pair");
    const std::uint64_t first = number(offsets[0], "data_offsets");
    const std::uint64_t last = number(offsets[1], "data_offsets");
    if (first > last || last > data_bytes()) {
      fail(label + "bytes " + std::to_string(first) + " to " + std::to_string(last) +
               " are not within the data, which has " + std::to_string(data_bytes()),
           "the copy is incomplete");
    }
    if (last - first != bytes) {
      fail(label + "has " + std::to_string(last - first) + " bytes, expected " +
           std::to_string(bytes) + " from its shape");
    }
    tensor.offset = data_begin_ + static_cast<std::size_t>(first);
    tensor.bytes = static_cast<std::size_t>(bytes);
    tensors_.emplace(name, std::move(tensor));
    return {static_cast<std::size_t>(first), static_cast<std::size_t>(last)};
  }

  std::string path_;
  detail::OpenedFile opened_;
  std::size_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, TensorInFile> tensors_;
};

}  // namespace octavo
