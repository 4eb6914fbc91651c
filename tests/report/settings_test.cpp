// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/settings.hpp>

using namespace octavo;

namespace {

/// The value of a setting; empty if there is none.
std::string value_of(const std::vector<ReportSetting>& settings, const std::string& name) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const ReportSetting& one) { return one.name == name; });
  return found == settings.end() ? "" : found->value;
}

}  // namespace

TEST_CASE("settings: those of a model") {
  const SettingGroup group =
      setting_group(ModelConfig{.vocabulary = 50257,
                                .context = 1024,
                                .layers = 2,
                                .width = 64,
                                .attention = {.heads = 4},
                                .feed_forward = {.d_ff = 256, .activation = Activation::gelu_tanh},
                                .head = {.tied = false}});
  CHECK(group.name == "Model");
  CHECK(value_of(group.settings, "layers") == "2");
  CHECK(value_of(group.settings, "heads") == "4");
  CHECK(value_of(group.settings, "width") == "64");
  CHECK(value_of(group.settings, "ff") == "256");
  CHECK(value_of(group.settings, "context") == "1,024");
  CHECK(value_of(group.settings, "vocabulary") == "50,257");
  CHECK(value_of(group.settings, "activation") == "gelu-tanh");
  CHECK(value_of(group.settings, "norm-bias") == "yes");
  CHECK(value_of(group.settings, "tied") == "no");
}

TEST_CASE("settings: the options of a run, with the settings of the optimizer") {
  TrainingOptions options;
  options.steps = 20'000;
  options.batch = 3;
  options.accumulate = 2;
  options.sequence = 128;
  options.dropout = 0.1;
  options.seed = 7;
  options.evaluation_tokens = 0;
  const SettingGroup group = setting_group(options);
  CHECK(group.name == "Training");
  CHECK(value_of(group.settings, "steps") == "20,000");
  CHECK(value_of(group.settings, "batch") == "3");
  CHECK(value_of(group.settings, "sequence") == "128");
  CHECK(value_of(group.settings, "dropout") == "0.1");
  CHECK(value_of(group.settings, "seed") == "7");
  CHECK(value_of(group.settings, "eval-tokens") == "all");
  CHECK(value_of(group.settings, "optimizer") == name_of(options.optimizer));
  CHECK(group.settings.size() > 20);
  const std::vector<ReportSetting> settings = main_settings(options);
  CHECK(value_of(settings, "batch") == "6 \u00d7 128 tokens");
  CHECK(value_of(settings, "seed") == "7");
  const std::size_t shown = settings.size();
  options.ema = 0.999;
  CHECK(value_of(setting_group(options).settings, "ema") == "0.999");
  CHECK(value_of(main_settings(options), "weight average") == "0.999");
  CHECK(main_settings(options).size() == shown + 1);
}

TEST_CASE("settings: the machine of a run") {
  ThreadPool threads(2);
  const SettingGroup group = machine_settings(threads);
  CHECK(group.name == "Machine");
  CHECK(value_of(group.settings, "threads") == "2");
  CHECK(value_of(group.settings, "instruction set") == name_of(isa_in_use()));
  CHECK(value_of(group.settings, "version").starts_with("octavo "));
}
