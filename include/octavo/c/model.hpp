// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/c/option_text.hpp>
#include <octavo/checkpoint/model_file.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/generation/prompt.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/generation/text_stream.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/tensor/weight_source.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/transformer/merge_adapters.hpp>
#include <octavo/transformer/stored_weights.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// Options of threads that every object has.
inline Index threads_in(OptionText& options) {
  Index threads = 0;
  options.read("threads", threads, WholeRange{0, 1024});
  return threads;
}

/// A model with its tokenizer, its threads and all that generation needs: octavo_model of octavo.h.
class OwnedModel {
 public:
  /// Opens a model of any format, see ModelSource. Options: threads, context.
  OwnedModel(const std::string& path, OptionText options)
      : threads_(threads_in(options)), source_(std::in_place, path) {
    require(source_->tokenizer().has_value(), [&] {
      return detail::concat({printable(path), " has no tokenizer that Octavo reads"});
    });
    tokenizer_ = *source_->tokenizer();
    end_tokens_ = source_->end_tokens();
    length_ = std::min<Index>(source_->trained_length(), 4096);
    options.read("context", length_, WholeRange{1, source_->trained_length()});
    options.require_all_known();
    stored_.emplace(source_->load_stored());
  }

  /// A copy of weights in memory. threads: of its own; 0: as many as pay.
  OwnedModel(const ModelConfig& config, Index length, AnyTokenizer tokenizer,
             std::span<const float> weights, Index threads)
      : threads_(threads),
        config_(config),
        tokenizer_(std::move(tokenizer)),
        end_tokens_(tokenizer_->end_tokens()),
        length_(length),
        weights_(weights.size()) {
    std::copy(weights.begin(), weights.end(), weights_.begin());
  }

  const ModelConfig& config() const noexcept { return source_ ? source_->config() : config_; }
  const AnyTokenizer& tokenizer() const noexcept { return *tokenizer_; }
  Index trained_length() const noexcept { return source_ ? source_->trained_length() : length_; }
  /// Positions that generation sees.
  Index length() const noexcept { return length_; }

  /// The numbers for a trainer, whose model may have adapters besides, which begin anew.
  void read_base(const ParameterList& parameters, std::uint64_t seed,
                 std::span<float> weights) const {
    if (source_) return source_->read_base(parameters, seed, weights);
    octavo::read_base<float>(parameters, static_cast<Index>(weights_.size()), config_.lora, seed,
                             weights, [&](std::span<float> numbers) {
                               std::copy(weights_.begin(), weights_.end(), numbers.begin());
                             });
  }

  void save(const std::string& path) const {
    const Transformer<float> model(config());
    const WeightSource<float> weights([&](const ParameterBlock& block, std::span<float> numbers) {
      if (source_) return source_->read(block, numbers);
      WeightSource<float>(weights_).read(block, numbers);
    });
    save_model<float>(path, model, trained_length(), *tokenizer_, weights);
  }

  /// Continues the prompt: write(text) gets whole characters; false ends the text.
  template <typename Write>
  void generate(std::string_view prompt, OptionText options, Write write) {
    require(!writing_, "the model is writing: what gets its text cannot call it");
    Sampling sampling;
    Index tokens = 200;
    std::uint64_t seed = 1;
    options.read("tokens", tokens, count_range);
    options.read("seed", seed);
    options.read("temperature", sampling.temperature, not_negative_range);
    options.read("top-k", sampling.top_k, count_range);
    options.read("top-p", sampling.top_p, unit_range);
    options.read("min-p", sampling.min_p, unit_range);
    options.read("repetition-penalty", sampling.repetition_penalty, positive_range);
    options.read("repetition-window", sampling.repetition_window, WholeRange{-1, count_range.most});
    options.require_all_known();
    require_known(*tokenizer_, prompt);
    if (!generator_) {
      generator_.emplace(Transformer<float>(config()), model_weights(), length_, threads_);
    }
    struct Writing {
      explicit Writing(bool& flag) : flag_(flag) { flag_ = true; }
      ~Writing() { flag_ = false; }
      bool& flag_;
    } writing(writing_);
    bool going = true;
    TextStream text(*tokenizer_, StopStrings(),
                    [&](std::string_view piece) { going = going && write(piece); },
                    {.end_tokens = end_tokens_});
    const std::vector<Token> beginning = tokenizer_->encode(prompt);
    generator_->generate(beginning, tokens, sampling, seed,
                         [&](Token token) { return text(token) && going; });
    text.finish();
  }

  /// Nats per token; DataError for a text of fewer than two tokens.
  double score(std::string_view text) {
    require(!writing_, "the model is writing: what gets its text cannot call it");
    const TokenStore tokens = tokenize(*tokenizer_, text);
    if (tokens.view().size() < 2) {
      throw DataError("the text has fewer than two tokens", "use a longer text");
    }
    Scorer<float> scorer(Transformer<float>(config()), model_weights(), length_, threads_);
    return scorer.score(tokens.view(), std::max<Index>(1, length_ / 2)).mean();
  }

 private:
  ModelWeights<float> model_weights() const {
    return stored_ ? ModelWeights<float>(*stored_) : ModelWeights<float>(weights_);
  }

  ThreadPool threads_;
  std::optional<ModelSource> source_;  ///< of a model from a file, which has the configuration
  ModelConfig config_;                 ///< of another
  std::optional<AnyTokenizer> tokenizer_;
  std::vector<Token> end_tokens_;
  Index length_ = 0;
  std::optional<StoredWeights<float>> stored_;  ///< of a model from a file
  AlignedBuffer<float> weights_;                ///< of another
  std::optional<Generator<float>> generator_;   ///< after the first text
  bool writing_ = false;
};

}  // namespace OCTAVO_NAMESPACE
