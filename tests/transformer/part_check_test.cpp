// SPDX-License-Identifier: MIT
// (What a part lacks is said when a program is compiled: tests/compile_fail.)
#include <doctest/doctest.h>

#include <octavo/transformer/part_check.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

struct Silent {};
struct Layer6To {
  Index out;
  constexpr Index input_width() const { return 6; }
  constexpr Index output_width() const { return out; }
};
struct BlockOf {
  Index wide;
  constexpr Index width() const { return wide; }
};
struct InPlace {
  using Value = float;
  InPlace(const Builder<float>&, const Config&) {}
  void forward(const Pass<float>&, MatrixView<float>) const {}
};

// Usable when a program is compiled: what is right is a constant expression.
constexpr bool fits() {
  detail::check_part_widths("part", 6, 6, 6);
  detail::check_layer_width(Layer6To{6}, 6);
  detail::check_block_width(BlockOf{6}, 6);
  return true;
}
static_assert(fits());
static_assert(detail::works_in_place<InPlace> && !detail::works_in_place<FeedForward<float>>);
static_assert(detail::BuiltFromShape<FeedForward<float>, float>);
static_assert(!detail::BuiltFromShape<Silent, float>);

}  // namespace

TEST_CASE("a part that tells other widths than the model's is refused, with all of them") {
  CHECK_THROWS_WITH_AS(detail::check_layer_width(Layer6To{5}, 6),
                       "feed-forward layer: got width 6 to 5, expected 6 to 6, the model's width",
                       ConfigError);
  CHECK_THROWS_WITH_AS(detail::check_layer_width(Layer6To{6}, 5),
                       "feed-forward layer: got width 6 to 6, expected 5 to 5, the model's width",
                       ConfigError);
  CHECK_THROWS_WITH_AS(detail::check_block_width(BlockOf{7}, 6),
                       "block: got width 7 to 7, expected 6 to 6, the model's width", ConfigError);
}

TEST_CASE("a part that tells no width is taken at its word") {
  CHECK_NOTHROW(detail::check_layer_width(Silent{}, 6));
  CHECK_NOTHROW(detail::check_block_width(Silent{}, 6));
}
