// SPDX-License-Identifier: MIT
// Options, state and corpus of a run go out and come back.
#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"
#include "formats/file_bytes.hpp"

using namespace octavo;
using octavo_test::SavedRun;

namespace {

/// Calls read(metadata) with what `write` (metadata) has written.
template <typename Write, typename Read>
auto through_file(Write write, Read read) {
  MetadataWriter writer;
  write(writer);
  std::string header = R"({"__metadata__":{"":"")";
  for (const auto& [key, value] : writer.entries()) header += ",\"" + key + "\":\"" + value + '"';
  const std::string bytes = octavo_test::safetensors_bytes(header + "}}");
  const MemorySource source = octavo_test::source_named_x(bytes);
  const SafetensorsReader file(source);
  return read(MetadataReader(file));
}

}  // namespace

TEST_CASE("every option that changes what is computed comes back") {
  TrainingOptions options;
  options.steps = 12;
  options.batch = 3;
  options.sequence = 2;
  options.accumulate = 5;
  options.learning_rate = 0.1;
  options.min_lr = 0.01;
  options.warmup = 7;
  options.schedule = LearningRateSchedule::Shape::linear;
  options.optimizer = Lion{.beta1 = 0.8, .weight_decay = 0.3};
  options.ema = 0.995;
  options.leaves = 5;
  options.clip = 0.5;
  options.dropout = 0.25;
  options.seed = ~0ULL;
  options.evaluate_every = 4;
  options.evaluation_tokens = 99;
  options.patience = 6;
  options.stop_at_spike = true;
  options.fused_update = true;
  options.freeze = "attn, wte";
  options.train_last = 1;
  options.stored_base = true;
  options.zero_init = true;
  options.cooldown = 0.25;
  const TrainingOptions back = through_file(
      [&](MetadataWriter& metadata) { for_each_field(options, detail::FieldWriter{metadata}); },
      [](const MetadataReader& metadata) {
        return detail::read_options(metadata, octavo_test::full_shape, builtin_optimizers<>);
      });
  CHECK(back.steps == 12);
  CHECK(back.batch == 3);
  CHECK(back.sequence == 2);
  CHECK(back.accumulate == 5);
  CHECK(back.learning_rate == 0.1);
  CHECK(back.min_lr == 0.01);
  CHECK(back.warmup == 7);
  CHECK(back.schedule == LearningRateSchedule::Shape::linear);
  CHECK(back.optimizer == AnyOptimizer(Lion{.beta1 = 0.8, .weight_decay = 0.3}));
  CHECK(back.ema == 0.995);
  CHECK(back.leaves == 5);
  CHECK(back.clip == 0.5);
  CHECK(back.dropout == 0.25);
  CHECK(back.seed == ~0ULL);
  CHECK(back.evaluate_every == 4);
  CHECK(back.evaluation_tokens == 99);
  CHECK(back.patience == 6);
  CHECK(back.stop_at_spike);
  CHECK(back.fused_update);
  CHECK(back.freeze == NamePatterns("attn, wte"));
  CHECK(back.train_last == 1);
  CHECK(back.stored_base);
  CHECK(back.zero_init);
  CHECK(back.cooldown == 0.25);
}

TEST_CASE("an option that could not be read again is not written") {
  const auto refused = [](auto change) {
    TrainingOptions options;
    change(options);
    MetadataWriter metadata;
    for_each_field(options, detail::FieldWriter{metadata});
  };
  CHECK_THROWS_WITH_AS(refused([](auto& options) { options.batch = 0; }),
                       "cannot save a run whose batch is out of range", ConfigError);
  CHECK_THROWS_WITH_AS(refused([](auto& options) { options.dropout = 1; }),
                       "cannot save a run whose dropout is out of range", ConfigError);
  CHECK_THROWS_AS(
      refused([](auto& options) { options.clip = std::numeric_limits<double>::quiet_NaN(); }),
      ConfigError);
}

TEST_CASE("the state of a run comes back, infinite losses too") {
  RunState state;
  for (const bool evaluated : {false, true}) {
    for (int i = 0; i < 3; ++i) state.observe_loss(5.0 - 0.1 * i);
    if (evaluated) state.observe_validation(0.1);
    state.lr_scale = 0.5;
    CHECK(through_file([&](MetadataWriter& metadata) { detail::write_state(metadata, state); },
                       detail::read_state) == state);
  }
}

TEST_CASE("the identity of a text comes back, and does not depend on its name") {
  const auto back = [](const CorpusIdentity& corpus) {
    return through_file([&](MetadataWriter& metadata) { detail::write_corpus(metadata, corpus); },
                        detail::read_corpus);
  };
  const CorpusIdentity plain{"text\xff", 12, "abcd"};
  CHECK(back(plain).name == plain.name);
  CHECK(back(plain).same_text(plain));
  const CorpusIdentity full{"text", 12, "abcd", "a line each", "other", 3, "ef"};
  CHECK(back(full).documents == "a line each");
  CHECK(back(full).validation_name == "other");
  CHECK(back(full).same_text(full));
  CHECK_FALSE(full.same_text(plain));
  CorpusIdentity renamed = full;
  renamed.name = renamed.validation_name = "elsewhere";
  CHECK(renamed.same_text(full));
  renamed.validation_hash = "0";
  CHECK_FALSE(renamed.same_text(full));
  CHECK_THROWS_AS(back({std::string(most_corpus_name_bytes + 1, 'x'), 1, "a"}), ConfigError);
}

TEST_CASE("learning-rate factors that are not 1 come back by name") {
  ParameterTable table;
  for (const char* name : {"a", "b", "c"}) {
    table.add(ParameterPath() / name, 0, 1, InitialValue::zeros);
  }
  ParameterList list;
  list.append("", table);
  CHECK(list.set_learning_rate_factor("a", 0) == 1);
  CHECK(list.set_learning_rate_factor("c", 0.1) == 1);
  CHECK(through_file([&](MetadataWriter& metadata) { detail::write_factors(metadata, list); },
                     detail::read_factors) == std::map<std::string, double>{{"a", 0}, {"c", 0.1}});
}

TEST_CASE("what a run may be is what can be saved of it") {
  SavedRun run;
  const auto saved = [&](auto change) {
    TrainingOptions options = run.saved.options();
    change(options);
    return octavo_test::checkpoint_bytes(
        Trainer<float>(octavo_test::full_shape, options, run.threads));
  };
  const auto info = [](const std::string& bytes) {
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    return CheckpointFile(source).info();
  };
  CHECK(info(saved([](auto& options) { options.seed = ~0ULL; })).options.seed == ~0ULL);
  CHECK(info(saved([](auto& options) { options.min_lr = -5; })).options.min_lr == -5);
  CHECK_THROWS_WITH_AS(saved([](auto& options) { options.optimizer = AdamW{.beta1 = 1}; }),
                       "adamw: beta1 is 1, expected 0 to less than 1", ConfigError);
}
