// SPDX-License-Identifier: MIT
#include <array>
#include <cstdint>

#include <doctest/doctest.h>

#include <octavo/kernels/attention_shape.hpp>

using namespace octavo;

TEST_CASE("a tile begins at the first key that its first query sees, in whole packs") {
  constexpr AttentionShape<float> whole{.sequences = 2, .queries = 64, .keys = 64, .heads = 4};
  static_assert(whole.first_key(40) == 0);
  static_assert(whole.key_heads() == 4 && whole.group() == 1);
  constexpr AttentionShape<float> window{.queries = 64, .keys = 64, .window = 5};
  static_assert(window.first_key(40) == 32);
  std::array<std::int32_t, 128> positions{};
  for (std::size_t i = 0; i < positions.size(); ++i) {
    positions[i] = static_cast<std::int32_t>(i % 64 < 35 ? i % 64 : i % 64 - 35);
  }
  AttentionShape<float> divided = whole;
  divided.positions = positions.data();
  CHECK(divided.first_key(34) == 0);
  CHECK(divided.first_key(40) == 32);
  CHECK(divided.of_sequence(1).positions == positions.data() + 64);
  CHECK(whole.of_sequence(1).positions == nullptr);
}
