// SPDX-License-Identifier: MIT
// train_full --from: a model that somebody has trained goes on.
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

const std::string quiet = "--threads 1 --log-every 0 --sample-every 0 --eval-every 0 ";

/// train_full --from `model` on "text", into folder "b", for 1 step unless `options` say otherwise.
Words going_on(const std::string& options, const std::string& model = "a/model.safetensors") {
  return words_of("train_full --from " + model + " --data text --out b " + quiet + options);
}

std::string two_soliloquies() {
  return std::string(octavo::sample_text) + std::string(octavo::sample_text);
}

/// A text that is easy to learn, of characters that the soliloquies have.
std::string same_words() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "to be or not to be, that is it. ";
  return text;
}

double number_behind(const std::string& text, const std::string& before) {
  const std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + before.size(), nullptr);
}

}  // namespace

TEST_CASE("a continued model begins with its own loss, from every format") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--gpt2 --data text --out a", "60")), 0, "");
  check_error(start(sandbox, {"convert", "a/model.safetensors", "m.gguf"}), 0, "");
  check_error(start(sandbox, {"convert", "a/model.safetensors", "hf"}), 0, "");
  const std::string text = two_soliloquies();
  const std::size_t train = text.size() / 10 * 9 + text.size() % 10 * 9 / 10;
  write_file(sandbox, "validation", text.substr(train));
  const Outcome scored =
      start(sandbox, words_of("generate a/model.safetensors --threads 1 --score validation"));
  const double expected = number_behind(scored.out, "likelihood ");
  CHECK(expected < 3.4);  // guessing: 3.56
  for (const std::string model : {"a/model.safetensors", "a", "m.gguf", "hf"}) {
    INFO(model);
    // A step so small that no weight changes, then the evaluation at the end.
    const Outcome got = start(sandbox, going_on("--lr 1e-30 --min-lr 0 --sequence 12 1", model));
    check_error(got, 0, "");
    CHECK(number_behind(got.out, "validation loss ") == doctest::Approx(expected).epsilon(1e-4));
    fs::remove_all(sandbox.path / "b");
  }
}

TEST_CASE("a model of byte pairs goes on with its own tokenizer, on any text, from every format") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  const Outcome trained = start(
      sandbox, micro("--gpt2 --tokenizer bpe --vocab 300 --seed 5 --data text --out a", "60"));
  check_error(trained, 0, "");
  const double expected = number_behind(trained.out, "validation loss ");
  CHECK(expected < 5.5);  // guessing: 5.70
  check_error(start(sandbox, {"convert", "a/model.safetensors", "m.gguf"}), 0, "");
  check_error(start(sandbox, {"convert", "a/model.safetensors", "hf"}), 0, "");
  std::string other;
  for (int i = 0; i < 60; ++i) other += "größe 4€, naïve \U0001F600 fuß; ";
  std::string first;
  for (const std::string model : {"a/model.safetensors", "a", "m.gguf", "hf"}) {
    INFO(model);
    write_file(sandbox, "text", two_soliloquies());
    const Outcome same = start(sandbox, going_on("--lr 1e-30 --min-lr 0 --sequence 12 1", model));
    check_error(same, 0, "");
    CHECK(number_behind(same.out, "validation loss ") == doctest::Approx(expected).epsilon(1e-5));
    fs::remove_all(sandbox.path / "b");
    // Characters that the tokenizer has never met, and the same run from every format.
    write_file(sandbox, "text", other);
    const Outcome tuned = start(sandbox, going_on("--lr 3e-2 --seed 3 --sequence 12 80", model));
    check_error(tuned, 0, "");
    CHECK(number_behind(tuned.out, "validation loss ") < 2);
    const std::string weights = octavo::read_file(sandbox / "b/model.safetensors");
    if (first.empty()) first = weights;
    CHECK(weights == first);
    fs::remove_all(sandbox.path / "b");
  }
}

