// SPDX-License-Identifier: MIT
// Texts for runs of several processes, of vocabulary 23.
#pragma once

#include <span>
#include <vector>

#include <octavo/data/packed_data.hpp>
#include <octavo/data/token_view.hpp>

namespace octavo_test {

inline octavo::TokenView rank_text() {
  static const std::vector<octavo::Token> tokens = [] {
    std::vector<octavo::Token> made;
    for (std::size_t i = 0; i < 900; ++i) {
      made.push_back(static_cast<octavo::Token>(i * i % 23 * i % 23));
    }
    return made;
  }();
  return octavo::TokenView(std::span<const octavo::Token>(tokens));
}

inline octavo::PackedData rank_rows(octavo::Index sequence) {
  octavo::PackedData data(23, sequence);
  for (octavo::Index i = 0; i < 30; ++i) {
    octavo::PackedRow row;
    for (octavo::Index at = 0; at < sequence; ++at) {
      if (at == 0 || at == 3 + i % 7) row.starts.push_back(at);
      row.tokens.inputs.push_back(static_cast<octavo::Token>((i + at * 5) % 23));
      row.tokens.targets.push_back(at % 4 == 0 ? octavo::ignored_target
                                               : static_cast<octavo::Token>((i * 2 + at) % 23));
    }
    data.add(row);
  }
  return data;
}

}  // namespace octavo_test
