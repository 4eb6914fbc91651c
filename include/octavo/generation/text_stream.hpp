// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <octavo/base/config.hpp>
#include <octavo/generation/stop_strings.hpp>
#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/tokenizers/tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// How special tokens are written: tokens that begin or end a text, or mark a speaker.
enum class SpecialOutput {
  omit,  ///< not written
  name,  ///< as their names, such as "<|endoftext|>"
};

/// Options of a TextStream.
struct TextStreamOptions {
  InvalidUtf8 invalid = InvalidUtf8::replace;
  /// The text ends before the first of these tokens, which is never written, for instance
  /// ModelSource::end_tokens(). They must outlive the stream.
  std::span<const Token> end_tokens{};
  SpecialOutput special = SpecialOutput::omit;
};

/// Converts tokens to text as they are generated: pass it to Generator::generate. `write`, a
/// function of a std::string_view, gets whole UTF-8 characters, as soon as they are complete and
/// cannot be the start of a stop string. Stop strings may span several tokens; neither they nor
/// anything after them is written. finish() writes the bytes held back at the end.
///
///   TextStream text(tokenizer, StopStrings(stops), [](std::string_view s) { std::cout << s; },
///                   {.end_tokens = source.end_tokens()});
///   generator.generate(prompt, 200, sampling, seed, text);
///   text.finish();
///
/// No heap call after construction. The tokenizer must outlive the stream.
template <Tokenizer K, typename Write>
class TextStream {
 public:
  TextStream(const K& tokenizer, StopStrings stops, Write write, TextStreamOptions options = {})
      : tokenizer_(&tokenizer),
        stops_(std::move(stops)),
        assembler_(options.invalid),
        options_(options),
        write_(std::move(write)) {}

  /// Text before the first token: also written as whole characters, but not searched for stop
  /// strings.
  void begin(std::string_view text) { assemble(text); }

  /// Returns false if a stop string is complete or the token is an end token.
  bool operator()(Token token) {
    const std::span<const Token> ends = options_.end_tokens;
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) return false;
    if (options_.special == SpecialOutput::omit && is_special(*tokenizer_, token)) return true;
    for (const char byte : tokenizer_->decode(token)) {
      if (!stops_.add(byte, [this](std::string_view text) { assemble(text); })) return false;
    }
    return true;
  }

  /// Whether a stop string is complete.
  bool stopped() const noexcept { return stops_.stopped(); }

  /// Call after the last token. The stream is then ready for another text.
  void finish() {
    stops_.finish([this](std::string_view text) { assemble(text); });
    assembler_.finish(write_);
  }

 private:
  void assemble(std::string_view text) {
    for (const char byte : text) assembler_.add(byte, write_);
  }

  const K* tokenizer_;
  StopStrings stops_;
  Utf8Assembler assembler_;
  TextStreamOptions options_;
  Write write_;
};

}  // namespace OCTAVO_NAMESPACE
