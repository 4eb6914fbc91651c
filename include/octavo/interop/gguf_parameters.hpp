// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/formats/encode_numbers.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/interop/gguf_families.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/model_config.hpp>

// The names and layouts of parameters in GGUF files (llama.cpp, src/llama-arch.cpp and its
// converter).
namespace OCTAVO_NAMESPACE::detail {

/// A tensor of a GGUF file, and the columns of the parameter that it has: all, or those of one of
/// the maps that are one matrix here. Matrices, except the two tables and the head, are transposed
/// there: [outputs, inputs], so that the weights of one output are contiguous.
struct GgufPart {
  std::string name;  ///< "blk.3.attn_q.weight"
  const Parameter* parameter = nullptr;
  Index first = 0;  ///< its first column
  Index columns = 0;
  bool transposed = false;
  Index pairs = 0;        ///< the width of a head whose halves alternate in the file; 0: none
  bool plus_one = false;  ///< the file has 1 + gain

  /// Numbers of a row of the file.
  std::size_t width() const noexcept {
    return static_cast<std::size_t>(transposed ? parameter->rows : columns);
  }
  std::size_t rows() const noexcept {
    return static_cast<std::size_t>(transposed ? columns : std::max<Index>(1, parameter->rows));
  }
  /// The sizes in the file, the innermost axis first.
  std::vector<Index> sizes() const {
    if (parameter->rows == 0) return {columns};
    return {static_cast<Index>(width()), static_cast<Index>(rows())};
  }

  /// The column of the parameter that is column, or row, `i` of the file.
  Index column(Index i) const noexcept {
    if (pairs == 0) return first + i;
    const Index within = i % pairs;
    return first + i - within + within % 2 * (pairs / 2) + within / 2;
  }
  /// The number of the parameter that is number i of the file's row.
  std::size_t place(Index row, Index i) const noexcept {
    const Index index =
        transposed ? i * parameter->columns + column(row) : row * parameter->columns + column(i);
    return static_cast<std::size_t>(index);
  }
};

/// "blk.3." and "attention.qkv" and ".weight" of "blocks.3.attention.qkv.weight".
struct GgufNameParts {
  std::string prefix;
  std::string_view layer, leaf;

  explicit GgufNameParts(std::string_view name) {
    constexpr std::string_view blocks = "blocks.";
    if (name.starts_with(blocks)) {
      name.remove_prefix(blocks.size());
      const std::size_t dot = name.find('.');
      prefix = concat({"blk.", name.substr(0, dot), "."});
      name.remove_prefix(std::min(dot + 1, name.size()));
    }
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    layer = name.substr(0, dot);
    leaf = name.substr(dot);
  }
};

/// The tensors of a file that hold a parameter.
inline void add_gguf_parts(const Parameter& parameter, const GgufFamily& family,
                           const ModelConfig& config, std::vector<GgufPart>& tensors) {
  const GgufNameParts parts(parameter.name);
  const auto known =
      std::find_if(std::begin(gguf_layer_names), std::end(gguf_layer_names),
                   [&](const GgufLayerName& names) { return names.layer == parts.layer; });
  OCTAVO_ASSERT(known != std::end(gguf_layer_names));
  const bool fused_qkv = family.family == Family::gpt2 && parts.layer == "attention.qkv";
  const bool norm = parts.layer.ends_with("norm");
  const bool matrix = parameter.rows > 0 && !parts.prefix.empty();
  const std::array widths =
      parts.layer == "attention.qkv"
          ? std::array{config.query_width(), config.kv_width(), config.kv_width()}
          : std::array{config.feed_forward.d_ff, config.feed_forward.d_ff, Index{0}};
  Index first = 0;
  for (std::size_t i = 0; i < 3 && first < parameter.columns; ++i) {
    const bool whole = fused_qkv || known->gguf[1].empty();
    const std::string_view name = fused_qkv ? std::string_view("attn_qkv") : known->gguf[i];
    const Index columns = whole ? parameter.columns : widths[i];
    const bool turned = parts.layer == "attention.qkv" && i < 2;
    tensors.push_back({concat({parts.prefix, name, parts.leaf}), &parameter, first, columns, matrix,
                       turned && family.paired_rows ? config.head_width() : 0,
                       norm && config.norm.unit_offset});
    first += columns;
  }
}

/// The tensors of a file, in the order of the parameters, which must outlive them.
inline std::vector<GgufPart> gguf_parts(const ParameterList& parameters, const GgufFamily& family,
                                        const ModelConfig& config) {
  std::vector<GgufPart> tensors;
  for (const Parameter& parameter : parameters) {
    add_gguf_parts(parameter, family, config, tensors);
  }
  return tensors;
}

/// Numbers of a row that are processed together; a multiple of a block.
inline constexpr std::size_t gguf_piece = 1024;

/// Passes the bytes of a tensor, in the file's layout and `type`, to the sink. numbers: those of
/// its parameter.
template <Scalar T>
void emit_gguf(const GgufPart& tensor, std::span<const T> numbers, StoredType type,
               const ByteSink& sink) {
  std::array<T, gguf_piece> piece;
  std::array<std::byte, gguf_piece * sizeof(float)> bytes;
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t first = 0; first < tensor.width(); first += gguf_piece) {
      const std::size_t count = std::min(gguf_piece, tensor.width() - first);
      for (std::size_t i = 0; i < count; ++i) {
        piece[i] = numbers[tensor.place(static_cast<Index>(row), static_cast<Index>(first + i))];
        if (tensor.plus_one) piece[i] += 1;
      }
      encode<T>(type, std::span<const T>(piece).first(count), tensor.name,
                row * tensor.width() + first, bytes.data());
      sink(std::span<const std::byte>(bytes).first(stored_bytes(type, count)));
    }
  }
}

/// Calls body(place in the parameter, number) for every number of a tensor; FormatError if one is
/// not finite.
template <typename Body>
void for_each_number(const GgufReader& file, const GgufPart& tensor, Body body) {
  const GgufTensor& stored = file.tensor(tensor.name);
  const std::size_t row_bytes = stored_bytes(stored.type, tensor.width());
  std::array<std::byte, gguf_piece * sizeof(float)> bytes;
  std::array<float, gguf_piece> piece;
  for (std::size_t row = 0; row < tensor.rows(); ++row) {
    for (std::size_t first = 0; first < tensor.width(); first += gguf_piece) {
      const auto numbers = std::span(piece).first(std::min(gguf_piece, tensor.width() - first));
      file.read(stored, row * row_bytes + stored_bytes(stored.type, first),
                std::span(bytes).first(stored_bytes(stored.type, numbers.size())));
      decode(stored.type, bytes.data(), numbers);
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!std::isfinite(numbers[i])) {
          file.fail(concat({"tensor ", printable(tensor.name), ": number ",
                            row * tensor.width() + first + i, " is not finite"}));
        }
        body(tensor.place(static_cast<Index>(row), static_cast<Index>(first + i)),
             tensor.plus_one ? numbers[i] - 1 : numbers[i]);
      }
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::detail
