// SPDX-License-Identifier: MIT
// What a generator's logits must be: those of one pass over the whole sequence.
#pragma once

#include <span>
#include <vector>

#include <octavo/memory/arena.hpp>
#include <octavo/transformer/transformer.hpp>

namespace octavo_test {

using namespace octavo;

/// Logits of the whole sequence without a cache, [tokens, vocabulary].
template <Scalar T>
std::vector<T> uncached(const ModelConfig& config, std::span<const T> weights,
                        std::span<const Token> tokens) {
  const auto rows = static_cast<Index>(tokens.size());
  MemoryPlan plan;
  const Transformer<T> model(config, plan, {1, rows, 1, false});
  plan.place();
  const Arena arena(plan);
  std::vector<T> logits(tokens.size() * static_cast<std::size_t>(config.vocabulary));
  const Worker worker;
  model.logits({.run = {worker, arena, model.pack_buffer(arena)},
                .rows = {1, rows},
                .weights = weights.data()},
               tokens, MatrixView<T>(logits.data(), rows, config.vocabulary));
  return logits;
}

}  // namespace octavo_test
