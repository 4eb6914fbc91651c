// SPDX-License-Identifier: MIT
#include <heap_guard/heap_guard.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/generation/text_stream.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>

#include "generation/naive_text.hpp"

using namespace octavo;
using naive_text::cut_naively;
using naive_text::replaced_naively;

namespace {

/// Tokens of several bytes each, as a byte-pair vocabulary has them.
class PieceTokenizer {
 public:
  explicit PieceTokenizer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  Index vocabulary_size() const { return static_cast<Index>(pieces_.size()); }
  std::size_t encode(std::string_view, std::span<Token>) const { return 0; }
  std::string_view decode(Token token) const { return pieces_[static_cast<std::size_t>(token)]; }
  bool is_special(Token token) const { return decode(token).starts_with("<|"); }

 private:
  std::vector<std::string> pieces_;
};

struct Written {
  std::string text;
  std::vector<std::string> pieces;
  bool stopped;
};

/// Streams the pieces, each as one token.
Written stream(const std::vector<std::string>& pieces, const std::vector<std::string>& stops = {},
               const TextStreamOptions& options = {}) {
  const PieceTokenizer tokenizer(pieces);
  Written written{};
  TextStream text(
      tokenizer, StopStrings(stops),
      [&](std::string_view piece) {
        written.text += piece;
        written.pieces.emplace_back(piece);
      },
      options);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!text(static_cast<Token>(i))) break;
  }
  written.stopped = text.stopped();
  text.finish();
  return written;
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> bytes;
  for (const char byte : text) bytes.emplace_back(1, byte);
  return bytes;
}

}  // namespace