TEST_CASE("a continued model learns, and resumes exactly after a stop") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--data text --out a", "60")), 0, "");
  const auto validation = [&](const std::string& steps) {
    const Outcome got = start(sandbox, going_on("--lr 3e-3 --memory-budget 8MB " + steps));
    check_error(got, 0, "");
    return number_behind(got.out, "validation loss ");
  };
  const double after = validation("200");
  const std::string whole = octavo::read_file(sandbox / "b/checkpoint-00000200.safetensors");
  fs::remove_all(sandbox.path / "b");
  CHECK(validation("1") > after + 0.2);
  fs::remove_all(sandbox.path / "b");
  // The same run, taken up again at step 150.
  check_error(start(sandbox, going_on("--lr 3e-3 --memory-budget 8MB --save-every 50 200")), 0, "");
  fs::remove(sandbox.path / "b/checkpoint-00000200.safetensors");
  check_error(start(sandbox, words_of("train_full --resume b --data text --out b " + quiet)), 0,
              "");
  CHECK(octavo::read_file(sandbox / "b/checkpoint-00000200.safetensors") == whole);
}

TEST_CASE("what contradicts the model is refused by name") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--data text --out a")), 0, "");
  const auto refused = [&](const std::string& options, const std::string& message,
                           const std::string& hint = "", int status = 64) {
    check_error(start(sandbox, going_on(options)), status,
                "train_full: error: " + message + (hint.empty() ? "" : "\n  hint: " + hint) + "\n");
    CHECK_FALSE(fs::exists(sandbox.path / "b"));
  };
  const std::string hint = "leave it out, or begin without --from";
  refused("--layers 2", "--layers: got 2, but the model of --from has 1", hint);
  refused("--heads 4", "--heads: got 4, but the model of --from has 2", hint);
  refused("--width 32", "--width: got 32, but the model of --from has 16", hint);
  refused("--ff 5", "--ff: got 5, but the model of --from has 24", hint);
  refused("--context 99", "--context: got 99, but the model of --from has 16", hint);
  refused("--activation gelu", "--activation: got gelu, but the model of --from has relu", hint);
  refused("--no-bias", "--no-bias: the model of --from has biases");
  refused("--tied", "--tied: got yes, but the model of --from has no", hint);
  refused("--tiny", "--tiny: it chooses a model, but --from provides one",
          "leave out --tiny or --from");
  refused("--no-unknown", "--no-unknown: the model of --from brings its own tokenizer");
  refused("--tokenizer bpe", "--tokenizer: the model of --from brings its own tokenizer");
  refused("--new-schedule", "--new-schedule: it needs --resume, whose schedule it replaces",
          "say --resume too, or leave it out");
  check_error(start(sandbox, going_on("--resume a")), 64,
              "train_full: error: --from: the run of --resume already has weights\n");
  check_error(start(sandbox, going_on("", "missing")), 66,
              "train_full: error: cannot open 'missing': No such file or directory\n"
              "  hint: check the path and its permissions\n");
  // What agrees is no contradiction.
  check_error(start(sandbox, going_on("--layers 1 --width 16 --activation relu 1")), 0, "");
}

TEST_CASE("fine_tune: the example begins with the model's score, and learns") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--data text --out a", "60")), 0, "");
  const Outcome scored =
      start(sandbox, words_of("generate a/model.safetensors --threads 1 --score text"));
  const Outcome tuned = start(sandbox, words_of("fine_tune a/model.safetensors text"));
  check_error(tuned, 0, "");
  const double before = number_behind(tuned.out, "before: ");
  CHECK(before == doctest::Approx(number_behind(scored.out, "likelihood ")).epsilon(1e-5));
  CHECK(number_behind(tuned.out, "step 200: ") < before - 0.2);
  CHECK(fs::exists(sandbox.path / "fine_tuned.safetensors"));
}

