// SPDX-License-Identifier: MIT
// Generates text from prompts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "generate/prompts.hpp"

namespace generate {

/// The numbers of tokens that passed through the model, and their times.
struct Timings {
  octavo::Index read = 0;      ///< of prompts
  octavo::Index written = 0;   ///< generated, including tokens that end a text
  octavo::Index computed = 0;  ///< of the generated tokens, all but the first after each prompt
  double reading = 0;          ///< seconds, including sampling of the first tokens
  double writing = 0;          ///< seconds, for the `computed` tokens

  /// "read 5 tokens, 4321 a second; wrote 200 tokens, 5210 a second".
  std::string sentence() const;
};

class Writer {
 public:
  /// The arguments must outlive this object. It changes only the biases of options.sampling.
  Writer(support::GenerateOptions& options, const Model& model, octavo::ThreadPool& threads);

  const octavo::MemoryPlan& plan() const noexcept { return generator_.plan(); }
  const Timings& timings() const noexcept { return timings_; }

  /// Writes the continuation of each prompt, in order, to standard output; the first unfinished
  /// text is written as it grows. `interrupted` is called after each token; true ends all texts.
  void write(
      const std::vector<support::GivenPrompt>& prompts,
      const std::function<bool()>& interrupted = [] { return false; });

 private:
  support::GenerateOptions& options_;
  const Model& model_;
  std::vector<octavo::TokenBias> biases_;
  octavo::Generator<float> generator_;
  Timings timings_;
};

}  // namespace generate
