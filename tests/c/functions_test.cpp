// SPDX-License-Identifier: MIT
// octavo.h as a program in C uses it.
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <octavo/c/functions.hpp>

#include "files/folder.hpp"

namespace {

const std::string text =
    "The quality of mercy is not strain'd, it droppeth as the gentle rain from heaven upon the "
    "place beneath: it is twice blest; it blesseth him that gives and him that takes.";
const char* const small = "layers=1 width=16 heads=2 ff=32 context=16 batch=2 steps=30 lr=1e-2";

octavo_trainer* train(const std::string& options = "") {
  return octavo_train(text.data(), text.size(), (std::string(small) + " " + options).c_str());
}

int append(void* user, const char* piece, std::size_t bytes) {
  static_cast<std::string*>(user)->append(piece, bytes);
  return 0;
}

std::string generate(octavo_model* model, const char* options) {
  std::string written;
  CHECK(octavo_generate(model, "The ", options, append, &written) == 0);
  return written;
}

void check_error(const std::string& expected) { CHECK(octavo_error() == expected); }

}  // namespace

TEST_CASE("train, evaluate, generate, save, load") {
  CHECK(std::string(octavo_version()) == octavo::version_string);
  octavo_trainer* trainer = train();
  REQUIRE(trainer != nullptr);
  CHECK(octavo_planned_bytes(trainer) > 50'000);
  double first = 0, loss = 0, before = 0, after = 0;
  CHECK(octavo_evaluate(trainer, &before) == 0);
  CHECK(octavo_step(trainer, &first) == 0);
  for (int i = 1; i < 30; ++i) CHECK(octavo_step(trainer, i % 2 == 0 ? nullptr : &loss) == 0);
  CHECK(loss < first);
  CHECK(octavo_evaluate(trainer, &after) == 0);
  CHECK(after < before);
  CHECK(octavo_steps_done(trainer) == 30);
  CHECK(octavo_step(trainer, &loss) == 64);
  check_error("all 30 steps are done");

  octavo_model* model = octavo_model_of(trainer);
  octavo_free_trainer(trainer);  // which the model does not need
  REQUIRE(model != nullptr);
  const std::string written = generate(model, "tokens=20 temperature=0");
  CHECK(written.size() == 20);
  CHECK(generate(model, "tokens=20 seed=3") == generate(model, "tokens=20 seed=3"));
  double score = 0;
  CHECK(octavo_score(model, text.data(), text.size(), &score) == 0);
  CHECK(score < first);

  const Folder folder;
  const std::string path = folder / "model.safetensors";
  CHECK(octavo_save(model, path.c_str()) == 0);
  octavo_model* again = octavo_load(path.c_str(), "threads=1");
  REQUIRE(again != nullptr);
  CHECK(octavo_parameter_count(again) == octavo_parameter_count(model));
  CHECK(octavo_vocabulary_size(again) == octavo_vocabulary_size(model));
  CHECK(octavo_context(again) == 16);
  CHECK(generate(again, "tokens=20 temperature=0") == written);
  double same = 0;
  CHECK(octavo_score(again, text.data(), text.size(), &same) == 0);
  CHECK(same == score);
  octavo_free_model(again);
  octavo_free_model(model);
  octavo_free_model(nullptr);
  octavo_free_trainer(nullptr);
}

TEST_CASE("a resumed run continues bit for bit") {
  const Folder folder;
  const std::string path = folder / "checkpoint.safetensors";
  octavo_trainer* whole = train("dropout=0.1");
  REQUIRE(whole != nullptr);
  double expected = 0, loss = 0;
  for (int i = 0; i < 20; ++i) octavo_step(whole, &expected);
  octavo_trainer* part = train("dropout=0.1 threads=2");
  for (int i = 0; i < 10; ++i) octavo_step(part, nullptr);
  CHECK(octavo_save_checkpoint(part, path.c_str()) == 0);
  octavo_free_trainer(part);
  octavo_trainer* resumed = train("dropout=0.1");
  CHECK(octavo_resume(resumed, path.c_str()) == 0);
  CHECK(octavo_steps_done(resumed) == 10);
  for (int i = 0; i < 10; ++i) octavo_step(resumed, &loss);
  CHECK(loss == expected);

  const std::string other = text + "!";
  octavo_trainer* elsewhere = octavo_train(other.data(), other.size(), small);
  CHECK(octavo_resume(elsewhere, path.c_str()) == 64);
  CHECK(std::string(octavo_error()).ends_with("is of a run on another text"));
  CHECK(octavo_resume(elsewhere, (folder / "none").c_str()) == 66);
  octavo_free_trainer(elsewhere);
  octavo_free_trainer(resumed);
  octavo_free_trainer(whole);
}

TEST_CASE("a model is trained further, from a file or from memory, with and without adapters") {
  octavo_trainer* trainer = train();
  for (int i = 0; i < 30; ++i) octavo_step(trainer, nullptr);
  octavo_model* in_memory = octavo_model_of(trainer);
  const Folder folder;
  const std::string path = folder / "model.safetensors";
  REQUIRE(octavo_save(in_memory, path.c_str()) == 0);
  octavo_model* of_file = octavo_load(path.c_str(), nullptr);
  for (const std::string options : {"", "lora-rank=2"}) {
    INFO(options);
    double losses[2] = {};
    for (int i = 0; i < 2; ++i) {
      octavo_trainer* further =
          octavo_fine_tune(i == 0 ? in_memory : of_file, text.data(), text.size(),
                           (options + " steps=3 batch=2 lr=1e-3").c_str());
      REQUIRE(further != nullptr);
      for (int step = 0; step < 3; ++step) octavo_step(further, &losses[i]);
      octavo_model* result = octavo_model_of(further);
      CHECK(generate(result, "tokens=5").size() == 5);
      octavo_free_model(result);
      octavo_free_trainer(further);
    }
    CHECK(losses[0] == losses[1]);
    CHECK(losses[0] < 3);
  }
  octavo_trainer* with_adapters =
      octavo_fine_tune(in_memory, text.data(), text.size(), "lora-rank=4");
  octavo_model* adapted = octavo_model_of(with_adapters);
  for (const std::string rank : {"0", "2", "8"}) {
    CHECK(octavo_fine_tune(adapted, text.data(), text.size(), ("lora-rank=" + rank).c_str()) ==
          nullptr);
    CHECK(std::string(octavo_error()).starts_with("read_base: the model has "));
  }
  octavo_trainer* further = octavo_fine_tune(adapted, text.data(), text.size(), "");
  CHECK(further != nullptr);
  octavo_free_trainer(further);
  octavo_free_model(adapted);
  octavo_free_trainer(with_adapters);
  CHECK(octavo_fine_tune(in_memory, text.data(), text.size(), "layers=2") == nullptr);
  check_error(
      "options: there is no 'layers' here (see octavo.h and train_full --help; write NAME=VALUE "
      "without dashes)");
  octavo_free_model(of_file);
  octavo_free_model(in_memory);
  octavo_free_trainer(trainer);
}

TEST_CASE("what C gets wrong is an error with a reason") {
  CHECK(octavo_load(nullptr, nullptr) == nullptr);
  check_error("path: got NULL, expected one that exists");
  CHECK(octavo_load("/nowhere", nullptr) == nullptr);
  CHECK(std::string(octavo_error()).find("/nowhere") != std::string::npos);
  CHECK(octavo_save(nullptr, "x") == 64);
  check_error("model: got NULL, expected one that exists");
  CHECK(octavo_step(nullptr, nullptr) == 64);
  check_error("trainer: got NULL, expected one that exists");
  for (const auto function : {octavo_parameter_count, octavo_vocabulary_size, octavo_context}) {
    CHECK(function(nullptr) == -1);
    check_error("model: got NULL, expected one that exists");
  }
  for (const auto function : {octavo_planned_bytes, octavo_steps_done}) {
    CHECK(function(nullptr) == -1);
    check_error("trainer: got NULL, expected one that exists");
  }
  for (const char* option : {"diloco=4", "zero=1", "outer-lr=1", "patience=3", "eval-every=5",
                             "vocabulary=7", "vocab=300", "stored_base"}) {
    CHECK(train(option) == nullptr);
    CHECK(std::string(octavo_error()).starts_with("options: there is no '"));
  }
  CHECK(octavo_train(nullptr, 5, nullptr) == nullptr);
  check_error("text: got NULL, expected one that exists");
  CHECK(octavo_train("", 0, small) == nullptr);
  CHECK(std::string(octavo_error()) != "");
  CHECK(octavo_train("abc", 3, small) == nullptr);
  CHECK(train("threads=-1") == nullptr);
  check_error("option threads is -1, expected 0 to 1024");
  CHECK(train("beta1=2") == nullptr);
  check_error("option beta1 is 2, expected 0 to less than 1");
  CHECK(train("optimizer=sgd beta1=0.5") == nullptr);
  octavo_trainer* trainer = train("validation=0");
  double loss = 0;
  CHECK(octavo_evaluate(trainer, &loss) == 65);
  CHECK(octavo_evaluate(trainer, nullptr) == 64);
  octavo_model* model = octavo_model_of(trainer);
  std::string written;
  CHECK(octavo_generate(model, "The", "", nullptr, nullptr) == 64);
  CHECK(octavo_generate(model, "The #", "", append, &written) == 65);
  CHECK(octavo_generate(model, "", "", append, &written) != 0);
  CHECK(octavo_generate(model, "The", "top-p=2", append, &written) == 64);
  CHECK(octavo_generate(model, "The", "steps=2", append, &written) == 64);
  CHECK(octavo_score(model, "T", 1, &loss) == 65);
  CHECK(octavo_save(model, "/nowhere/model") != 0);
  octavo_free_model(model);
  octavo_free_trainer(trainer);
}

TEST_CASE("the function that gets the text may not call its model") {
  octavo_trainer* trainer = train();
  octavo_model* model = octavo_model_of(trainer);
  const auto again = [](void* user, const char*, std::size_t) {
    auto* const inner = static_cast<octavo_model*>(user);
    std::string written;
    double loss = 0;
    CHECK(octavo_generate(inner, "The", "", append, &written) == 64);
    CHECK(octavo_score(inner, text.data(), text.size(), &loss) == 64);
    return 1;
  };
  CHECK(octavo_generate(model, "The ", "tokens=50", again, model) == 0);
  CHECK(generate(model, "tokens=5").size() == 5);
  octavo_free_model(model);
  octavo_free_trainer(trainer);
}

TEST_CASE("the function that gets the text may end it") {
  octavo_trainer* trainer = train();
  octavo_model* model = octavo_model_of(trainer);
  int pieces = 0;
  const auto count = [](void* user, const char*, std::size_t) {
    return ++*static_cast<int*>(user) == 3 ? 1 : 0;
  };
  CHECK(octavo_generate(model, "The ", "tokens=50", count, &pieces) == 0);
  CHECK(pieces == 3);
  octavo_free_model(model);
  octavo_free_trainer(trainer);
}
