// SPDX-License-Identifier: MIT
#include "generate/writer.hpp"

#include <chrono>
#include <cstdio>
#include <span>

#include <octavo/report/terminal_text.hpp>

#include "generate/text_queue.hpp"

namespace generate {
namespace {

using octavo::Index;
using octavo::Token;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Write {
  support::TextQueue* queue;
  Index place;
  void operator()(std::string_view text) const { queue->write(place, text); }
};
using Stream = octavo::TextStream<octavo::AnyTokenizer, Write>;

std::string rate(Index tokens, double seconds) {
  if (tokens <= 0 || seconds <= 0) return "";
  return ", " +
         std::string(std::string_view(octavo::short_count(static_cast<double>(tokens) / seconds))) +
         " a second";
}

}  // namespace

std::string Timings::sentence() const {
  return "read " + octavo::counted(read, "token") + rate(read, reading) + "; wrote " +
         octavo::counted(written, "token") + rate(computed, writing);
}

Writer::Writer(support::GenerateOptions& options, const Model& model, octavo::ThreadPool& threads)
    : options_(options),
      model_(model),
      biases_(biases_of(model, options)),
      generator_(octavo::Transformer<float>(model.config), model.weights, model.trained_length,
                 threads, std::max<Index>(1, std::ssize(options.prompts))) {
  options_.sampling.logit_bias = biases_;
}

void Writer::write(const std::vector<support::GivenPrompt>& asked,
                   const std::function<bool()>& interrupted) {
  const std::size_t count = asked.size();
  std::vector<Prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    prompts.push_back(
        read_prompt(model_, options_, asked[i], name_of_prompt(i, count), generator_.length()));
  }
  const std::span<const Token> end_tokens =
      options_.ignore_end ? std::span<const Token>() : std::span<const Token>(model_.end_tokens);
  support::TextQueue queue(static_cast<Index>(count));
  std::vector<std::span<const Token>> beginnings;
  std::vector<Stream> streams;
  streams.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    streams.emplace_back(
        model_.tokenizer, octavo::StopStrings(options_.stops), Write{&queue, static_cast<Index>(i)},
        octavo::TextStreamOptions{.invalid = options_.invalid,
                                  .end_tokens = end_tokens,
                                  .special = options_.special ? octavo::SpecialOutput::name
                                                              : octavo::SpecialOutput::omit});
    streams[i].begin(prompts[i].text);
    beginnings.emplace_back(prompts[i].tokens);
    timings_.read += std::ssize(prompts[i].tokens);
  }
  std::fflush(stdout);  // while the model reads them
  std::vector<Index> left(count, options_.tokens);
  const auto end = [&](std::size_t i) {
    left[i] = 0;
    streams[i].finish();
    queue.write(static_cast<Index>(i), "\n");
    queue.end(static_cast<Index>(i));
  };
  for (std::size_t i = 0; i < count && options_.tokens == 0; ++i) end(i);
  const Clock::time_point start = Clock::now();
  Clock::time_point first_token = start;
  Index written = 0;
  generator_.generate_batch(beginnings, options_.tokens, options_.sampling, options_.seed,
                            [&](Index sequence, Token token) {
                              if (written++ == 0) first_token = Clock::now();
                              const auto i = static_cast<std::size_t>(sequence);
                              const bool goes_on =
                                  streams[i](token) && --left[i] > 0 && !interrupted();
                              if (!goes_on) end(i);
                              return std::fflush(stdout) == 0 && goes_on;
                            });
  std::fflush(stdout);
  if (written == 0) return;
  timings_.reading += std::chrono::duration<double>(first_token - start).count();
  timings_.writing += seconds_since(first_token);
  timings_.written += written;
  timings_.computed += written - static_cast<Index>(count);
}

}  // namespace generate
