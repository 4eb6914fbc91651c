// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/runs/changed_settings.hpp>

namespace {

const octavo::CheckpointInfo before{{.vocabulary = 35,
                                     .context = 8,
                                     .layers = 1,
                                     .width = 8,
                                     .attention = {.heads = 2},
                                     .feed_forward = {.d_ff = 8}},
                                    "",
                                    {.steps = 100, .sequence = 8},
                                    {},
                                    octavo::ByteTokenizer(),
                                    {},
                                    {},
                                    false,
                                    {}};

/// "name before after" of each setting that is changed.
std::vector<std::string> changed(const octavo::ModelConfig& config,
                                 const octavo::TrainingOptions& options, bool wide = false) {
  std::vector<std::string> lines;
  for (const auto& one : changed_settings(before, config, options, wide)) {
    lines.push_back(one.name + " " + one.before + " " + one.after);
  }
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the settings in which a run would differ from the one that was saved") {
  CHECK(changed(before.config, before.options).empty());
  octavo::TrainingOptions options = before.options;
  options.micro_batch = 4;
  options.recompute = true;
  CHECK(changed(before.config, options).empty());  // the same bits
  options.steps = 200;
  options.seed = 7;
  CHECK(changed(before.config, options) == Lines{"seed 1 7", "steps 100 200"});
  octavo::ModelConfig config = before.config;
  config.layers = 3;
  CHECK(changed(config, before.options, true) == Lines{"layers 1 3", "scalar float double"});
  options = before.options;
  options.optimizer = octavo::Sgd{};
  const Lines sgd = changed(before.config, options);
  CHECK(sgd.front() == "optimizer adamw sgd");
  CHECK(std::find(sgd.begin(), sgd.end(), "optimizer.beta2 0.99 ") != sgd.end());
}
