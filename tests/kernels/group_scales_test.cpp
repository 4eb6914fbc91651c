// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/group_scales.hpp>
#include <octavo/tensor/line_groups.hpp>

#include "kernels/decoded_vectors.hpp"
#include "kernels/stored_product.hpp"

using namespace kernel_test;

TEST_CASE("scales and minima of Q4_K are those of its twelve bytes") {
  std::vector<std::byte> group(detail::group_bytes(StoredType::q4_k, 256)), line(144);
  const Float16 scale = to_float16(0.5f), minimum = to_float16(-2.f);
  std::memcpy(line.data(), &scale, 2);
  std::memcpy(line.data() + 2, &minimum, 2);
  for (std::size_t i = 4; i < 16; ++i) line[i] = static_cast<std::byte>(37 * i + 11);
  place_in_group(StoredType::q4_k, 256, 6, line, group);
  for_each_instruction_set([&] {
    const auto scales = q4_k_scales(group.data(), 6);
    for (int part = 0; part < 8; ++part) {
      const detail::ScaleAndLeast of =
          detail::k_scale(reinterpret_cast<const std::uint8_t*>(line.data()) + 4, part);
      const auto& [factor, start] = scales[static_cast<std::size_t>(part)];
      CHECK(factor == 0.5f * static_cast<float>(of.scale));
      CHECK(start == 2.f * static_cast<float>(of.least));
    }
  });
}
