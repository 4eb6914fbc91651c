// SPDX-License-Identifier: MIT
// Writes on from prompts.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "generate/prompts.hpp"

namespace generate {

/// How many tokens passed through the model, and how long they took.
struct Timings {
  octavo::Index read = 0;      ///< of prompts
  octavo::Index written = 0;   ///< drawn, those that end a text among them
  octavo::Index computed = 0;  ///< of these: all but the first after each prompt
  double reading = 0;          ///< seconds, the first tokens' draw included
  double writing = 0;          ///< seconds, for those that are `computed`

  /// "read 5 tokens, 4321 a second; wrote 200 tokens, 5210 a second".
  std::string sentence() const;
};

class Writer {
 public:
  /// Looks at all of these; changes none but the biases of options.sampling, which are its own.
  Writer(support::GenerateOptions& options, const Model& model, octavo::ThreadPool& threads);

  const octavo::MemoryPlan& plan() const noexcept { return generator_.plan(); }
  const Timings& timings() const noexcept { return timings_; }

  /// Each prompt's continuation, in their order, on standard output. The first that is not complete
  /// is written as it grows. `interrupted` is asked after each token: if it says so all texts end.
  void write(
      const std::vector<support::AskedPrompt>& prompts,
      const std::function<bool()>& interrupted = [] { return false; });

 private:
  support::GenerateOptions& options_;
  const Model& model_;
  std::vector<octavo::TokenBias> biases_;
  octavo::Generator<float> generator_;
  Timings timings_;
};

}  // namespace generate
