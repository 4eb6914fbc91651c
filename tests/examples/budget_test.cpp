// SPDX-License-Identifier: MIT
// A memory budget holds for the whole process, whatever the text and the tokenizer.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "examples/micro.hpp"
#include "heap_guard/heap_guard.hpp"

namespace {

/// The number that stands in `text` behind `words`; 0 if they do not.
std::size_t number_after(const std::string& text, const std::string& words) {
  const std::size_t at = text.find(words);
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + words.size()));
}

/// The number of the line "  1234  peak".
std::size_t peak_of(const std::string& report) {
  const std::size_t end = report.find("  peak\n");
  REQUIRE(end != std::string::npos);
  return std::stoull(report.substr(report.rfind('\n', end) + 1));
}

std::string few_words() {
  std::string text;
  while (text.size() < 150'000) text += "It was the best of times, it was the worst of times; ";
  return text;
}

std::string many_words() {
  std::mt19937 random(1);
  std::string text;
  while (text.size() < 900'000) {
    for (std::size_t i = 3 + random() % 6; i > 0; --i) {
      text += static_cast<char>('a' + random() % 26);
    }
    text += ' ';
  }
  return text;
}

std::string one_word() {
  std::mt19937 random(2);
  std::string text(300'000, ' ');
  for (char& letter : text) letter = "ACGT"[random() % 4];
  return text;
}

}  // namespace

TEST_CASE("the process stays within the least budget that it names itself, with every tokenizer") {
  const Sandbox sandbox;
  write_file(sandbox, "few", few_words());
  write_file(sandbox, "many", many_words());
  write_file(sandbox, "one", one_word());
  for (const std::string text : {"few", "many", "one"}) {
    for (const std::string tokenizer : {"char", "byte", "bpe --vocab 512", "bpe --vocab 3000"}) {
      for (const std::string mapped : {"", " --map-above 1"}) {
        const std::string run =
            "train_full --layers 1 --heads 2 --width 32 --ff 64 --context 16 --sequence 16 "
            "--batch 2 --threads 1 --eval-every 3 --save-every 3 --sample-every 3 --out out 6 "
            "--data " +
            text + mapped + " --tokenizer " + tokenizer + " --memory-report --memory-budget ";
        INFO(run);
        const Outcome refused = start(sandbox, words_of(run + "1000000"));
        CHECK(refused.status == 64);
        const std::size_t least = number_after(refused.err, "expected at least ");
        REQUIRE(least > 2'000'000);
        const Outcome kept = start(sandbox, words_of(run + std::to_string(least)));
        INFO(kept.out, kept.err);
        REQUIRE(kept.status == 0);
        if (octavo_test::heap_guard_active()) CHECK(peak_of(kept.out) <= least);
        const bool left_out = text != "few" && tokenizer != "char" && tokenizer != "byte";
        CHECK((kept.out.find("learned from ") != std::string::npos) == left_out);
        // With words left out the least is named for the vocabulary that was asked: some less may
        // do.
        if (!left_out) {
          CHECK(start(sandbox, words_of(run + std::to_string(least - 1))).status == 64);
        }
        fs::remove_all(sandbox.path / "out");
      }
    }
  }
}

TEST_CASE("byte pairs are learned from all words where a budget has room for them") {
  const Sandbox sandbox;
  write_file(sandbox, "many", many_words());
  const std::string run =
      "train_full --dry-run --tiny --threads 1 --data many --tokenizer bpe --memory-report";
  const Outcome all = start(sandbox, words_of(run));
  check_error(all, 0, "");
  const Outcome roomy = start(sandbox, words_of(run + " --memory-budget 100MB"));
  check_error(roomy, 0, "");
  CHECK(roomy.out.find("byte pairs: ") != std::string::npos);
  const auto line = [](const std::string& out) {
    const std::size_t at = out.find("byte pairs: ");
    return out.substr(at, out.find('\n', at) - at);
  };
  CHECK(line(all.out) == line(roomy.out));
  CHECK(all.out.find("learned from") == std::string::npos);
  CHECK(all.out.find("for learning byte pairs, given back") != std::string::npos);
  const Outcome tight = start(sandbox, words_of(run + " --memory-budget 8MB"));
  check_error(tight, 0, "");
  CHECK(tight.out.find("% of the words, the ") != std::string::npos);
}
