// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#include <octavo/base/error.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/runs/corpus.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/training/trainer.hpp>

// The total memory of a run: the trainer's plan, and the memory of its text before and beside it.
namespace OCTAVO_NAMESPACE {

/// Training options for `config` on `corpus` that fit CorpusOptions::memory_budget: `training`,
/// but its micro-batch and recomputation may differ, which changes no result. Without a budget
/// `training` is returned unchanged.
/// `between_steps(config)`: bytes that the run uses between steps, such as generation_bytes().
/// ConfigError, with the smallest sufficient budget, if none fits: see fit_budget().
template <Scalar T, typename BetweenSteps>
TrainingOptions fit_run(const ModelConfig& config, TrainingOptions training, Index workers,
                        const Corpus& corpus, const CorpusOptions& options,
                        BetweenSteps between_steps) {
  if (options.memory_budget == 0) return training;
  const Index sequences = training.sequences();
  const auto fit = [&](Index vocabulary, std::size_t reserved) {
    ModelConfig sized = config;
    sized.vocabulary = vocabulary;
    TrainingOptions memory = training;
    memory.between_steps_bytes = between_steps(sized);
    return fit_budget<T>(sized, memory, workers, options.memory_budget,
                         checked_add(options.program_bytes, reserved),
                         corpus.before_bytes(vocabulary));
  };
  const TrainingOptions way = [&] {
    try {
      return fit(config.vocabulary, corpus.reserved_bytes(sequences));
    } catch (const ConfigError&) {
      if (!corpus.left_out_words()) throw;
      // A larger budget lets more words, and possibly more byte pairs, be learned.
      return fit(options.vocabulary, corpus.most_reserved_bytes(sequences, options.vocabulary));
    }
  }();
  training.micro_batch = way.micro_batch;
  training.recompute = way.recompute;
  training.recompute_logits = way.recompute_logits;
  return training;
}

/// The most bytes of the whole process: the trainer's plan of `planned` bytes, or the memory needed
/// before it is allocated, and the memory beside both.
inline std::size_t expected_peak(std::size_t planned, const TrainingOptions& training,
                                 const Corpus& corpus, const CorpusOptions& options) {
  const std::size_t before = std::max(corpus.before_bytes(corpus.tokenizer.vocabulary_size()),
                                      corpus.learned ? corpus.learned->memory_bytes : 0);
  const std::size_t reserved = corpus.reserved_bytes(training.sequences());
  return checked_add(std::max(planned, before), checked_add(reserved, options.program_bytes));
}

}  // namespace OCTAVO_NAMESPACE
