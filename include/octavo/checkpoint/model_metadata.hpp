// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/transformer/model_shape.hpp>

// What every file of ours says about its model: format and shape; see tokenizer_metadata.hpp.
namespace OCTAVO_NAMESPACE::detail {

inline constexpr Index format_version = 1;

inline void write_format(MetadataWriter& metadata, std::string_view kind) {
  metadata.text("format", "pt");
  metadata.text("octavo.kind", kind);
  metadata.whole("octavo.format_version", format_version);
}

/// Which of `kinds` a file is.
inline std::size_t read_format(const MetadataReader& metadata,
                               std::span<const std::string_view> kinds) {
  if (!metadata.file().metadata().contains("octavo.kind")) {
    metadata.file().fail("it is a safetensors file, but none of Octavo's",
                         "name a model or a checkpoint of Octavo's");
  }
  constexpr Index any = (Index{1} << 31) - 1;
  const Index version = metadata.whole("octavo.format_version", 1, any);
  if (version > format_version) {
    metadata.file().fail(detail::concat({"format version ", version, ", this build reads 1"}),
                         "it was written by a newer Octavo: update the library");
  }
  metadata.text(std::string(header_sum_key));  // must be there; the file's reader compares them
  metadata.text(std::string(tensor_sums_key));
  return metadata.choice("octavo.kind", kinds,
                         kinds.size() > 1 ? ""
                                          : "a trained model does not say how its run would go on; "
                                            "name a checkpoint");
}

inline void write_shape(MetadataWriter& metadata, const ModelShape& shape) {
  metadata.whole("vocabulary", shape.vocabulary);
  metadata.whole("context", shape.context);
  metadata.whole("layers", shape.layers);
  metadata.whole("heads", shape.heads);
  metadata.whole("width", shape.width);
  metadata.whole("d_ff", shape.d_ff);
  metadata.text("activation", name_of(shape.activation));
  metadata.truth("bias", shape.bias);
  metadata.truth("tied", shape.tied);
}

/// The shape of the model in a file, whose size has been compared with it: whoever allocates for
/// that shape allocates no more than a few times the file.
inline ModelShape read_shape(const MetadataReader& metadata) {
  constexpr Index most = (Index{1} << 31) - 1;
  ModelShape shape;
  shape.vocabulary = metadata.whole("vocabulary", 1, most);
  shape.context = metadata.whole("context", 1, most);
  // Every block has four tensors or more (two norms' and the attention's two matrices): the file
  // bounds how many blocks there can be.
  shape.layers =
      metadata.whole("layers", 1, std::max<Index>(1, std::ssize(metadata.file().tensors()) / 4));
  shape.heads = metadata.whole("heads", 1, most);
  shape.width = metadata.whole("width", 1, most);
  shape.d_ff = metadata.whole("d_ff", 1, most);
  constexpr std::array activations{Activation::relu, Activation::gelu, Activation::gelu_tanh};
  constexpr std::array names{name_of(activations[0]), name_of(activations[1]),
                             name_of(activations[2])};
  shape.activation = activations[metadata.choice("activation", names)];
  shape.bias = metadata.truth("bias");
  shape.tied = metadata.truth("tied");
  if (shape.width % shape.heads != 0) {
    metadata.file().fail(detail::concat({"metadata 'heads': got ", shape.heads,
                                         ", expected a divisor of the width ", shape.width}));
  }
  // In floating point, which cannot overflow; whole numbers could.
  const auto real = [](Index size) { return static_cast<double>(size); };
  const double weights =
      real(shape.width) * (real(shape.vocabulary) + real(shape.context) +
                           real(shape.layers) * (4 * real(shape.width) + 2 * real(shape.d_ff)));
  const auto bytes = static_cast<double>(metadata.file().bytes());
  if (weights * sizeof(float) > bytes) {
    metadata.file().fail("the shape in the metadata has more weights than the file has room for");
  }
  return shape;
}

/// The part of the user's that a model has, if any: see ModelDescription.
inline void write_part(MetadataWriter& metadata, std::string_view part) {
  if (!part.empty()) metadata.text("part", part);
}
/// Empty: none.
inline std::string read_part(const MetadataReader& metadata) {
  return metadata.has("part") ? metadata.text("part") : std::string();
}

/// FormatError where a file is of a model with another part than is expected.
inline void check_part(const SafetensorsReader& file, std::string_view got,
                       std::string_view expected) {
  if (got == expected) return;
  const auto told = [](std::string_view part) {
    return part.empty() ? std::string("no part of its own")
                        : concat({"the part ", printable(part)});
  };
  file.fail(concat({"it is of a model with ", told(got), ", expected ", told(expected)}),
            "load it as the model that it was saved from: model_kind<Model>");
}

template <Scalar T>
bool all_finite(std::span<const T> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](T x) { return std::isfinite(x); });
}

/// ConfigError where a file of these would not be one that can be loaded.
inline void check_saved(const ModelShape& shape, Index trained_length, Index tokens) {
  require(trained_length >= 1 && trained_length <= shape.context, [&] {
    return concat({"trained length: got ", trained_length, ", expected 1 to ", shape.context,
                   ", the model's context"});
  });
  require(tokens >= 1 && tokens <= shape.vocabulary, [&] {
    return concat({"tokenizer: got ", counted(tokens, "token"), ", expected 1 to ",
                   shape.vocabulary, ", the model's vocabulary"});
  });
}

/// The longest sequence that training showed the model.
inline Index read_trained_length(const MetadataReader& metadata, const ModelShape& shape) {
  return metadata.whole("trained_length", 1, shape.context);
}

}  // namespace OCTAVO_NAMESPACE::detail
