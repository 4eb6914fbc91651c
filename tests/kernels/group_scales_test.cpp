// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/group_scales.hpp>
#include <octavo/tensor/line_groups.hpp>

using namespace octavo;
using namespace octavo::OCTAVO_BASE_ISA::detail;

TEST_CASE("scales and minima of Q4_K are those of its twelve bytes") {
  std::vector<std::byte> group(octavo::detail::group_bytes(StoredType::q4_k, 256));
  std::vector<std::byte> line(144);
  const Float16 scale = to_float16(0.5f), minimum = to_float16(-2.f);
  std::memcpy(line.data(), &scale, 2);
  std::memcpy(line.data() + 2, &minimum, 2);
  for (std::size_t i = 4; i < 16; ++i) line[i] = static_cast<std::byte>(37 * i + 11);
  place_in_group(StoredType::q4_k, 256, 2, line, group);
  const GroupScales<StoredType::q4_k> scales(nullptr, group.data());
  for (int part = 0; part < 8; ++part) {
    const auto of =
        octavo::detail::k_scale(reinterpret_cast<const std::uint8_t*>(line.data()) + 4, part);
    CHECK(scales.factor(part)[2] == 0.5f * static_cast<float>(of.scale));
    CHECK(scales.start(part)[2] == 2.f * static_cast<float>(of.least));
  }
}
