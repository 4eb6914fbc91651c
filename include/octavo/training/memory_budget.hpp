// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include <octavo/base/concat.hpp>
#include <octavo/base/error.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/training/training_memory.hpp>

// Memory as an input: options for training a model within a number of bytes.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// Options whose results have the same bits as `wanted`, the fastest first.
template <typename Model>
std::array<TrainingOptions, 4> plans_with_same_results(const typename Model::Configuration& config,
                                                       const TrainingOptions& wanted,
                                                       Index workers) {
  std::array<TrainingOptions, 4> ways{wanted, wanted, wanted, wanted};
  ways[2].recompute = ways[3].recompute = true;
  if (can_recompute_logits(wanted)) ways[3].recompute_logits = true;
  for (TrainingOptions* const lean : {&ways[1], &ways[2], &ways[3]}) {
    lean->micro_batch = leanest_micro_batch<Model>(config, *lean, workers);
  }
  return ways;
}

/// The fewest bytes of any plan with the same results as `wanted`.
template <typename Model>
std::size_t least_bytes(const typename Model::Configuration& config, const TrainingOptions& wanted,
                        Index workers) {
  std::size_t least = ~std::size_t{0};
  for (const auto& way : plans_with_same_results<Model>(config, wanted, workers))
    least = std::min(least, training_bytes<Model>(config, way, workers));
  return least;
}

/// Options that change results, and their name.
struct LossyPlan {
  const char* name;
  TrainingOptions options;
};

template <Scalar T>  // so that only programs with a budget compile AdamW8bit
std::array<LossyPlan, 3> lossy_plans(const TrainingOptions& wanted) {
  std::array<LossyPlan, 3> ways{{{"optimizer adamw-8bit", wanted},
                                 {"fused-update", wanted},
                                 {"fused-update with optimizer adamw-8bit", wanted}}};
  for (const int eight : {0, 2})
    ways[static_cast<std::size_t>(eight)].options.optimizer = AdamW8bit{};
  for (const int fused : {1, 2}) ways[static_cast<std::size_t>(fused)].options.fused_update = true;
  return ways;
}

}  // namespace detail

/// The fastest options for training within `budget` bytes that give the same bits as `wanted`:
/// unchanged, with the micro-batch that needs least memory, also with recomputed blocks, or also
/// with recomputed logits. `reserved_bytes` of the budget are for other purposes during the
/// training; `bytes_before` are needed before the training, in addition to these, and are free when
/// it starts. ConfigError, with the smallest sufficient budget, if none fits; the hint is the first
/// change of options that would fit but changes results.
template <typename Model>
TrainingOptions fit_budget(const typename Model::Configuration& config,
                           const TrainingOptions& wanted, Index workers, std::size_t budget,
                           std::size_t reserved_bytes = 0, std::size_t bytes_before = 0) {
  const auto all_of = [&](std::size_t bytes) {
    return checked_add(std::max(bytes, bytes_before), reserved_bytes);
  };
  const auto fits = [&](std::size_t bytes) { return all_of(bytes) <= budget; };
  for (const TrainingOptions& way :
       detail::plans_with_same_results<Model>(config, wanted, workers)) {
    if (fits(training_bytes<Model>(config, way, workers))) return way;
  }
  const auto in_words = [&](std::size_t bytes) {
    const std::size_t all = all_of(bytes);
    return detail::concat({all, " bytes (", readable_bytes(all), ")"});
  };
  std::size_t least = ~std::size_t{0};
  std::string hint;
  for (const detail::LossyPlan& way : detail::lossy_plans<typename Model::Value>(wanted)) {
    const std::size_t bytes = detail::least_bytes<Model>(config, way.options, workers);
    least = std::min(least, bytes);
    if (hint.empty() && fits(bytes)) {
      hint = detail::concat({"raise the budget, or let results change a little: ", way.name,
                             " needs ", in_words(bytes)});
    }
  }
  if (hint.empty()) {
    hint = detail::concat(
        {"no choice of optimizer adamw-8bit and fused-update needs less than ", in_words(least)});
  }
  throw ConfigError(
      detail::concat({"memory budget: got ", counted(budget, "byte"), ", expected at least ",
                      in_words(detail::least_bytes<Model>(config, wanted, workers))}),
      hint);
}

/// The fewest bytes of any plan for Transformer<T> with the same results as `wanted`.
template <Scalar T>
std::size_t least_training_bytes(const ModelConfig& config, const TrainingOptions& wanted,
                                 Index workers) {
  return detail::least_bytes<Transformer<T>>(config, wanted, workers);
}

/// fit_budget for Transformer<T>.
template <Scalar T>
TrainingOptions fit_budget(const ModelConfig& config, const TrainingOptions& wanted, Index workers,
                           std::size_t budget, std::size_t reserved_bytes = 0,
                           std::size_t bytes_before = 0) {
  return fit_budget<Transformer<T>>(config, wanted, workers, budget, reserved_bytes, bytes_before);
}

}  // namespace OCTAVO_NAMESPACE