TEST_CASE("characters come whole, one by one, however they are cut") {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  const std::vector<std::string> characters{"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                            "z"};
  CHECK(stream(bytes_of(text)).pieces == characters);
  CHECK(stream({text}).pieces == characters);
  CHECK(stream({text.substr(0, 2), text.substr(2, 5), text.substr(7)}).pieces == characters);
  CHECK(utf8_characters(text) == 5);
}

TEST_CASE("invalid bytes are replaced as everybody does it, or kept") {
  const auto replaced = [](const std::string& text) { return stream(bytes_of(text)).text; };
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(replaced("\x80") == mark);
  CHECK(replaced("\xC3") == mark);  // waits for ever
  CHECK(replaced("\xC3(") == mark + "(");
  CHECK(replaced("\xC0\xAF") == mark + mark);             // overlong
  CHECK(replaced("\xED\xA0\x80") == mark + mark + mark);  // a surrogate
  CHECK(replaced("\xF0\x80\x80\x41") == mark + mark + mark + "A");
  CHECK(replaced("\xF1\x80\x80\xE1\x80\xC2\x62") == mark + mark + mark + "b");  // Unicode, 3.9
  CHECK(replaced("\xF5\xFF") == mark + mark);
  const std::string any = "x\x80\xC3(\xF0\x9F\x98";
  CHECK(stream(bytes_of(any), {}, {.invalid = InvalidUtf8::keep}).text == any);
}

TEST_CASE("a stop string ends the text wherever it falls on tokens, and is not written") {
  for (const auto& pieces :
       {bytes_of("one\n\nUser: two"), {"one\n", "\nUs", "er: two"}, {"one\n\nUser: two"}}) {
    const Written written = stream(pieces, {"\nUser:"});
    CHECK(written.text == "one\n");
    CHECK(written.stopped);
  }
  CHECK(stream({"stop"}, {"stop"}).text == "");
  CHECK(stream({"a", "b"}, {"c"}).text == "ab");
}

TEST_CASE("what is held back comes as soon as it cannot be a stop string, and at the end") {
  const Written written = stream({"ab", "x", "aba", "b"}, {"abab", "bc"});
  CHECK(written.text == "abx");  // "abab" across two tokens
  CHECK(written.stopped);
  CHECK(stream({"aba"}, {"abab"}).text == "aba");
  CHECK_FALSE(stream({"aba"}, {"abab"}).stopped);
  CHECK(stream({"aba", "x"}, {"abab"}).pieces == bytes_of("abax"));
  // While "abab" may still come, "bc" does: the text before it is written.
  CHECK(stream({"a", "b", "c"}, {"abab", "bc"}).text == "a");
  // Half a character that was held back inside a stop string.
  CHECK(stream({"\xC3", "\xA9"}, {"\xC3\xA9!"}).pieces == std::vector<std::string>{"\xC3\xA9"});
}

TEST_CASE("against naive searches on random texts of few bytes") {
  const CounterRandom random(1, RandomStream::sampling);
  std::uint64_t at = 0;
  const auto below = [&](std::uint64_t n) { return random.below(at++, n); };
  constexpr std::string_view few[] = {"ab", "abc", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x80\xED\xA0"};
  int stopped = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string_view alphabet = few[below(3)];
    const auto any = [&](std::uint64_t least, std::uint64_t most) {
      std::string text(least + below(most - least + 1), ' ');
      for (char& byte : text) byte = alphabet[below(alphabet.size())];
      return text;
    };
    std::vector<std::string> stops(below(4));
    for (std::string& stop : stops) stop = any(1, 5);
    std::vector<std::string> pieces(below(8));
    std::string text;
    for (std::string& piece : pieces) text += piece = any(0, 4);
    const Written written = stream(pieces, stops, {.invalid = InvalidUtf8::keep});
    const std::string expected = cut_naively(text, stops);
    CHECK(written.text == expected);
    CHECK(written.stopped == (expected.size() < text.size()));
    stopped += written.stopped;
    CHECK(stream(pieces, stops).text == replaced_naively(expected));
  }
  CHECK(stopped > 500);
  CHECK(stopped < 2500);
}

TEST_CASE("a stream serves one text after another, without a heap call") {
  const ByteTokenizer tokenizer;
  const std::vector<std::string> strings{"abab", "b\xC3"};
  std::size_t bytes = 0;
  TextStream text(tokenizer, StopStrings(strings), [&](std::string_view s) { bytes += s.size(); });
  const octavo_test::HeapGuard guard;
  for (int round = 0; round < 2; ++round) {
    bytes = 0;
    for (const char byte : std::string_view("xaba\xC3\xA9 abab")) {
      if (!text(static_cast<Token>(static_cast<unsigned char>(byte)))) break;
    }
    CHECK(text.stopped());
    text.finish();
    CHECK(bytes == 7);
    CHECK_FALSE(text.stopped());
  }
  const auto allocations = guard.allocations();
  CHECK(allocations == 0);
}

TEST_CASE("a text ends before the first end token; special tokens have names only where asked") {
  const std::vector<std::string> pieces{"One", "<|user|>", " two", "<|end|>", "three", "<|stop|>"};
  const std::vector<Token> ends{5, 3};
  CHECK(stream(pieces).text == "One twothree");
  CHECK(stream(pieces, {}, {.special = SpecialOutput::name}).text ==
        "One<|user|> two<|end|>three<|stop|>");
  CHECK(stream(pieces, {}, {.end_tokens = ends}).text == "One two");
  CHECK_FALSE(stream(pieces, {}, {.end_tokens = ends}).stopped);
  CHECK(stream(pieces, {}, {.end_tokens = ends, .special = SpecialOutput::name}).text ==
        "One<|user|> two");
  CHECK(stream(pieces, {"<|us"}, {.special = SpecialOutput::name}).text == "One");
  CHECK(stream(pieces, {"<|us"}).text == "One twothree");
  CHECK(stream(pieces, {" twot"}, {.end_tokens = ends}).text ==
        "One two");  // held back, then written
  CHECK(stream({"\xC3", "<|x|>", "\xA9"}).text == "\xC3\xA9");
}

TEST_CASE("what comes before the tokens is made whole with them, and has no stop strings") {
  const PieceTokenizer tokenizer({"\xA9 b", "c"});
  std::string written;
  TextStream text(tokenizer, StopStrings({"ab", "bc"}),
                  [&](std::string_view piece) { written += piece; });
  text.begin(
      "\xE6\xAD"
      "ab\xC3");
  CHECK(text(0));
  CHECK_FALSE(text(1));
  text.finish();
  CHECK(written ==
        "\xEF\xBF\xBD"
        "ab\xC3\xA9 ");
}
