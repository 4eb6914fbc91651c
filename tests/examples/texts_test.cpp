// SPDX-License-Identifier: MIT
// What a text is: characters of any length, documents, texts for validation, texts from pipes.
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/data/sample_text.hpp>
#include <octavo/files/read_file.hpp>

#include "examples/micro.hpp"

namespace {

using Words = std::vector<std::string>;

const std::string greek =
    "\u03bc\u03ae\u03bd\u03b9\u03bd \u1f04\u03b5\u03b9\u03b4\u03b5 \u03b8\u03b5\u03ac\n";

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

/// Trains; the words printed have `part` among them.
void trained(const Sandbox& sandbox, const Words& words, const std::string& part = "",
             const Start& how = {}) {
  INFO(told(words));
  const Outcome got = start(sandbox, words, how);
  check_error(got, 0, "");
  INFO(got.out);
  CHECK(got.out.find(part) != std::string::npos);
}

void refused(const Sandbox& sandbox, const Words& words, int status, const std::string& message) {
  INFO(told(words));
  const Outcome got = start(sandbox, words);
  CHECK(got.status == status);
  INFO(got.err);
  CHECK(got.err.find(message) != std::string::npos);
}

bool same_model(const Sandbox& sandbox, const std::string& a, const std::string& b) {
  return octavo::read_file(sandbox / (a + "/model.safetensors")) ==
         octavo::read_file(sandbox / (b + "/model.safetensors"));
}

/// micro() on "text" into the folder `out`.
Words on_text(const std::string& options, const std::string& out, const char* steps = "2") {
  return micro("--data text --out " + out + " " + options, steps);
}

}  // namespace

TEST_CASE("a Greek letter is one token, is written whole, and survives other programs' formats") {
  const Sandbox sandbox;
  write_file(sandbox, "text", repeated(greek, 40));
  trained(sandbox, on_text("--gpt2", "a"), "text: text, 640 tokens");  // 16 characters a line
  check_error(start(sandbox, {"convert", "a/model.safetensors", "hf"}), 0, "");
  check_error(start(sandbox, {"convert", "hf", "m.gguf"}), 0, "");
  check_error(start(sandbox, {"convert", "m.gguf", "back.safetensors"}), 0, "");
  CHECK(octavo::read_file(sandbox / "back.safetensors") ==
        octavo::read_file(sandbox / "a/model.safetensors"));
  const auto score = [&](const std::string& model) {
    const Outcome got = start(sandbox, {"generate", model, "--score", "text", "--threads", "1"});
    check_error(got, 0, "");
    return got.out;
  };
  CHECK(score("hf") == score("a/model.safetensors"));
  CHECK(score("m.gguf") == score("a/model.safetensors"));
}

TEST_CASE("documents: the same model from memory and from a token file, and --resume keeps them") {
  const Sandbox sandbox;
  std::string text;
  for (int i = 0; i < 60; ++i) text += "tale " + std::to_string(i) + " of a fox<|end|>\n";
  write_file(sandbox, "text", text);
  for (const std::string kind : {"char", "byte", "bpe"}) {
    INFO(kind);
    const std::string options = "--tokenizer " + kind + " --document-end <|end|>\\n ";
    trained(sandbox, on_text(options, kind), "60 documents");
    trained(sandbox, on_text(options + "--map-above 100", "mapped"), "");
    CHECK(same_model(sandbox, kind, "mapped"));
    trained(sandbox, on_text(options, "long", "4"));
    trained(sandbox, on_text("--new-schedule --resume mapped", "mapped", "4"));
    trained(sandbox, words_of("train_full --threads 1 --resume " + kind + " --new-schedule 4"),
            "60 documents");
    CHECK(same_model(sandbox, kind, "mapped"));
    fs::remove_all(sandbox.path / "mapped");
    fs::remove_all(sandbox.path / "long");
    refused(sandbox, words_of("train_full --resume " + kind + " --documents line"), 64,
            "--resume: the run has --document-end '<|end|>\\x0a', but --documents line was asked");
    // A token that ends a text goes where the model goes.
    trained(sandbox,
            words_of("train_full --from " + kind + "/model.safetensors --data text --out from " +
                     "--threads 1 --eval-every 0 --sample-every 0 --log-every 0 " +
                     "--document-end <|end|>\\n 1"),
            "60 documents");
    fs::remove_all(sandbox.path / "from");
  }
  trained(sandbox, on_text("--documents line", "lines"), "60 documents");
  trained(sandbox, on_text("", "plain"));
  CHECK(!same_model(sandbox, "lines", "plain"));
  refused(sandbox, words_of("train_full --resume plain --documents line"), 64,
          "--resume: the run has no documents, but --documents line was asked");
  refused(sandbox, on_text("--document-end zz", "none"), 64,
          "--document-end: 'zz' does not occur in the text");
  refused(sandbox, on_text("--document-end a --documents line", "none"), 64,
          "--document-end: it cannot be combined with --documents");
  refused(sandbox, on_text("--document-end \\q", "none"), 64, "where there is a backslash");
  refused(sandbox,
          words_of("train_full --from plain/model.safetensors --data text --documents line 1"), 64,
          "--documents: the model's tokenizer has no token that ends a text");
}

