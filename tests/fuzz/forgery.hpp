// SPDX-License-Identifier: MIT
// Changes to a safetensors file of ours that its checksums do not give away: those of someone who
// forges it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/files/crc32c.hpp>
#include <octavo/formats/header_checksum.hpp>

#include "fuzz/fuzz.hpp"

namespace fuzz {

using Json = nlohmann::ordered_json;

struct ForgedFile {
  Json header;
  std::string data;
};

inline constexpr const char* metadata_name = "__metadata__";

inline std::optional<ForgedFile> opened(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes.remove_prefix(sizeof(length));
  if (length > bytes.size()) return std::nullopt;
  Json header = Json::parse(bytes.substr(0, length), nullptr, false);
  if (!header.is_object()) return std::nullopt;
  return ForgedFile{std::move(header), std::string(bytes.substr(length))};
}

/// Where a tensor lies, as far as its entry makes sense.
inline std::pair<std::size_t, std::size_t> range_of(const Json& tensor) {
  if (!tensor.is_object() || !tensor.contains("data_offsets")) return {0, 0};
  const Json& offsets = tensor["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return {0, 0};
  }
  return {offsets[0].get<std::size_t>(), offsets[1].get<std::size_t>()};
}

/// The file's bytes with its length and checksums put right, as whoever forges a file would.
inline std::string sealed(ForgedFile file) {
  Json& header = file.header;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name != metadata_name) ranges.push_back(range_of(entry));
  }
  std::sort(ranges.begin(), ranges.end());
  std::string sums;
  for (const auto& [first, last] : ranges) {
    const std::string_view data = file.data;
    const auto tensor = data.substr(std::min(first, data.size()), last > first ? last - first : 0);
    sums += octavo::detail::sum_text(octavo::crc32c(std::as_bytes(std::span(tensor))));
  }
  if (header.contains(metadata_name) && header[metadata_name].is_object()) {
    Json& metadata = header[metadata_name];
    for (const auto& [key, value] :
         {std::pair(octavo::detail::tensor_sums_key, std::string_view(sums)),
          std::pair(octavo::detail::header_checksum_key, octavo::detail::no_sum)}) {
      if (metadata.contains(key)) metadata[std::string(key)] = value;
    }
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::size_t at = octavo::detail::find_header_checksum(text);
  if (at != text.npos)
    text.replace(at, octavo::detail::no_sum.size(), octavo::detail::header_checksum(text));
  std::string bytes(sizeof(std::uint64_t), '\0');
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + text + file.data;
}

inline constexpr std::array<std::uint64_t, 16> sizes{0,
                                                     1,
                                                     2,
                                                     3,
                                                     4,
                                                     6,
                                                     8,
                                                     9,
                                                     64,
                                                     0x7fffffff,
                                                     0x80000000,
                                                     0xffffffff,
                                                     std::uint64_t{1} << 62,
                                                     std::uint64_t{1} << 63,
                                                     (std::uint64_t{1} << 63) - 1,
                                                     ~std::uint64_t{0}};
inline constexpr std::array dtypes{"F32", "F64", "F16", "U8", "I64", "BOOL", "F99", ""};
inline constexpr std::array texts{
    "0",      "1",      "2",      "3",          "4",      "-1",         "2147483647",
    "1e308",  "1e-320", "0.5",    "1e999",      "inf",    "-inf",       "nan",
    "-0",     "",       " 1",     "1 ",         "0x1",    "2147483648", "9223372036854775807",
    "adamw",  "adam",   "lion",   "adamw-8bit", "sgd",    "checkpoint", "9223372036854775808",
    "model",  "relu",   "gelu",   "gelu-tanh",  "cosine", "constant",   "4611686018427387904",
    "linear", "00ff",   "00ff00", "0",          "fg",     "character",  "\x1b[31m"};
inline constexpr std::array<std::uint32_t, 6> floats{0,          0x80000000, 1,
                                                     0x7f800000, 0x7fc00000, 0xff7fffff};

/// One of an object's entries; the object has some.
inline Json::iterator entry_of(Json& object, Choices& choices) {
  return std::next(object.begin(), static_cast<std::ptrdiff_t>(choices.below(object.size())));
}

inline void change_metadata(Json& metadata, Choices& choices) {
  if (!metadata.is_object() || metadata.empty()) return;
  const std::string key = entry_of(metadata, choices).key();
  switch (choices.below(8)) {
    case 0:
      metadata.erase(key);
      return;
    case 1:
      metadata[key] = Json(entry_of(metadata, choices).value());
      return;
    case 2:
      metadata[key] = choices.one_of(sizes);
      return;
    default:
      metadata[key] = choices.one_of(texts);
  }
}

inline void change_tensor(Json& header, Choices& choices) {
  const std::string name = entry_of(header, choices).key();
  Json& tensor = header[name];
  if (name == metadata_name || !tensor.is_object()) return;
  const auto change_number = [&](const char* key) {
    if (!tensor.contains(key) || !tensor[key].is_array()) return;
    Json& list = tensor[key];
    if (list.empty() || choices.one_in(4)) {
      list.push_back(choices.one_of(sizes));
    } else if (choices.one_in(4)) {
      list.erase(choices.below(list.size()));
    } else {
      list[choices.below(list.size())] = choices.one_of(sizes);
    }
  };
  switch (choices.below(6)) {
    case 0:
      return change_number("shape");
    case 1:
      return change_number("data_offsets");
    case 2:
      tensor["dtype"] = choices.one_of(dtypes);
      return;
    case 3:
      header[std::string(choices.one_of(texts))] = Json(tensor);
      return;
    case 4:
      header[entry_of(header, choices).key()] = Json(tensor);
      return;
    default:
      header.erase(name);
  }
}

inline void change_data(std::string& data, Choices& choices) {
  if (data.size() < sizeof(float) || choices.one_in(4)) {
    data.resize(choices.below(data.size() + 64));
    return;
  }
  const std::size_t at = choices.below(data.size() / sizeof(float)) * sizeof(float);
  std::memcpy(data.data() + at, &choices.one_of(floats), sizeof(float));
}

/// Lays the tensors one behind another, as many bytes each as its shape says.
inline void lay_out(ForgedFile& file) {
  std::size_t end = 0;
  for (auto& [name, tensor] : file.header.items()) {
    if (name == metadata_name || !tensor.is_object() || !tensor.contains("shape")) continue;
    const bool known = tensor.contains("dtype") && tensor["dtype"].is_string();
    const std::string dtype = known ? tensor["dtype"].get<std::string>() : "";
    std::size_t bytes = dtype.ends_with("64") ? 8 : dtype.ends_with("32") ? 4 : 1;
    for (const Json& axis : tensor["shape"]) {
      if (!axis.is_number_unsigned() || axis.get<std::size_t>() > 1024) return;
      bytes *= axis.get<std::size_t>();
      if (bytes > 1024) return;
    }
    tensor["data_offsets"] = {end, end + bytes};
    end += bytes;
  }
  file.data.resize(end);
}

inline void change(ForgedFile& file, Choices& choices) {
  if (file.header.empty()) return;
  switch (choices.below(4)) {
    case 0:
      return change_tensor(file.header, choices);
    case 1:
      return change_data(file.data, choices);
    default:
      if (file.header.contains(metadata_name)) {
        change_metadata(file.header[metadata_name], choices);
      }
  }
}

}  // namespace fuzz
