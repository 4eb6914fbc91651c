// SPDX-License-Identifier: MIT
// Random weights in the number types of files, for models of true shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <utility>

#include <octavo/octavo.hpp>
#include <octavo/transformer/stored_weights.hpp>

namespace octavo_benchmark {

/// Weights with random whole numbers and scales of about 2^-10. Of f32 in lines all are numbers in
/// the layers' own order; tables beside q4_0 are q8_0, as in most files.
inline octavo::StoredWeights<float> random_weights(const octavo::ParameterList& parameters,
                                                   octavo::StoredType type,
                                                   octavo::StoredLayout layout) {
  using octavo::StoredType;
  octavo::StoredWeightsPlan plan;
  for (const octavo::Parameter& parameter : parameters) {
    const bool table = !parameter.is_map();
    const bool numbers = type == StoredType::f32 && layout == octavo::StoredLayout::lines;
    if (numbers || !may_be_stored(parameter)) {
      plan.add_numbers(parameter);
      continue;
    }
    const StoredType its = table && type == StoredType::q4_0 ? StoredType::q8_0 : type;
    const octavo::StoredMatrix matrix{its, layout, nullptr,
                                      table ? parameter.rows : parameter.columns,
                                      table ? parameter.columns : parameter.rows};
    plan.add_matrices({&matrix, 1});
  }
  octavo::StoredWeights<float> weights(plan);
  std::minstd_rand random(1);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    for (float& number : weights.numbers(i)) {
      number = 0x1p-20f * static_cast<float>(random() % 65536u);
    }
    if (weights.parameters()[i].stored.empty()) continue;
    const std::span<std::byte> bytes = weights.matrix_bytes(i, 0);
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      // As a scale or a number of 16 or 32 bits of about 2^-10; as whole numbers anything.
      const std::uint32_t half =
          type == StoredType::bf16 || type == StoredType::f32 ? 0x3a80 : 0x1400;
      const std::uint32_t bits = static_cast<std::uint32_t>(random()) & 0x803f803fu;
      const std::uint32_t two = half << 16 | half | bits;
      std::memcpy(bytes.data() + at, &two, sizeof(two));
    }
  }
  return weights;
}

/// A number type by its name, such as "q8_0"; ConfigError for another name.
inline octavo::StoredType base_type(std::string_view name) {
  using octavo::StoredType;
  constexpr std::pair<std::string_view, StoredType> types[] = {{"f32", StoredType::f32},
                                                               {"bf16", StoredType::bf16},
                                                               {"f16", StoredType::f16},
                                                               {"q8_0", StoredType::q8_0},
                                                               {"q4_0", StoredType::q4_0}};
  for (const auto& [known, type] : types) {
    if (known == name) return type;
  }
  throw octavo::ConfigError("--base: expected f32, bf16, f16, q8_0 or q4_0");
}

}  // namespace octavo_benchmark
