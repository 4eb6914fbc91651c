// SPDX-License-Identifier: MIT
// train_full --data NAME.jsonl on conversations, from a model with a chat template to a chat.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>

#include "examples/chat_folder.hpp"

namespace {

using octavo::read_file;

std::string messages(const std::string& question, const std::string& answer) {
  return "{\"messages\": [{\"role\": \"user\", \"content\": \"" + question +
         "\"}, {\"role\": \"assistant\", \"content\": \"" + answer + "\"}]}\n";
}

/// The model in "chat", and 40 conversations.
struct Conversations : ChatFolder {
  Conversations() {
    std::string rows;
    for (int i = 0; i < 20; ++i) rows += messages("Hi", "yo") + messages("Who?", "me");
    write_file(*this, "rows.jsonl", rows);
  }

  std::string told(const std::string& line, const Start& how = {}) const {
    INFO(line);
    const Outcome got = start(*this, words_of(line), how);
    check_error(got, 0, "");
    return got.out;
  }
  std::string tuned(const std::string& options) const {
    return told(
        "train_full --from chat --data rows.jsonl --lora --train-on answers --threads 1 "
        "--log-every 0 --out f " +
        options);
  }
  double loss(const std::string& model, const std::string& rows = "rows.jsonl") const {
    const std::string out = told("generate " + model + " --score " + rows + " --json --threads 1");
    const std::size_t at = out.find("\"loss\": ");
    REQUIRE(at != std::string::npos);
    return std::strtod(out.c_str() + at + 8, nullptr);
  }
};

/// The validation losses that a run told, of which those marked are the best so far.
struct Losses {
  std::vector<double> all, best;

  explicit Losses(const std::string& told) {
    const std::string name = "validation loss ";
    for (std::size_t at = 0; (at = told.find(name, at)) != told.npos;) {
      at += name.size();
      all.push_back(std::strtod(told.c_str() + at, nullptr));
      const std::string line = told.substr(at, told.find('\n', at) - at);
      if (line.find("best so far") != line.npos) best.push_back(all.back());
    }
  }
};

}  // namespace

TEST_CASE("messages: adapters learn the answers, which --chat gives and --score counts") {
  const Conversations chat;
  const std::string told = chat.tuned("--epochs 60 --lr 2e-2 --patience 0 --eval-every 0");
  INFO(told);
  CHECK(told.find("40 rows") == told.npos);  // a tenth is for validation
  CHECK(told.find(" tokens count, those of answers") != told.npos);
  CHECK(told.find("\nafter   me\nrow     me\n") != told.npos);
  // The base's table is random, and its last norm nearly flattens what it says.
  CHECK(chat.loss("f/model.safetensors") < chat.loss("chat") - 1);
  const std::string generate = " --chat --threads 1 --tokens 6 --temperature 0";
  CHECK(chat.told("generate f/model.safetensors" + generate, {.input = "Hi\n"}) == "yo\n");
  CHECK(chat.told("generate f" + generate, {.input = "Who?\n"}) == "me\n");
  CHECK(chat.told("generate chat --lora f/adapter" + generate, {.input = "Hi\n"}) == "yo\n");
}

TEST_CASE("messages: the run ends without a better evaluation, and the best one's adapter stays") {
  const Conversations chat;
  // At first answers are learned at all, later those of the rows for training alone.
  write_file(chat, "val.jsonl", messages("Hi", "oy") + messages("Who?", "em"));
  const std::string told =
      chat.tuned("--val val.jsonl --epochs 200 --lr 2e-2 --eval-every 2 --patience 3");
  INFO(told);
  CHECK(told.find("stopped at step ") != told.npos);
  const Losses losses(told);
  REQUIRE(losses.all.size() > 4);
  const double best = *std::min_element(losses.all.begin(), losses.all.end());
  CHECK(losses.best.back() == best);
  CHECK(losses.all[losses.all.size() - 4] == best);
  CHECK(chat.loss("f/best.safetensors", "val.jsonl") == doctest::Approx(best).epsilon(1e-3));
  CHECK(chat.loss("f/model.safetensors", "val.jsonl") > best + 0.01);
  CHECK(chat.loss("chat --lora f/adapter", "val.jsonl") == doctest::Approx(best).epsilon(1e-3));
  chat.told("convert f/best.safetensors p --adapter");
  CHECK(read_file(chat / "p/adapter_model.safetensors") ==
        read_file(chat / "f/adapter/adapter_model.safetensors"));
}
