// SPDX-License-Identifier: MIT
// Where the binary16 scales of quantized blocks lie, which must not be infinite in a test.
#pragma once

#include <cstddef>
#include <vector>

#include <octavo/numeric/stored_type.hpp>

namespace octavo_test {

inline std::vector<std::size_t> scales_of(octavo::StoredType type) {
  using octavo::StoredType;
  switch (type) {
    case StoredType::q4_1:
    case StoredType::q5_1:
    case StoredType::q4_k:
    case StoredType::q5_k:
      return {0, 2};
    case StoredType::q2_k:
      return {80, 82};
    case StoredType::q3_k:
      return {108};
    case StoredType::q6_k:
      return {208};
    default:
      return {0};
  }
}

}  // namespace octavo_test
