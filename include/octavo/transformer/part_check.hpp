// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/layers/transformer_block.hpp>
#include <octavo/transformer/model_config.hpp>

// Checks of a model's part, with messages in words.
namespace OCTAVO_NAMESPACE::detail {

/// ConfigError unless the input and output width of a part are the model's width. Called when a
/// model is made.
constexpr void check_part_widths(const char* part, Index in, Index out, Index width) {
  require(in == width && out == width, [&] {
    return concat({part, ": got width ", in, " to ", out, ", expected ", width, " to ", width,
                   ", the model's width"});
  });
}

/// Checks a layer that has input_width() and output_width().
template <typename L>
constexpr void check_layer_width(const L& layer, Index width) {
  if constexpr (requires {
                  { layer.input_width() } -> std::convertible_to<Index>;
                  { layer.output_width() } -> std::convertible_to<Index>;
                }) {
    check_part_widths("feed-forward layer", layer.input_width(), layer.output_width(), width);
  }
}

/// Checks a block that has width().
template <typename B>
constexpr void check_block_width(const B& block, Index width) {
  if constexpr (requires {
                  { block.width() } -> std::convertible_to<Index>;
                }) {
    check_part_widths("block", block.width(), block.width(), width);
  }
}

template <typename P, typename T>
concept BuiltFromShape = std::constructible_from < P,
        const Builder<T>
&, const ModelConfig& > ;

/// Whether an incomplete part is meant to be a block, which works in place.
template <typename P>
inline constexpr bool works_in_place = BlockForward<P> || BlockBackward<P>;

/// Reports a missing member of a model's part in words. (For a concept with two alternatives,
/// compilers report only that neither holds.)
template <typename T, typename Config, typename P>
struct ModelCheck {
  static_assert(ModelConfigSource<Config>,
                "the model's Config is neither ModelConfig nor a FixedConfig");
  static constexpr bool block = works_in_place<P>;
  static_assert(HasValue<P>, "the part needs its number type: using Value = T, float or double");
  static_assert(std::same_as<typename P::Value, T>,
                "the part's Value is not the number type of the model");
  static_assert(BuiltFromShape<P, T>,
                "the part needs a constructor from (const Builder<T>&, const ModelConfig&)");
  static_assert(LayerForward<P> || block,
                "the layer needs: void forward(const Pass<T>&, MatrixView<const T> input, "
                "MatrixView<T> output) const (a block: forward(const Pass<T>&, MatrixView<T> x))");
  static_assert(LayerBackward<P> || block,
                "the layer needs: void backward(const Pass<T>&, MatrixView<const T> input, "
                "MatrixView<const T> output_gradient, MatrixView<T> input_gradient) const");
  static_assert(BlockForward<P> || !block,
                "the block needs: void forward(const Pass<T>&, MatrixView<T> x) const");
  static_assert(BlockBackward<P> || !block,
                "the block needs: void backward(const Pass<T>&, MatrixView<T> dx) const");
  using Value = T;
};

}  // namespace OCTAVO_NAMESPACE::detail
