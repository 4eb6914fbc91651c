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

/// What becomes of tokens that stand beside the text: those that begin or end a text, or mark who
/// speaks.
enum class SpecialOutput {
  omit,  ///< they are not written
  name,  ///< their names are, as in "<|endoftext|>"
};

/// What a TextStream may be told.
struct TextStreamOptions {
  InvalidUtf8 invalid = InvalidUtf8::replace;
  /// The text ends before the first of these tokens, which is not written, whatever `special` says:
  /// ModelSource::end_tokens(), for instance. They must outlive the stream.
  std::span<const Token> end_tokens{};
  SpecialOutput special = SpecialOutput::omit;
};

/// From tokens to text for a reader who watches: hand it to Generator::generate. `write`, a
/// function of a std::string_view, gets whole UTF-8 characters only, as soon as they are complete
/// and no stop string can begin in them. Stop strings are found wherever they fall on tokens; they
/// are not written, nor is anything after them. finish() writes what is held back at the end.
///
///   TextStream text(tokenizer, StopStrings(stops), [](std::string_view s) { std::cout << s; },
///                   {.end_tokens = source.end_tokens()});
///   generator.generate(prompt, 200, sampling, seed, text);
///   text.finish();
///
/// No heap call once it is made; views a tokenizer that the caller owns.
template <Tokenizer K, typename Write>
class TextStream {
 public:
  TextStream(const K& tokenizer, StopStrings stops, Write write, TextStreamOptions options = {})
      : tokenizer_(&tokenizer),
        stops_(std::move(stops)),
        assembler_(options.invalid),
        options_(options),
        write_(std::move(write)) {}

  /// The text before the first token: it is written as whole characters too, and no stop string is
  /// looked for in it.
  void begin(std::string_view text) { assemble(text); }

  /// False when a stop string is complete, and on an end token.
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

  /// After the last token; then it is ready for another text.
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
