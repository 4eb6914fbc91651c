// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/normalize.hpp>

// What the layers of a transformer are configured with. Names of kinds stand in files.
namespace OCTAVO_NAMESPACE {

/// How a model knows where a token stands.
enum class PositionKind {
  learned,  ///< a table of vectors, one per position, added to the tokens'
};
constexpr std::array<std::string_view, 1> choice_names(PositionKind) noexcept {
  return {"learned"};
}

struct NormConfig {
  NormKind kind = NormKind::layer;
  double epsilon = layer_norm_epsilon;  ///< added to the variance, or to the mean square
  bool bias = true;
  bool unit_offset = false;  ///< 1 + gain multiplies in the place of gain, as in Gemma

  friend constexpr bool operator==(const NormConfig&, const NormConfig&) = default;
};

struct PositionConfig {
  PositionKind kind = PositionKind::learned;

  friend constexpr bool operator==(const PositionConfig&, const PositionConfig&) = default;
};

struct AttentionConfig {
  Index heads = 1;   ///< H; the width is a multiple of it
  bool bias = true;  ///< of both projections

  friend constexpr bool operator==(const AttentionConfig&, const AttentionConfig&) = default;
};

struct FeedForwardConfig {
  Index d_ff = 0;  ///< F, hidden numbers per position
  Activation activation = Activation::relu;
  bool bias = true;    ///< of both linear layers
  bool gated = false;  ///< activation(x Wg) * (x Wu), not activation(x W1), is what is narrowed

  friend constexpr bool operator==(const FeedForwardConfig&, const FeedForwardConfig&) = default;
};

struct HeadConfig {
  bool tied = false;  ///< the head shares the token table, and has no bias then
  bool bias = true;

  friend constexpr bool operator==(const HeadConfig&, const HeadConfig&) = default;
};

}  // namespace OCTAVO_NAMESPACE
