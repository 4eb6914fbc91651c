// SPDX-License-Identifier: MIT
// A model with random weights in a number type of files, and the same numbers decoded.
#pragma once

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include <octavo/transformer/stored_weights.hpp>
#include <octavo/transformer/transformer.hpp>

#include "tensor/stored_numbers.hpp"

namespace octavo_test {

/// A model's weights in a type, and the same as numbers.
template <Scalar T = float>
struct StoredModelOf {
  StoredModelOf(const ModelConfig& config, StoredType type, StoredLayout layout)
      : model(config),
        numbers(static_cast<std::size_t>(model.parameter_count())),
        stored(plan(type, layout)) {
    std::mt19937 random(7);
    const ParameterList parameters = model.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto own = std::span(numbers).subspan(static_cast<std::size_t>(parameters[i].offset),
                                                  static_cast<std::size_t>(parameters[i].count()));
      std::normal_distribution<float> normal(parameters[i].rows == 0 ? 1.f : 0.f, 0.1f);
      for (T& number : own) number = static_cast<T>(normal(random));
      if (stored.parameters()[i].stored.empty()) {
        std::copy(own.begin(), own.end(), stored.numbers(i).begin());
      } else {
        fill(parameters[i], i, own, random);
      }
    }
  }

  static bool is_table(const Parameter& parameter) {
    return parameter.name == "embedding.tokens.weight" || parameter.name == "head.weight";
  }

  StoredWeightsPlan plan(StoredType type, StoredLayout layout) const {
    StoredWeightsPlan plan;
    for (const Parameter& parameter : model.parameters()) {
      if (is_table(parameter)) {
        const StoredMatrix table{type, layout, nullptr, parameter.rows, parameter.columns};
        plan.add_matrices({&table, 1});
      } else if (parameter.is_map()) {
        std::vector<StoredMatrix> maps;
        for (const Index columns : parameter.maps) {
          if (columns > 0) maps.push_back({type, layout, nullptr, columns, parameter.rows});
        }
        plan.add_matrices(maps);
      } else {
        plan.add_numbers(parameter);
      }
    }
    return plan;
  }

  void fill(const Parameter& parameter, std::size_t i, std::span<T> own, std::mt19937& random) {
    Index first = 0;
    const auto matrices = stored.parameters()[i].stored;
    for (std::size_t k = 0; k < matrices.size(); ++k) {
      const StoredMatrix& matrix = matrices[k];
      const std::span<std::byte> bytes = stored.matrix_bytes(i, k);
      std::vector<float> numbers_of_line(static_cast<std::size_t>(matrix.length));
      for (Index line = 0; line < matrix.lines; ++line) {
        const std::vector<std::byte> from = random_line(matrix.type, matrix.length, random);
        if (matrix.layout == StoredLayout::grouped) {
          place_in_group(matrix.type, matrix.length, line, from, bytes);
        } else {
          std::copy(from.begin(), from.end(),
                    bytes.begin() + line * static_cast<std::ptrdiff_t>(from.size()));
        }
        detail::decode(matrix.type, from.data(), numbers_of_line);
        for (Index n = 0; n < matrix.length; ++n) {
          const Index place = is_table(parameter) ? line * parameter.columns + n
                                                  : n * parameter.columns + first + line;
          own[static_cast<std::size_t>(place)] =
              static_cast<T>(numbers_of_line[static_cast<std::size_t>(n)]);
        }
      }
      first += matrix.lines;
    }
  }

  Transformer<T> model;
  std::vector<T> numbers;
  StoredWeights<T> stored;
};

using StoredModel = StoredModelOf<float>;

}  // namespace octavo_test
