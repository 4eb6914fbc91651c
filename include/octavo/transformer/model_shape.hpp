// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/kernels/activate.hpp>

namespace OCTAVO_NAMESPACE {

/// The integers and choices that define a model. A structural type: it can be a template argument.
struct ModelShape {
  Index vocabulary = 0;  ///< V, tokens
  Index context = 0;     ///< the longest sequence that the position table can serve
  Index layers = 1;      ///< L, blocks
  Index heads = 1;       ///< H, attention heads per block
  Index width = 0;       ///< C (d_model), numbers per position; a multiple of heads
  Index d_ff = 0;        ///< F, hidden numbers of the feed-forward part
  Activation activation = Activation::relu;
  bool bias = true;   ///< of linear layers, layer norms and an untied head
  bool tied = false;  ///< the output head shares the token table

  constexpr Index head_width() const { return width / heads; }
  friend constexpr bool operator==(const ModelShape&, const ModelShape&) = default;
};

/// Throws ConfigError naming the first size that makes no model.
constexpr void check_shape(const ModelShape& shape) {
  const auto positive = [](std::string_view name, Index value) {
    constexpr Index limit = Index{1} << 31;
    if (value < 1 || value >= limit) {
      throw ConfigError(
          detail::concat({"model shape: ", name, " is ", value, ", expected 1 to 2^31 - 1"}));
    }
  };
  positive("vocabulary", shape.vocabulary);
  positive("context", shape.context);
  positive("layers", shape.layers);
  positive("heads", shape.heads);
  positive("width", shape.width);
  positive("d_ff", shape.d_ff);
  if (shape.width % shape.heads != 0) {
    throw ConfigError(detail::concat({"model shape: width ", shape.width,
                                      " is not a multiple of heads ", shape.heads}),
                      "choose heads that divide the width");
  }
  // Without biases and norms; so that no count of numbers or bytes overflows.
  const auto real = [](Index value) { return static_cast<double>(value); };
  const double width = real(shape.width);
  const double parameters = width * (2 * real(shape.vocabulary) + real(shape.context) +
                                     real(shape.layers) * (4 * width + 2 * real(shape.d_ff)));
  require(parameters < 0x1p50, "model shape: expected less than 2^50 parameters");
}

/// "layers 2, heads 4, width 128, d_ff 256, context 64, vocabulary 70, relu, biases, untied".
inline std::string describe(const ModelShape& shape) {
  return detail::concat({"layers ", shape.layers, ", heads ", shape.heads, ", width ", shape.width,
                         ", d_ff ", shape.d_ff, ", context ", shape.context, ", vocabulary ",
                         shape.vocabulary, ", ", name_of(shape.activation),
                         (shape.bias ? ", biases" : ", no biases"),
                         (shape.tied ? ", tied" : ", untied")});
}

}  // namespace OCTAVO_NAMESPACE
