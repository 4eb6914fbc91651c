// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/c/option_text.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/model_config.hpp>

using namespace octavo;

namespace {

void check_refused(const std::string& text, const std::string& message) {
  INFO(text);
  const auto read = [&] {
    OptionText options(text);
    ModelConfig config;
    TrainingOptions training;
    options.apply(config);
    options.apply(training);
    options.read("optimizer", training.optimizer);
    options.require_all_known();
  };
  CHECK_THROWS_WITH_AS(read(), message.c_str(), ConfigError);
}

}  // namespace

TEST_CASE("fields of every kind are set by their options' or files' names") {
  OptionText options(
      "layers=3 width=48\tff=96\n tied activation=gelu-tanh  lr=2.5e-3 seed=7 "
      "freeze=norm,qkv optimizer=lion schedule=linear fused-update=no clip=0 "
      "minimum_learning_rate=1e-5 ");
  ModelConfig config;
  TrainingOptions training;
  training.fused_update = true;
  options.apply(config);
  options.apply(training);
  options.read("optimizer", training.optimizer);
  CHECK_NOTHROW(options.require_all_known());
  CHECK(config.layers == 3);
  CHECK(config.width == 48);
  CHECK(config.feed_forward.d_ff == 96);
  CHECK(config.head.tied);
  CHECK(config.feed_forward.activation == Activation::gelu_tanh);
  CHECK(training.learning_rate == 2.5e-3);
  CHECK(training.min_lr == 1e-5);
  CHECK(training.seed == 7);
  CHECK(training.freeze == NamePatterns("norm,qkv"));
  CHECK(name_of(training.optimizer) == "lion");
  CHECK(training.schedule == LearningRateSchedule::Shape::linear);
  CHECK_FALSE(training.fused_update);
  CHECK(training.clip == 0);
  CHECK(training.batch == TrainingOptions{}.batch);
}

TEST_CASE("fields that are not for these texts") {
  for (const char* text : {"vocabulary=7", "steps=5", "stored_base", "patience=2", "clip=2"}) {
    INFO(text);
    OptionText options(text);
    ModelConfig config;
    TrainingOptions training;
    constexpr std::string_view others[] = {"clip"};
    options.apply(config);
    options.apply(training, others);
    CHECK_THROWS_AS(options.require_all_known(), ConfigError);
  }
}

TEST_CASE("no options") {
  for (const char* text : {"", " ", "\n\t "}) {
    OptionText options(text);
    ModelConfig config;
    options.apply(config);
    CHECK(config == ModelConfig{});
    CHECK_NOTHROW(options.require_all_known());
  }
}

TEST_CASE("single options") {
  OptionText options("tokens=12 top-p=0.5 empty=");
  Index tokens = 3, other = 4;
  double top_p = 1;
  options.read("tokens", tokens, count_range);
  options.read("other", other, count_range);
  options.read("top-p", top_p, unit_range);
  CHECK(tokens == 12);
  CHECK(other == 4);
  CHECK(top_p == 0.5);
  CHECK(options.has("empty"));
  CHECK_FALSE(options.has("none"));
  CHECK_NOTHROW(options.require_all_known());
}

TEST_CASE("what is not valid is refused by name") {
  check_refused("layerz=2", "options: there is no 'layerz' here");
  check_refused("--layers=2", "options: there is no '--layers' here");
  check_refused("layers=2 layers=2", "options: 'layers' is there twice");
  check_refused("layers=two", "option layers: got 'two', expected a number");
  check_refused("layers", "option layers: got no value, expected a number");
  check_refused("layers=", "option layers: got '', expected a number");
  check_refused("layers=2.5", "option layers: got '2.5', expected a number");
  check_refused("layers=0", "option layers is 0, expected 1 to 10000");
  check_refused("layers=99999999999999999999",
                "option layers: got '99999999999999999999', expected a number");
  check_refused("lr=nan", "option lr is nan, expected a finite number > 0");
  check_refused("lr=0", "option lr is 0, expected a finite number > 0");
  check_refused("seed=-1", "option seed: got '-1', expected a number");
  check_refused("tied=maybe", "option tied: got 'maybe', expected yes or no");
  check_refused("freeze=", "option freeze: got '', expected a pattern");
  check_refused("optimizer=best",
                "option optimizer: got 'best', expected adamw, adamw-8bit, adam, lion, muon, sgd");
  check_refused("schedule",
                "option schedule: got no value, expected constant, linear, cosine, wsd");
  check_refused("=", "options: there is no '' here");
}
