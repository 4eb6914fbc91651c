// SPDX-License-Identifier: MIT
// generate --chat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <octavo/generation/chat.hpp>

#include "generate/conversation.hpp"
#include "generate/writer.hpp"

namespace generate {

/// A conversation in which each line is a message of the user, and the model answers.
class ChatWriter {
 public:
  /// The arguments must outlive this object. It changes only the biases of options.sampling.
  /// FormatError if the model has no chat template.
  ChatWriter(support::GenerateOptions& options, const Model& model, octavo::ThreadPool& threads);

  const octavo::MemoryPlan& plan() const noexcept { return generator_.plan(); }
  const Timings& timings() const noexcept { return timings_; }

  /// Writes the answer to a message to standard output as it grows. `interrupted` ends it.
  void answer(std::string message, const std::function<bool()>& interrupted);

  /// Adds /system, /reset and /save to a conversation, which must not outlive this object.
  void add_commands(Conversation& conversation);

 private:
  support::GenerateOptions& options_;
  std::vector<octavo::TokenBias> biases_;
  octavo::Generator<float> generator_;
  octavo::Chat<octavo::Generator<float>, octavo::AnyTokenizer> chat_;
  std::string system_;
  Timings timings_;
};

}  // namespace generate