TEST_CASE("fine_tune_lora: the example begins with the model's score, learns, and merges") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--gpt2 --data text --lr 5e-3 --out a", "600")), 0, "");
  write_file(sandbox, "text", same_words());
  const auto score = [&](const std::string& model) {
    const Outcome got = start(sandbox, words_of("generate " + model + " --threads 1 --score text"));
    return number_behind(got.out, "likelihood ");
  };
  const Outcome tuned = start(sandbox, words_of("fine_tune_lora a/model.safetensors text"));
  check_error(tuned, 0, "");
  const double before = number_behind(tuned.out, "before: ");
  CHECK(before == doctest::Approx(score("a/model.safetensors")).epsilon(1e-5));
  const double after = number_behind(tuned.out, "step 200: ");
  CHECK(after < before - 0.3);
  CHECK(score("adapted.safetensors") == doctest::Approx(after).epsilon(1e-5));
}

TEST_CASE("adapters of a continued model: they train, go on, are merged and converted") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--gpt2 --data text --lr 5e-3 --out a", "600")), 0, "");
  write_file(sandbox, "text", same_words());
  const auto score = [&](const std::string& model) {
    const Outcome got = start(sandbox, words_of("generate " + model + " --threads 1 --score text"));
    check_error(got, 0, "");
    return number_behind(got.out, "likelihood ");
  };
  const std::string lora = "--lora-rank 4 --lora-alpha 16 --lora-train-too norm --lr 5e-3 ";
  check_error(start(sandbox, going_on(lora + "40")), 0, "");
  const double before = score("a/model.safetensors"), after = score("b/model.safetensors");
  CHECK(after < before - 0.25);
  check_error(start(sandbox, {"convert", "b/model.safetensors", "m.safetensors", "--merge"}), 0,
              "");
  check_error(start(sandbox, {"convert", "b/model.safetensors", "m.gguf"}), 0, "");
  check_error(start(sandbox, {"convert", "b/model.safetensors", "hf"}), 0, "");
  check_error(start(sandbox, {"convert", "b/model.safetensors", "same.safetensors"}), 0, "");
  for (const std::string model : {"m.safetensors", "m.gguf", "hf", "same.safetensors"}) {
    INFO(model);
    CHECK(score(model) == doctest::Approx(after).epsilon(1e-5));
  }
  CHECK(start(sandbox, {"convert", "m.safetensors", "n.safetensors", "--merge"})
            .err.find("--merge: FROM has no adapters") != std::string::npos);
  // The run goes on, and so do the adapters of its model.
  check_error(
      start(sandbox, words_of("train_full --resume --out b --new-schedule " + quiet + "44")), 0,
      "");
  check_error(start(sandbox, words_of("train_full --from b/model.safetensors --data text --out c " +
                                      quiet + "2")),
              0, "");
  CHECK(score("c/model.safetensors") < before - 0.25);
}

TEST_CASE("adapters: --lora, and what it does not go with") {
  const Sandbox sandbox;
  write_file(sandbox, "text", two_soliloquies());
  check_error(start(sandbox, micro("--data text --out a", "2")), 0, "");
  const Outcome planned = start(sandbox, going_on("--lora --dry-run 2"));
  check_error(planned, 0, "");
  CHECK(planned.out.find("adapters") != std::string::npos);
  CHECK(start(sandbox, going_on("--lora-rank 16 --lora-alpha 32 --dry-run 2")).out == planned.out);
  const auto error = [&](const Words& words) { return start(sandbox, words).err; };
  CHECK(error(going_on("--lora-alpha 3 2"))
            .starts_with("train_full: error: --lora-alpha: it needs --lora or --lora-rank"));
  CHECK(error(words_of("train_full --tiny --lora 2"))
            .starts_with("train_full: error: --lora: it needs --from"));
  CHECK(error(going_on("--lora --lora-targets gate_proj 2"))
            .starts_with("train_full: error: lora_targets: no linear layer of a block is called "
                         "'gate_proj'"));
  CHECK(error(going_on("--lora-train-too norm 2"))
            .starts_with("train_full: error: train_too: the model has no adapters"));
}
