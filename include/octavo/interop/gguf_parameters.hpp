// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/checkpoint/tensor_layout.hpp>
#include <octavo/formats/encode_numbers.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_reader.hpp>
#include <octavo/interop/gguf_families.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/transformer/model_config.hpp>

// The names and layouts of parameters in GGUF files (llama.cpp, src/llama-arch.cpp and its
// converter).
namespace OCTAVO_NAMESPACE::detail {

/// A tensor of a GGUF file. Matrices, except the two tables and the head, are transposed there:
/// [outputs, inputs], so that the weights of one output are contiguous.
struct GgufPart : TensorLayout {
  std::string name;       ///< "blk.3.attn_q.weight"
  bool plus_one = false;  ///< the file has 1 + gain

  /// The sizes in the file, the innermost axis first.
  std::vector<Index> sizes() const {
    if (parameter->rows == 0) return {columns};
    return {static_cast<Index>(width()), static_cast<Index>(rows())};
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
    const Index pairs = turned && family.paired_rows ? config.head_width() : 0;
    tensors.push_back({{&parameter, first, columns, matrix, pairs},
                       concat({parts.prefix, name, parts.leaf}),
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

/// Passes the bytes of a tensor, in the file's layout and `type`, to the sink.
template <Scalar T>
void emit_gguf(const GgufPart& tensor, const std::type_identity_t<WeightSource<T>>& weights,
               StoredType type, const ByteSink& sink) {
  std::vector<T> gains;
  for_each_row<T>(tensor, weights, [&](std::size_t first, std::span<const T> numbers) {
    if (tensor.plus_one) {
      gains.assign(numbers.begin(), numbers.end());
      for (T& gain : gains) gain += 1;
      numbers = gains;
    }
    for_each_encoded_piece<T>(type, numbers, tensor.name, first, sink);
  });
}

/// Reads numbers of a tensor; FormatError if one is not finite.
template <Scalar T>
class GgufTensorNumbers {
 public:
  GgufTensorNumbers(const GgufReader& file, const GgufPart& tensor)
      : file_(file), tensor_(tensor), stored_(file.tensor(tensor.name)) {}

  /// Fills `numbers` from number `first` of the tensor on.
  void operator()(std::size_t first, std::span<T> numbers) {
    const std::size_t block = block_of(stored_.type), end = first + numbers.size();
    std::array<std::byte, piece * sizeof(float)> bytes;
    std::array<float, piece> decoded;
    for (std::size_t at = first / block * block; at < end; at += piece) {
      const std::size_t blocks = (std::min(end - at, piece) + block - 1) / block;
      const auto part = std::span(decoded).first(blocks * block);
      file_.read(stored_, stored_bytes(stored_.type, at),
                 std::span(bytes).first(stored_bytes(stored_.type, part.size())));
      decode(stored_.type, bytes.data(), part);
      const std::size_t wrong = first_not_finite<float>(part);
      if (wrong != part.size()) {
        file_.fail(concat(
            {"tensor ", printable(tensor_.name), ": number ", at + wrong, " is not finite"}));
      }
      const float offset = tensor_.plus_one ? 1.f : 0.f;
      const std::size_t from = std::max(at, first), to = std::min(at + part.size(), end);
      for (std::size_t i = from; i < to; ++i) {
        numbers[i - first] = static_cast<T>(part[i - at] - offset);
      }
    }
  }

 private:
  static constexpr std::size_t piece = 2048;  ///< a multiple of every block

  const GgufReader& file_;
  const GgufPart& tensor_;
  const GgufTensor& stored_;
};

}  // namespace OCTAVO_NAMESPACE::detail
