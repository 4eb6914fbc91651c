// SPDX-License-Identifier: MIT
// Runs of train_full with tokenizers of every kind, and what is refused.
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/tokenizers/bpe_training.hpp>

#include "examples/micro.hpp"

namespace {

using octavo::read_file;

std::string ran(const Sandbox& sandbox, const std::vector<std::string>& words) {
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  check_error(got, 0, "");
  return got.out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string pairs = "--tokenizer bpe --vocab 280 ";

}  // namespace

TEST_CASE("a run learns byte pairs from its text, and its files carry them") {
  const Sandbox sandbox;
  const std::string out = ran(sandbox, micro(pairs + "--gpt2 --out g"));
  CHECK(has(out, "vocabulary 280"));
  CHECK(has(out, "bytes a token\n"));
  const octavo::FileSource source(sandbox / "g/checkpoint-00000002.safetensors");
  const octavo::CheckpointFile checkpoint(source);
  octavo::BpeTrainer trainer;
  trainer.add(octavo::sample_text);
  constexpr std::string_view end[] = {"<|endoftext|>"};
  CHECK(checkpoint.info().tokenizer == octavo::AnyTokenizer(trainer.train(280, end)));

  const std::string reply =
      ran(sandbox, words_of("generate g/model.safetensors --prompt Whether --tokens 5"));
  CHECK(reply.starts_with("Whether"));
  CHECK(ran(sandbox, words_of("generate g/model.safetensors --tokens 5")).size() > 5);

  ran(sandbox, words_of("convert g/model.safetensors a.gguf"));
  ran(sandbox, words_of("convert a.gguf h"));
  ran(sandbox, words_of("convert h b.gguf"));
  ran(sandbox, words_of("convert h c.safetensors"));
  CHECK(read_file(sandbox / "a.gguf") == read_file(sandbox / "b.gguf"));
  CHECK(read_file(sandbox / "c.safetensors") == read_file(sandbox / "g/model.safetensors"));
}

TEST_CASE("a text without enough byte pairs has a smaller vocabulary, and says so") {
  const Sandbox sandbox;
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::string(100, i % 2 == 0 ? 'a' : 'b') + '\n';
  write_file(sandbox, "text", text);
  const std::string out = ran(sandbox, micro("--tokenizer bpe --data text --dry-run"));
  CHECK(has(out, "vocabulary 2"));
  CHECK(has(out, " bytes a token; the text has no more of them\n"));
}

TEST_CASE("a run with byte pairs goes on to the same bytes") {
  const Sandbox sandbox;
  const std::string run =
      "train_full 6 --layers 1 --heads 2 --width 16 --ff 24 --context 16 --sequence 12 "
      "--threads 1 --log-every 0 --sample-every 0 --eval-every 0 --save-every 2 --keep 9 "
      "--dropout 0.1 --out whole " +
      pairs;
  ran(sandbox, words_of(run));
  ran(sandbox, words_of("train_full --resume whole/checkpoint-00000002.safetensors --out again "
                        "--threads 2 --sample-every 0"));
  for (const std::string file : {"model.safetensors", "checkpoint-00000006.safetensors"}) {
    CHECK(read_file(sandbox / ("whole/" + file)) == read_file(sandbox / ("again/" + file)));
  }
  ran(sandbox, words_of(run + "--resume"));  // nothing is left to do
  const auto refuse = [&](const std::string& options, const std::string& message) {
    check_error(start(sandbox, words_of("train_full --resume whole " + options)), 64,
                "train_full: error: --resume: the run has " + message +
                    " was asked\n  hint: leave it out, or begin a new run\n");
  };
  refuse("--tokenizer char", "tokenizer bpe, but char");
  refuse("--vocab 281", "a vocabulary of 280, but 281");
}

TEST_CASE("a token a byte") {
  const Sandbox sandbox;
  CHECK(has(ran(sandbox, micro("--tokenizer byte --out b")), "vocabulary 256"));
  CHECK(ran(sandbox, words_of("generate b/model.safetensors --prompt \xff --tokens 1")).size() > 1);
  ran(sandbox, words_of("train_full --resume b --tokenizer byte --out c"));
}

TEST_CASE("tokenizers that make no sense are refused") {
  const Sandbox sandbox;
  const auto refuse = [&](const std::string& options, const std::string& message) {
    INFO(options);
    check_error(start(sandbox, micro(options)), 64, "train_full: error: " + message + "\n");
  };
  refuse("--tokenizer word", "--tokenizer: got 'word', expected char, byte or bpe");
  refuse("--tokenizer bpe --vocab 256",
         "--vocab: got '256', expected a whole number from 257 to 262144");
  refuse("--tokenizer bpe --vocab 262145",
         "--vocab: got '262145', expected a whole number from 257 to 262144");
  refuse("--vocab 300", "--vocab: only --tokenizer bpe has a vocabulary to choose");
  refuse("--tokenizer byte --vocab 300",
         "--vocab: only --tokenizer bpe has a vocabulary to choose");
  refuse("--tokenizer bpe --no-unknown",
         "--no-unknown: --tokenizer bpe has a token for every byte");
  refuse("--tokenizer byte --no-unknown",
         "--no-unknown: --tokenizer byte has a token for every byte");
  CHECK(names_in(sandbox.path).empty());
}
