// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/config.hpp>
#include <octavo/files/atomic_file.hpp>
#include <octavo/formats/gguf_format.hpp>
#include <octavo/formats/safetensors_writer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Numbers and texts in GGUF's encoding.
class GgufBytes {
 public:
  template <typename Number>
  void number(Number value) {
    const auto bytes = octavo::bit_cast<std::array<char, sizeof(Number)>>(value);
    bytes_.append(bytes.data(), bytes.size());
  }
  void text(std::string_view value) {
    number(std::uint64_t{value.size()});
    bytes_ += value;
  }
  void raw(std::string_view bytes) { bytes_ += bytes; }
  void pad(std::size_t alignment) { bytes_.resize(gguf_padded(bytes_.size(), alignment), '\0'); }

  std::string_view all() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace detail

/// The entries of a GGUF file, in the order in which they are added.
class GgufEntries {
 public:
  void whole(std::string_view key, std::uint32_t value) {
    begin(key, GgufType::u32);
    bytes_.number(value);
  }
  void real(std::string_view key, float value) {
    begin(key, GgufType::f32);
    bytes_.number(value);
  }
  void truth(std::string_view key, bool value) {
    begin(key, GgufType::boolean);
    bytes_.number(std::uint8_t{value});
  }
  void text(std::string_view key, std::string_view value) {
    begin(key, GgufType::string);
    bytes_.text(value);
  }
  void texts(std::string_view key, std::span<const std::string> values) {
    begin_list(key, GgufType::string, values.size());
    for (const std::string& value : values) bytes_.text(value);
  }
  void numbers(std::string_view key, std::span<const std::int32_t> values) {
    begin_list(key, GgufType::i32, values.size());
    for (const std::int32_t value : values) bytes_.number(value);
  }
  void numbers(std::string_view key, std::span<const float> values) {
    begin_list(key, GgufType::f32, values.size());
    for (const float value : values) bytes_.number(value);
  }

  std::uint64_t count() const noexcept { return count_; }
  std::string_view bytes() const noexcept { return bytes_.all(); }

 private:
  void begin(std::string_view key, GgufType type) {
    bytes_.text(key);
    bytes_.number(static_cast<std::uint32_t>(type));
    ++count_;
  }
  void begin_list(std::string_view key, GgufType type, std::size_t size) {
    begin(key, GgufType::array);
    bytes_.number(static_cast<std::uint32_t>(type));
    bytes_.number(std::uint64_t{size});
  }

  detail::GgufBytes bytes_;
  std::uint64_t count_ = 0;
};

/// One tensor to be written.
struct GgufTensorToWrite {
  std::string name;
  StoredType type;
  std::vector<Index> shape;  ///< the innermost axis first
  std::size_t bytes;         ///< the number of bytes that `emit` writes
  std::function<void(const ByteSink&)> emit;
};

/// Writes a GGUF file atomically; its bytes depend only on the arguments. `emit` of each tensor is
/// called once.
inline void write_gguf(const std::string& path, const GgufEntries& entries,
                       std::span<const GgufTensorToWrite> tensors,
                       FileSystem& files = real_file_system()) {
  using detail::gguf_alignment;
  detail::GgufBytes header;
  header.raw(detail::gguf_magic);
  header.number(detail::gguf_version);
  header.number(std::uint64_t{tensors.size()});
  header.number(entries.count());
  header.raw(entries.bytes());
  std::size_t offset = 0;
  for (const GgufTensorToWrite& tensor : tensors) {
    header.text(tensor.name);
    header.number(static_cast<std::uint32_t>(tensor.shape.size()));
    for (const Index size : tensor.shape) header.number(static_cast<std::uint64_t>(size));
    header.number(detail::gguf_numbers_of(tensor.type).of_tensor);
    header.number(std::uint64_t{offset});
    offset = detail::gguf_padded(offset + tensor.bytes, gguf_alignment);
  }
  header.pad(gguf_alignment);
  AtomicFile file(path, files);
  file.write(header.all());
  for (const GgufTensorToWrite& tensor : tensors) {
    tensor.emit([&](std::span<const std::byte> bytes) { file.write(bytes); });
    const std::string padding(detail::gguf_padded(tensor.bytes, gguf_alignment) - tensor.bytes,
                              '\0');
    file.write(padding);
  }
  file.commit();
}

}  // namespace OCTAVO_NAMESPACE
