// SPDX-License-Identifier: MIT
#include "generate/chat.hpp"

#include <chrono>
#include <cstdio>
#include <utility>

#include <octavo/files/atomic_file.hpp>

namespace generate {
namespace {

const octavo::ChatTemplate& template_of(const Model& model, const std::string& name) {
  if (model.chat) return *model.chat;
  throw octavo::FormatError(
      "cannot chat with " + octavo::printable(name) + ": " +
          (model.chat_failure.empty() ? "it has no chat template" : model.chat_failure),
      "use it without --chat, with --interactive");
}

}  // namespace

ChatWriter::ChatWriter(support::GenerateOptions& options, const Model& model,
                       octavo::ThreadPool& threads)
    : options_(options),
      biases_(biases_of(model, options)),
      generator_(octavo::Transformer<float>(model.config), model.weights, model.trained_length,
                 threads),
      chat_(generator_, model.tokenizer, template_of(model, options.model), model.end_tokens),
      system_(options.system) {
  options_.sampling.logit_bias = biases_;
  if (!system_.empty()) chat_.set_system(system_);
}

void ChatWriter::answer(std::string message, const std::function<bool()>& interrupted) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  Clock::time_point first = start;
  octavo::Index written = 0;
  const octavo::Index read = chat_.answer(std::move(message), options_.tokens, options_.sampling,
                                          options_.seed, [&](std::string_view piece) {
                                            if (written++ == 0) first = Clock::now();
                                            support::print(std::string(piece));
                                            return std::fflush(stdout) == 0 && !interrupted();
                                          });
  support::print("\n");
  const auto seconds = [](Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  };
  timings_.read += read;
  timings_.reading += seconds(first - start);
  timings_.writing += seconds(Clock::now() - first);
  timings_.written += written;
  timings_.computed += written > 0 ? written - 1 : 0;
}

void ChatWriter::add_commands(Conversation& conversation) {
  conversation.add({"system", "TEXT",
                    "begin anew, with this system message; alone: the model's own",
                    [this](const std::string&, const std::string& value) {
                      chat_.set_system(value);
                      system_ = value;
                    },
                    [this] { return system_.empty() ? "the model's own" : system_; }});
  conversation.add({"reset", "", "begin anew",
                    [this](const std::string&, const std::string&) { chat_.reset(); },
                    [this] { return octavo::counted(std::ssize(chat_.messages()), "message"); }});
  conversation.add({"save", "FILE", "write the conversation to a file, as the model reads it",
                    [this](const std::string& command, const std::string& value) {
                      if (value.empty()) {
                        throw octavo::ConfigError(command + ": expected the name of a file");
                      }
                      octavo::AtomicFile file(value);
                      file.write(chat_.text());
                      file.commit();
                    },
                    [] { return std::string("no file yet"); }});
}

}  // namespace generate
