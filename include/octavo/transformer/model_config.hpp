// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>

#include <octavo/base/config.hpp>
#include <octavo/transformer/model_shape.hpp>

namespace OCTAVO_NAMESPACE {

/// Where a model's type gets its sizes and choices from.
template <typename C>
concept ModelConfig = requires(const C config) {
  { config.shape() } -> std::convertible_to<ModelShape>;
};

/// Sizes fixed when the program is compiled: `Transformer<float, FixedConfig<shape>>`.
template <ModelShape fixed>
struct FixedConfig {
  static_assert(fixed.width > 0 && fixed.heads > 0 && fixed.width % fixed.heads == 0,
                "FixedConfig: width must be a positive multiple of heads");
  static_assert(fixed.vocabulary > 0 && fixed.context > 0 && fixed.layers > 0 && fixed.d_ff > 0,
                "FixedConfig: vocabulary, context, layers and d_ff must be positive");

  constexpr ModelShape shape() const { return fixed; }
};

/// Sizes given at run time; converts from a shape, so that one can be passed directly.
struct RuntimeConfig {
  constexpr RuntimeConfig(const ModelShape& shape) : shape_(shape) {}
  constexpr ModelShape shape() const { return shape_; }

 private:
  ModelShape shape_;
};

}  // namespace OCTAVO_NAMESPACE
