// SPDX-License-Identifier: MIT
// train_full on a text alone: what it chooses, and that the printed options repeat it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

const std::string quiet = "--threads 1 --log-every 0 --sample-every 0 ";

void write_soliloquies(const Sandbox& sandbox, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += octavo::sample_text;
  write_file(sandbox, "text", text);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string done(const Sandbox& sandbox, const std::string& line) {
  const Outcome got = start(sandbox, words_of("train_full " + line));
  INFO(line);
  check_error(got, 0, "");
  return got.out;
}

/// The options after "chosen: ", without the program.
std::string chosen(const std::string& out) {
  const std::string before = "chosen: train_full ";
  const std::size_t at = out.find(before);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = at + before.size();
  return out.substr(begin, out.find('\n', begin) - begin);
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const std::size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

std::string model(const Sandbox& sandbox, const std::string& folder) {
  return octavo::read_file((sandbox / folder) + "/model.safetensors");
}

void refused(const Sandbox& sandbox, const std::string& line, const std::string& error,
             const std::string& hint = "") {
  INFO(line);
  check_error(
      start(sandbox, words_of("train_full " + line)), 64,
      "train_full: error: " + error + "\n" + (hint.empty() ? "" : "  hint: " + hint + "\n"));
}

}  // namespace

TEST_CASE("the printed options repeat the run bit for bit, and a resumed run measures nothing") {
  const Sandbox sandbox;
  write_soliloquies(sandbox, 20);
  const std::string out =
      done(sandbox, quiet + "--data text --time 1s --seed 3 --save-every 0 --out a");
  CHECK(has(out, "measured: "));
  const std::string options = chosen(out);
  CHECK(options.starts_with("--small "));
  CHECK(has(options, " --optimizer muon"));
  CHECK(has(options, " --seed 3"));
  CHECK_FALSE(has(options, "--time"));
  // Once more, with a save in the middle.
  const int steps = std::stoi(options.substr(std::string("--small ").size()));
  const int middle = (steps + 1) / 2;
  const std::string again =
      done(sandbox, replaced(replaced(options, "--out a", "--out b"), "--save-every 0",
                             "--save-every " + std::to_string(middle)));
  CHECK_FALSE(has(again, "measured"));
  CHECK_FALSE(has(again, "chosen"));
  CHECK(model(sandbox, "a") == model(sandbox, "b"));
  const std::string digits = std::to_string(middle);
  const std::string checkpoint =
      "checkpoint-" + std::string(8 - digits.size(), '0') + digits + ".safetensors";
  const std::string resumed =
      done(sandbox, quiet + "--save-every 0 --out c --resume b/" + checkpoint);
  CHECK_FALSE(has(resumed, "measured"));
  CHECK_FALSE(has(resumed, "chosen"));
  CHECK(model(sandbox, "a") == model(sandbox, "c"));
}

TEST_CASE("a number of steps chooses without measuring, and what is given is not chosen") {
  const Sandbox sandbox;
  write_soliloquies(sandbox, 20);
  const std::string dry = quiet + "--dry-run --data text ";
  const std::string out = done(sandbox, dry + "30");
  CHECK_FALSE(has(out, "measured"));
  CHECK(has(out, "30 steps of "));
  CHECK(chosen(out) == chosen(done(sandbox, dry + "30")));
  for (const std::string given :
       {"--lr 0.001", "--dropout 0.25", "--warmup 3", "--momentum 0.5", "--sequence 7", "--batch 5",
        "--min-lr 0.0001", "--schedule cosine", "--eval-every 7", "--optimizer muon",
        "--tokenizer byte", "--sequence 200"}) {
    const std::string with = chosen(done(sandbox, dry + given + " 30"));
    CHECK(has(with, " " + given));
    const std::string name = given.substr(0, given.find(' '));
    CHECK(with.find(name + " ") == with.rfind(name + " "));
    CHECK_FALSE(has(done(sandbox, with), "measured"));
  }
  CHECK(has(chosen(done(sandbox, dry + "--vocab 300 30")), " --tokenizer bpe"));
}

TEST_CASE("whatever says which model turns the choice off") {
  const Sandbox sandbox;
  write_soliloquies(sandbox, 20);
  const std::string dry = quiet + "--dry-run --data text ";
  for (const std::string given :
       {"--small", "--tiny", "--layers 1", "--family llama3", "--gpt2", "--no-bias",
        "--activation gelu", "--optimizer adamw", "--qk-norm"}) {
    const std::string out = done(sandbox, dry + given);
    INFO(given);
    CHECK_FALSE(has(out, "chosen"));
    CHECK(has(out, "train_full: preset --"));
    // With a time, the number of steps alone is chosen.
    const std::string timed = done(sandbox, dry + given + " --time 1s");
    const std::string steps = chosen(timed);
    CHECK(steps.substr(steps.find(' ')) == " " + quiet + "--dry-run --data text " + given);
    CHECK(has(timed, "\n" + steps.substr(0, steps.find(' ')) + " steps of "));
  }
  CHECK(has(done(sandbox, quiet + "--dry-run"), "preset --small (the default"));
}

TEST_CASE("a time that cannot be is refused") {
  const Sandbox sandbox;
  write_soliloquies(sandbox, 20);
  const std::string such = "expected a time such as 90s, 10min or 2h";
  refused(sandbox, "--data text --time 10", "--time: got '10', " + such);
  refused(sandbox, "--data text --time soon", "--time: got 'soon', " + such);
  refused(sandbox, "--data text --time 0s", "--time: got '0s', expected 1 second to a year");
  refused(sandbox, "--data text --time 1s 20", "--time: the steps are given by ITERATIONS",
          "leave one of the two out");
  done(sandbox, quiet + "--tiny --out a 2");
  refused(sandbox, "--resume a --time 1s", "--time: the run of --resume has its number of steps",
          "leave it out; to train on say --new-schedule and a number of steps");
}

TEST_CASE("the smallest texts, and a memory budget") {
  const Sandbox sandbox;
  for (const std::string text : {"ab", "aaaaaaaaaaaa", "one line\n", "\xe2\x82\xac\xe2\x82\xac!"}) {
    INFO(text);
    write_file(sandbox, "text", text);
    done(sandbox, quiet + "--eval-every 0 --data text --out a 2");
    fs::remove_all(sandbox.path / "a");
  }
  write_soliloquies(sandbox, 800);  // 340 kB
  const std::string roomy = chosen(done(sandbox, quiet + "--dry-run --data text 100000000"));
  const std::string tight =
      chosen(done(sandbox, quiet + "--dry-run --data text --memory-budget 20MB 100000000"));
  CHECK(tight != roomy);
}

TEST_CASE("a text from standard input is measured and chosen for") {
  const Sandbox sandbox;
  std::string text;
  for (int i = 0; i < 20; ++i) text += octavo::sample_text;
  const Outcome got = start(sandbox, words_of("train_full --dry-run --data - 30"), {.input = text});
  check_error(got, 0, "");
  CHECK(has(got.out, "chosen: "));
}
