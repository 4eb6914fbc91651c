// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/read_file.hpp>

namespace octavo_test {

/// Saves without waiting for a disk.
class HastyFileSystem final : public octavo::FileSystem {
 public:
  int fsync(int) override { return 0; }
};

inline std::string temporary_path(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("octavo_" + std::to_string(::getpid()) + name))
      .string();
}

/// The bytes that `save` (path, files) writes.
template <typename Save>
std::string saved_bytes(Save save) {
  const std::string path = temporary_path("saved");
  HastyFileSystem files;
  save(path, files);
  std::string bytes = octavo::read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

/// The smallest models that have every kind of tensor, and none that is optional.
inline constexpr octavo::ModelConfig full_shape{.vocabulary = 5,
                                                .context = 3,
                                                .layers = 1,
                                                .width = 4,
                                                .attention = {.heads = 2},
                                                .feed_forward = {.d_ff = 2}};
inline constexpr octavo::ModelConfig least_shape{.vocabulary = 5,
                                                 .context = 2,
                                                 .layers = 1,
                                                 .width = 2,
                                                 .norm = {.bias = false},
                                                 .attention = {.heads = 1, .bias = false},
                                                 .feed_forward = {.d_ff = 1, .bias = false},
                                                 .head = {.tied = true, .bias = false}};
inline constexpr octavo::CharacterTokenizer four_letters("abcd");

/// A trainer that has done two steps.
template <octavo::Scalar T>
octavo::Trainer<T> short_run(const octavo::ModelConfig& config, octavo::ThreadPool& threads,
                             octavo::AnyOptimizer optimizer = octavo::AdamW{}) {
  octavo::TrainingOptions options;
  options.sequence = 2;
  options.optimizer = optimizer;
  octavo::Trainer<T> trainer(config, options, threads);
  static constexpr std::uint8_t text[] = {1, 2, 3, 4, 3, 2, 1, 4};
  for (int step = 0; step < 2; ++step) trainer.step(std::span<const std::uint8_t>(text));
  return trainer;
}

template <typename Trainer>
std::string checkpoint_bytes(const Trainer& trainer) {
  return saved_bytes([&](const std::string& path, octavo::FileSystem& files) {
    save_checkpoint(path, trainer, four_letters, {"text", 8, "0123"}, files);
  });
}

/// All that loading may change.
template <typename Trainer>
std::string state_bytes(const Trainer& trainer) {
  const octavo::RunState state = trainer.state();
  std::string bytes;
  const auto add = [&](std::span<const std::byte> part) {
    const std::size_t before = bytes.size();
    bytes.resize(before + part.size());
    std::ranges::copy(part, std::as_writable_bytes(std::span(bytes)).begin() +
                                static_cast<std::ptrdiff_t>(before));
  };
  add(std::as_bytes(trainer.weights()));
  add(trainer.optimizer_state());
  add(std::as_bytes(std::span(&state, 1)));
  return bytes;
}

/// A run that was saved, and another of its kind that nothing that fails may change.
struct SavedRun {
  octavo::ThreadPool threads{1};
  octavo::Trainer<float> saved;
  octavo::Trainer<float> other;
  std::string good;
  std::string untouched;

  explicit SavedRun(const octavo::ModelConfig& config = full_shape,
                    const octavo::AnyOptimizer& optimizer = octavo::AdamW{})
      : saved(short_run<float>(config, threads, optimizer)),
        other(config, saved.options(), threads),
        good(checkpoint_bytes(saved)),
        untouched(state_bytes(other)) {}

  /// What is said about these bytes behind "cannot load 'x': "; empty if they load. Whatever is no
  /// FormatError goes on to doctest.
  std::string failure(const std::string& bytes) {
    try {
      const octavo::MemorySource source("x", std::as_bytes(std::span(bytes)));
      const octavo::CheckpointFile file(source);
      const octavo::CheckpointInfo& info = file.info();
      if (info.config == other.config() && !info.double_precision &&
          info.options.optimizer.same_rule(other.options().optimizer) &&
          info.options.freeze == other.options().freeze &&
          info.options.train_too == other.options().train_too &&
          info.options.train_last == other.options().train_last) {
        file.load(other);
      } else {
        file.verify();
      }
      untouched = state_bytes(other);
      return {};
    } catch (const octavo::FormatError& error) {
      constexpr std::string_view start = "cannot load 'x': ";
      if (state_bytes(other) != untouched) return "the trainer has changed";
      if (!std::string_view(error.what()).starts_with(start)) return "the file is not named";
      return error.what() + start.size();
    }
  }
};

/// A safetensors file in two parts that can be edited. bytes() puts it together as it is; seal()
/// first makes both checksums right again, as whoever forges a file would.
class ForgedFile {
 public:
  std::string header;
  std::string data;

  explicit ForgedFile(std::string json, std::string numbers = {})
      : header(std::move(json)), data(std::move(numbers)) {}

  static ForgedFile from(const std::string& bytes) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    return ForgedFile(bytes.substr(8, length), bytes.substr(8 + length));
  }

  /// The first place in the header where `from` stands gets `to` instead.
  ForgedFile& replace(std::string_view from, std::string_view to) {
    const std::size_t at = header.find(from);
    if (at == header.npos) throw std::logic_error("no " + std::string(from));
    header.replace(at, from.size(), to);
    return *this;
  }

  /// The metadata entry of that name, with another value, added where there is none; or taken out.
  ForgedFile& set(std::string_view key, std::string_view value) {
    if (header.find(quoted(key) + ":") == header.npos) {
      return replace(quoted("octavo.kind") + ":",
                     quoted(key) + ":" + quoted(value) + "," + quoted("octavo.kind") + ":");
    }
    return replace(entry(key), quoted(key) + ":" + quoted(value));
  }
  ForgedFile& remove(std::string_view key) {
    const std::string found = entry(key);
    const bool last = header.find(found + ",") == header.npos;
    return replace(last ? "," + found : found + ",", "");
  }

  /// The header as whoever reads JSON sees it; discarded if it is none.
  nlohmann::ordered_json json() const {
    return nlohmann::ordered_json::parse(header, nullptr, false);
  }
  std::vector<std::string> metadata_keys() const {
    std::vector<std::string> keys;
    const auto parsed = json();
    for (const auto& item : parsed["__metadata__"].items()) keys.push_back(item.key());
    return keys;
  }

  /// Number `index` of a tensor becomes `value`.
  template <typename Number>
  ForgedFile& put(const std::string& tensor, std::size_t index, Number value) {
    const std::size_t first = json()[tensor]["data_offsets"][0];
    std::memcpy(&data.at(first + index * sizeof(value)), &value, sizeof(value));
    return *this;
  }

  ForgedFile& seal() {
    using namespace octavo::detail;
    if (const auto parsed = json(); !parsed.is_discarded()) seal_tensors(parsed);
    if (find_header_checksum(header) != header.npos) {
      header.replace(find_header_checksum(header), no_sum.size(), header_checksum(header));
    }
    return *this;
  }

  std::string bytes() const { return with_length(header.size()); }
  /// With a lie in the first eight bytes.
  std::string with_length(std::uint64_t length) const {
    const auto start = std::bit_cast<std::array<char, 8>>(length);
    return std::string(start.data(), start.size()) + header + data;
  }

 private:
  static std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

  std::string entry(std::string_view key) const {
    const std::string start = quoted(key) + ":\"";
    const std::size_t at = header.find(start);
    if (at == header.npos) throw std::logic_error("no entry " + std::string(key));
    return header.substr(at, header.find('"', at + start.size()) + 1 - at);
  }

  void seal_tensors(const nlohmann::ordered_json& parsed) {
    const std::string start = quoted(octavo::detail::tensor_sums_key) + ":\"";
    std::size_t at = header.find(start);
    if (at == header.npos) return;
    at += start.size();
    std::vector<std::array<std::size_t, 2>> ranges;
    for (const auto& [name, tensor] : parsed.items()) {
      if (name == "__metadata__" || !tensor.is_object() || !tensor.contains("data_offsets")) {
        continue;
      }
      const auto& range = tensor["data_offsets"];
      if (!range.is_array() || range.size() != 2) continue;
      if (!range[0].is_number_unsigned() || !range[1].is_number_unsigned()) continue;
      if (range[0] <= range[1] && range[1] <= data.size()) ranges.push_back({range[0], range[1]});
    }
    std::ranges::sort(ranges);
    std::string sums;
    for (const auto& [first, last] : ranges) {
      const auto part = std::span(data).subspan(first, last - first);
      sums += octavo::detail::sum_text(octavo::crc32c(std::as_bytes(part)));
    }
    header.replace(at, header.find('"', at) - at, sums);
  }
};

}  // namespace octavo_test
