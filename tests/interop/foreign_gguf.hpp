// SPDX-License-Identifier: MIT
// GGUF files taken apart, to be put together as other programs write them.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>

#include "interop/gguf_families.hpp"

namespace octavo_test {

class ForeignGguf {
 public:
  struct Entry {
    std::string key, value;  ///< value: its type and its bytes
  };
  struct Stored {
    std::string name;
    std::vector<Index> shape;
    std::uint32_t type;
    std::string bytes;
  };

  std::vector<Entry> entries;
  std::vector<Stored> tensors;
  std::uint32_t version = 3;
  std::size_t alignment = 32;
  bool padded_end = true;

  /// A small model of a family, as Octavo writes it.
  explicit ForeignGguf(const ModelConfig& config)
      : ForeignGguf(gguf_of(config, random_weights(config))) {}
  explicit ForeignGguf(const std::string& bytes) {
    const MemorySource source = gguf_source(bytes);
    const GgufReader reader(source);
    std::uint64_t count = 0;
    std::memcpy(&count, bytes.data() + 16, sizeof(count));
    std::size_t at = 24;
    for (std::uint64_t i = 0; i < count; ++i) {
      Entry entry;
      entry.key = text_at(bytes, at);
      const std::size_t begin = at, type = number_at<std::uint32_t>(bytes, at);
      skip_value(bytes, at, static_cast<GgufType>(type));
      entry.value = bytes.substr(begin, at - begin);
      entries.push_back(std::move(entry));
    }
    for (const auto& [name, tensor] : reader.tensors()) {
      tensors.push_back({name, tensor.shape, detail::gguf_numbers_of(tensor.type).of_tensor,
                         bytes.substr(tensor.offset, tensor.bytes)});
    }
  }

  ForeignGguf& erase(std::string_view key) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
    return *this;
  }
  /// Sets an entry to a number, or, of two types, to a list of numbers.
  template <typename Number>
  ForeignGguf& set(const std::string& key, Number number) {
    detail::GgufBytes value;
    value.number(static_cast<std::uint32_t>(type_of<Number>()));
    value.number(number);
    return put(key, value);
  }
  ForeignGguf& set_truth(const std::string& key, bool truth) {
    detail::GgufBytes value;
    value.number(static_cast<std::uint32_t>(GgufType::boolean));
    value.number(std::uint8_t{truth});
    return put(key, value);
  }
  ForeignGguf& set_text(const std::string& key, std::string_view text) {
    detail::GgufBytes value;
    value.number(static_cast<std::uint32_t>(GgufType::string));
    value.text(text);
    return put(key, value);
  }
  template <typename Number>
  ForeignGguf& set_list(const std::string& key, const std::vector<Number>& numbers) {
    detail::GgufBytes value;
    value.number(static_cast<std::uint32_t>(GgufType::array));
    if constexpr (std::is_same_v<Number, std::string>) {
      value.number(static_cast<std::uint32_t>(GgufType::string));
    } else {
      value.number(static_cast<std::uint32_t>(type_of<Number>()));
    }
    value.number(std::uint64_t{numbers.size()});
    for (const Number& number : numbers) {
      if constexpr (std::is_same_v<Number, std::string>) {
        value.text(number);
      } else {
        value.number(number);
      }
    }
    return put(key, value);
  }
  ForeignGguf& add_tensor(const std::string& name, const std::vector<float>& numbers) {
    std::string bytes(numbers.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
    tensors.push_back({name, {std::ssize(numbers)}, 0, std::move(bytes)});
    return *this;
  }
  Stored& tensor(std::string_view name) {
    for (Stored& one : tensors) {
      if (one.name == name) return one;
    }
    throw std::logic_error("no " + std::string(name));
  }

  std::string bytes() const {
    detail::GgufBytes file;
    file.raw("GGUF");
    file.number(version);
    file.number(std::uint64_t{tensors.size()});
    file.number(std::uint64_t{entries.size()});
    for (const Entry& entry : entries) {
      file.text(entry.key);
      file.raw(entry.value);
    }
    std::uint64_t offset = 0;
    for (const Stored& one : tensors) {
      file.text(one.name);
      file.number(static_cast<std::uint32_t>(one.shape.size()));
      for (const Index size : one.shape) file.number(static_cast<std::uint64_t>(size));
      file.number(one.type);
      file.number(offset);
      offset = detail::gguf_padded(offset + one.bytes.size(), alignment);
    }
    for (const Stored& one : tensors) {
      file.pad(alignment);
      file.raw(one.bytes);
    }
    if (padded_end) file.pad(alignment);
    return std::string(file.all());
  }

  /// What is said about the file after "cannot load 'x': "; empty if it loads.
  std::string failure() const {
    const std::string all = bytes();
    try {
      const MemorySource source = gguf_source(all);
      GgufModel(source).verify();
      return {};
    } catch (const FormatError& error) {
      return std::string(error.what()).substr(std::string("cannot load 'x': ").size());
    }
  }
  PretrainedConfig config() const {
    const std::string all = bytes();
    return GgufModel(gguf_source(all)).config();
  }
  TokenTable table() const {
    const std::string all = bytes();
    return GgufModel(gguf_source(all)).tokens().value();
  }
  std::vector<float> weights() const {
    const std::string all = bytes();
    const MemorySource source = gguf_source(all);
    const GgufModel model(source);
    std::vector<float> numbers(static_cast<std::size_t>(parameter_count(model.model_config())));
    model.read<float>(numbers);
    return numbers;
  }

 private:
  ForeignGguf& put(const std::string& key, const detail::GgufBytes& value) {
    for (Entry& entry : entries) {
      if (entry.key != key) continue;
      entry.value = value.all();
      return *this;
    }
    entries.push_back({key, std::string(value.all())});
    return *this;
  }

  template <typename Number>
  static constexpr GgufType type_of() {
    if constexpr (std::is_same_v<Number, float>) return GgufType::f32;
    if constexpr (std::is_same_v<Number, double>) return GgufType::f64;
    constexpr bool is_signed = std::is_signed_v<Number>;
    if constexpr (sizeof(Number) == 1) return is_signed ? GgufType::i8 : GgufType::u8;
    if constexpr (sizeof(Number) == 2) return is_signed ? GgufType::i16 : GgufType::u16;
    if constexpr (sizeof(Number) == 4) return is_signed ? GgufType::i32 : GgufType::u32;
    return is_signed ? GgufType::i64 : GgufType::u64;
  }

  template <typename Number>
  static Number number_at(const std::string& bytes, std::size_t& at) {
    Number number;
    std::memcpy(&number, bytes.data() + at, sizeof(number));
    at += sizeof(number);
    return number;
  }
  static std::string text_at(const std::string& bytes, std::size_t& at) {
    const auto size = static_cast<std::size_t>(number_at<std::uint64_t>(bytes, at));
    at += size;
    return bytes.substr(at - size, size);
  }
  static void skip_value(const std::string& bytes, std::size_t& at, GgufType type) {
    if (type == GgufType::string) {
      text_at(bytes, at);
    } else if (type == GgufType::array) {
      const auto element = static_cast<GgufType>(number_at<std::uint32_t>(bytes, at));
      const auto count = number_at<std::uint64_t>(bytes, at);
      for (std::uint64_t i = 0; i < count; ++i) skip_value(bytes, at, element);
    } else {
      at += detail::gguf_bytes(type);
    }
  }
};

}  // namespace octavo_test