TEST_CASE("each file is a document, and other files are another text") {
  const Sandbox sandbox;
  write_file(sandbox, "a", repeated("one\n", 50));
  write_file(sandbox, "b", repeated("one\n", 50));
  write_file(sandbox, "c", repeated("one\n", 100));
  trained(sandbox, micro("--documents file --out ab --data a b"), "2 documents");
  trained(sandbox, micro("--documents file --out abc --data c"), "1 document");
  CHECK(!same_model(sandbox, "ab", "abc"));
  trained(sandbox, words_of("train_full --threads 1 --resume ab --new-schedule 3"), "2 documents");
  refused(sandbox, words_of("train_full --threads 1 --resume ab --data c --new-schedule 4"), 65,
          "the division into documents is another");
}

TEST_CASE("a text that comes through a pipe is the same as one in a file") {
  const Sandbox sandbox;
  const std::string text(octavo::sample_text);
  write_file(sandbox, "text", text);
  trained(sandbox, on_text("", "file"));
  trained(sandbox, micro("--data - --out input"), "text: standard input", {.input = text});
  trained(sandbox, micro("--data - --out mapped --map-above 100"), "", {.input = text});
  CHECK(same_model(sandbox, "input", "file"));
  CHECK(same_model(sandbox, "mapped", "file"));
  REQUIRE(::mkfifo((sandbox / "fifo").c_str(), 0600) == 0);
  std::thread writer([&] { write_file(sandbox, "fifo", text); });
  trained(sandbox, micro("--data fifo --out fifo_out"), "text: fifo");
  writer.join();
  CHECK(same_model(sandbox, "fifo_out", "file"));
  // It cannot be read again, so the same text has to be named.
  for (const char* out : {"input", "fifo_out"}) {
    refused(sandbox,
            words_of(std::string("train_full --threads 1 --new-schedule 4 --resume ") + out), 64,
            "which cannot be read again");
  }
  trained(sandbox, words_of("train_full --threads 1 --resume input --data - --new-schedule 4"), "",
          {.input = text});
  trained(sandbox,
          words_of("train_full --threads 1 --resume fifo_out --data text --new-schedule 4"));
  CHECK(same_model(sandbox, "input", "fifo_out"));
  refused(sandbox, micro("--data - - --out twice"), 64, "is named twice");
  std::thread scored([&] { write_file(sandbox, "fifo", text); });
  const Outcome score = start(sandbox, words_of("generate file/model.safetensors --score fifo"));
  scored.join();
  check_error(score, 0, "");
}

TEST_CASE("--val: another text is for validation, and goes on being it") {
  const Sandbox sandbox;
  const std::string text(octavo::sample_text);
  write_file(sandbox, "text", text + text);
  write_file(sandbox, "val", text);
  trained(sandbox, on_text("--val val", "a"), "864 tokens, val for validation");
  const Outcome scored = start(sandbox, words_of("generate a/model.safetensors --score val"));
  const Outcome again = start(sandbox, on_text("--val val", "b"));
  const std::size_t at = scored.out.find("likelihood ");
  REQUIRE(at != std::string::npos);
  CHECK(again.out.find("validation loss " + scored.out.substr(at + 11, 5)) != std::string::npos);
  trained(sandbox, words_of("train_full --threads 1 --resume a --new-schedule 3"),
          "val for validation");
  write_file(sandbox, "val", text + "x");
  refused(sandbox, words_of("train_full --threads 1 --resume a --new-schedule 4"), 65,
          "the validation text is another: got 433 bytes");
  // Characters that the model does not know are counted.
  write_file(sandbox, "val", greek + text);
  const Outcome got = start(sandbox, on_text("--val val", "c"));
  CHECK(got.status == 0);
  CHECK(got.err.find("warning: 13 of 448 characters of the text of --val (2.9%) are not in the "
                     "model's vocabulary") != std::string::npos);
  write_file(sandbox, "text", repeated(greek, 40));
  const Outcome from = start(sandbox, words_of("train_full --from a/model.safetensors --data text "
                                               "--out d --threads 1 --eval-every 0 1"));
  CHECK(from.status == 0);
  CHECK(from.err.find("warning: 520 of 640 characters of the text (81.2%)") != std::string::npos);
  refused(sandbox, micro("--data text --val missing --out e"), 66, "cannot open 'missing'");
}
