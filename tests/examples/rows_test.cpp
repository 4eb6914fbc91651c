// SPDX-License-Identifier: MIT
// train_full --data NAME.jsonl: fine-tuning on rows.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/files/read_file.hpp>
#include <octavo/interop/gguf_adapter.hpp>

#include "examples/micro.hpp"

namespace {

using octavo::read_file;
using Words = std::vector<std::string>;

std::string row(const std::string& prompt, const std::string& completion) {
  return "{\"prompt\": \"" + prompt + "\", \"completion\": \"" + completion + "\"}\n";
}

/// A base in "g", of GPT-2's kind, whose characters end with a token for documents, and 60 rows.
struct Rows : Sandbox {
  explicit Rows(const std::string& kind = "--gpt2") {
    std::string text, rows;
    for (int i = 0; i < 30; ++i) text += "to be or not\nthat is it\n";
    write_file(*this, "text", text);
    check_error(start(*this, micro(kind + " --documents line --data text --out g")), 0, "");
    for (int i = 0; i < 30; ++i) rows += row("to be ", "or") + row("not ", "to be");
    write_file(*this, "rows.jsonl", rows);
  }

  Words tuning(const std::string& options) const {
    return words_of(
        "train_full --from g/model.safetensors --data rows.jsonl --threads 1 --log-every 0 "
        "--out f " +
        options);
  }
  std::string told(const std::string& options) const {
    const Outcome got = start(*this, tuning(options));
    check_error(got, 0, "");
    return got.out;
  }
  void refused(const Words& words, int status, const std::string& message) const {
    INFO(::told(words));
    const Outcome got = start(*this, words);
    CHECK(got.status == status);
    CHECK(got.err.starts_with(words[0] + ": error: " + message + "\n"));
    CHECK_FALSE(fs::exists(path / "f"));
  }
  void check_contains(const std::string& text, const std::string& part) const {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  }
};

}  // namespace

TEST_CASE("rows: all is chosen, the best model and its adapter stay, held-out rows are answered") {
  const Rows rows;
  const std::string told = rows.told("--lora --epochs 30 --lr 1e-2 --patience 0");
  rows.check_contains(told, "chosen: ");
  rows.check_contains(told, "--sequence 16 --batch ");
  rows.check_contains(told, " rows for training, ");
  rows.check_contains(told, "of them padding; ");
  rows.check_contains(told, "30 epochs; evaluation: ");
  rows.check_contains(told, "\nrows that it was not trained on:\nprompt  ");
  rows.check_contains(told, "\nbefore  ");
  rows.check_contains(told, "\nafter   or\nrow     or\n");
  rows.check_contains(told, "The adapter of f/best.safetensors, for PEFT: f/adapter; ");
  CHECK(fs::exists(rows / "f/adapter/adapter_config.json"));
  const std::string page = read_file(rows / "f/report.html");
  rows.check_contains(page, "Rows that it was not trained on");
  rows.check_contains(page, "<h3>Before</h3>");
  // A text ends where the row did.
  const Outcome answer = start(rows, {"generate", "f/model.safetensors", "--prompt", "to be ",
                                      "--temperature", "0", "--threads", "1"});
  CHECK(answer.out == "to be or\n");
}

TEST_CASE("rows: the adapter on the base writes what the run's model writes") {
  for (const std::string kind : {"--gpt2", "--family llama"}) {
    INFO(kind);
    const Rows rows(kind);
    rows.told("--lora --lora-rank 3 --epochs 8 --lr 3e-2 --patience 0 --eval-every 0");
    const auto loss = [&](const std::string& model) {
      const Outcome got =
          start(rows, words_of("generate " + model + " --score rows.jsonl --json --threads 1"));
      check_error(got, 0, "");
      const std::size_t at = got.out.find("\"loss\": ");
      REQUIRE(at != std::string::npos);
      return std::strtod(got.out.c_str() + at + 8, nullptr);
    };
    const double tuned = loss("f/model.safetensors");
    CHECK(loss("g/model.safetensors") > tuned + 0.1);
    CHECK(loss("g/model.safetensors --lora f/adapter") == doctest::Approx(tuned).epsilon(1e-5));
    check_error(start(rows, words_of("convert f a.gguf --adapter")), 0, "");
    check_error(start(rows, words_of("convert f/model.safetensors p --adapter")), 0, "");
    CHECK(read_file(rows / "p/adapter_model.safetensors") ==
          read_file(rows / "f/adapter/adapter_model.safetensors"));
    CHECK(loss("g/model.safetensors --lora a.gguf") == doctest::Approx(tuned).epsilon(1e-5));
  }
  const Rows rows;
  rows.refused(words_of("convert g/model.safetensors a.gguf --adapter"), 64,
               "extract_adapter: the model has no adapters");
  rows.refused(words_of("convert g/model.safetensors a.safetensors --adapter"), 64,
               "--adapter: expected NAME.gguf, or a folder for PEFT's files");
}

TEST_CASE("rows: an interrupted run, any number of threads and a budget end with the same bytes") {
  const Rows rows;
  const std::string options =
      "--epochs 12 --lr 1e-2 --patience 0 --save-every 7 --keep 99 --lora-dropout 0.1 --lora";
  rows.told(options);
  const std::string model = read_file(rows / "f/model.safetensors");
  for (const std::string other : {"--threads 2", "--threads 3", "--threads 4",
                                  "--memory-budget 100MB", "--micro-batch 1 --recompute"}) {
    INFO(other);
    Words words = rows.tuning(options + " " + other);
    if (other.starts_with("--threads")) {
      words.erase(std::find(words.begin(), words.end(), "--threads"),
                  std::find(words.begin(), words.end(), "--threads") + 2);
    }
    const Outcome got = start(rows, words);
    CHECK(got.status == 0);  // with a warning if there are fewer cores
    CHECK(read_file(rows / "f/model.safetensors") == model);
  }
  const Outcome resumed = start(
      rows, words_of("train_full --resume f/checkpoint-00000014.safetensors --threads 1 --out r"));
  check_error(resumed, 0, "");
  CHECK(read_file(rows / "r/model.safetensors") == model);
  write_file(rows, "rows.jsonl", read_file(rows / "rows.jsonl") + row("not ", "it"));
  rows.check_contains(start(rows, words_of("train_full --resume r --threads 1 --out r")).err,
                      ": the text is another: got ");
}

TEST_CASE("rows: all tokens, long rows, bad rows, own rows for validation, a whole model") {
  const Rows rows;
  write_file(rows, "mixed.jsonl",
             row("to be ", "or") + "{\"text\": \"that is it\"}\nnone\n" +
                 row("to be or not to be ", "that is it that is it"));
  write_file(rows, "val.jsonl", row("not ", "to be"));
  const std::string all =
      "--data mixed.jsonl --val val.jsonl --skip-bad 1 --train-on all --eval-every 1 ";
  const auto tuned = [&](const std::string& options) {
    Words words = rows.tuning(all + options);
    const auto first = std::find(words.begin(), words.end(), "--data");
    words.erase(first, first + 2);
    const Outcome got = start(rows, words);
    CHECK(got.status == 0);
    rows.check_contains(got.err, "warning: 'mixed.jsonl', line 3: it is not JSON from byte ");
    return got.out;
  };
  std::string told = tuned("--sequence 12 3");
  rows.check_contains(told, "3 rows for training, 1 for validation; 1 bad row is skipped\n");
  rows.check_contains(told, "1 row longer than that, up to 40: cut\n");
  rows.check_contains(told, "all of a row");
  rows.check_contains(told, "; evaluation: all 1 packed row every 1 step\n");
  told = tuned("--sequence 12 --long-rows split 3");
  rows.check_contains(told, "1 row longer than that, up to 40: split\n");
  CHECK_FALSE(fs::exists(rows / "f/adapter"));
  check_error(start(rows, words_of("train_full --resume f --new-schedule 5 --threads 1 "
                                   "--log-every 0")),
              0,
              "train_full: warning: 'mixed.jsonl', line 3: it is not JSON from byte 2 on\n  "
              "write each object on one line\n");
}

TEST_CASE("rows: what cannot be trained on is refused before anything is written") {
  const Rows rows;
  write_file(rows, "bad.jsonl", row("to be ", "or") + "{\"prompt\": \"a\"}\n");
  write_file(rows, "chat.jsonl",
             "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
             "\"content\": \"b\"}]}\n");
  const std::string from = "train_full --from g/model.safetensors --threads 1 --out f ";
  rows.refused(words_of(from + "--data bad.jsonl"), 65,
               "'bad.jsonl', line 2: 'completion' is missing");
  rows.refused(words_of(from + "--data chat.jsonl"), 65,
               "'chat.jsonl', line 1: it is a conversation, and the model has no chat template");
  rows.refused(words_of("train_full --data rows.jsonl --out f"), 64,
               "--data: rows for fine-tuning (.jsonl) need --from, the model to fine-tune\n  hint: "
               "name it; or, to train a new model on the file as a text, give it another name");
  rows.refused(words_of(from + "--data rows.jsonl text"), 64,
               "--data: it names rows for fine-tuning (.jsonl) and texts, expected one kind");
  rows.refused(words_of(from + "--data rows.jsonl --documents line"), 64,
               "--documents, --document-end: each row of a .jsonl file is a document");
  rows.refused(words_of(from + "--data rows.jsonl --epochs 2 3"), 64,
               "--epochs: the steps are given by ITERATIONS");
  rows.refused(words_of(from + "--data rows.jsonl --time 1min"), 64,
               "--time: rows for fine-tuning are seen --epochs times");
  rows.refused(words_of(from + "--data text --epochs 2"), 64,
               "--epochs: it needs --data NAME.jsonl");
  rows.refused(words_of(from + "--data text --train-on all"), 64,
               "--train-on: it needs --data NAME.jsonl");
  rows.refused(words_of(from + "--data rows.jsonl --sequence 2"), 65,
               "'rows.jsonl': no answer begins within the first 2 tokens of its row\n  hint: use a "
               "longer sequence");
}

TEST_CASE("rows: a head that is small trains too, and lies in the adapter") {
  const Rows rows("--family llama");
  const auto loss = [&](const std::string& model) {
    const Outcome got =
        start(rows, words_of("generate " + model + " --score rows.jsonl --json --threads 1"));
    check_error(got, 0, "");
    const std::size_t at = got.out.find("\"loss\": ");
    REQUIRE(at != std::string::npos);
    return std::strtod(got.out.c_str() + at + 8, nullptr);
  };
  rows.told("--lora --epochs 8 --patience 0 --eval-every 0");
  const double tuned = loss("f/model.safetensors");
  CHECK(loss("g/model.safetensors --lora f/adapter") == doctest::Approx(tuned).epsilon(1e-5));
  // The adapter of the head needs the base's head.
  fs::rename(rows.path / "g", rows.path / "h");
  rows.check_contains(start(rows, words_of("convert f a.gguf --adapter")).err,
                      "\n  hint: say with --base where ");
  check_error(start(rows, words_of("convert f a.gguf --adapter --base h/model.safetensors")), 0,
              "");
  CHECK(loss("h/model.safetensors --lora a.gguf") == doctest::Approx(tuned).epsilon(1e-5));
  fs::rename(rows.path / "h", rows.path / "g");
  // Frozen it is the base's; with other tensors there is no adapter.
  rows.told("--lora --epochs 8 --patience 0 --eval-every 0 --freeze head.weight");
  CHECK(loss("f/model.safetensors") > tuned);
  const std::string told = rows.told("--lora --lora-train-too norm --epochs 1 --eval-every 0");
  rows.check_contains(told, "No adapter for PEFT is written: ");
  CHECK(start(rows, words_of("convert f a.gguf --adapter")).status == 64);
}

TEST_CASE("rows: a resumed run shows what the model answered before the run") {
  for (const std::string lora : {"--lora ", ""}) {
    INFO(lora);
    const Rows rows;
    const std::string told =
        rows.told(lora + "--epochs 12 --lr 1e-2 --patience 0 --save-every 7 --keep 99");
    const std::size_t from = told.find("\nrows that it was not trained on:\n");
    REQUIRE(from != told.npos);
    const std::string answers = told.substr(from, told.find("\nSaved ") - from);
    rows.check_contains(answers, "\nbefore ");
    for (const std::string out : {"f", "r"}) {
      INFO(out);
      const Outcome resumed =
          start(rows, words_of("train_full --resume f/checkpoint-00000014.safetensors --threads 1 "
                               "--log-every 0 --out " +
                               out));
      check_error(resumed, 0, "");
      rows.check_contains(resumed.out, answers);
      rows.check_contains(read_file(rows / (out + "/report.html")), "<h3>Before</h3>");
      CHECK(read_file(rows / (out + "/answers.tsv")).starts_with("prompt\tanswer\n"));
    }
    // A new run moves them aside (after the resumed one moved later checkpoints); without them
    // nothing is said.
    rows.told(lora + "--epochs 1");
    REQUIRE(fs::remove(rows.path / "f/earlier-2/answers.tsv"));
    const Outcome without =
        start(rows, words_of("train_full --resume f/earlier-2/checkpoint-00000014.safetensors "
                             "--threads 1 --log-every 0 --out q"));
    check_error(without, 0, "");
    rows.check_contains(without.out, "\nafter ");
    CHECK(without.out.find("\nbefore ") == without.out.npos);
  }
}
