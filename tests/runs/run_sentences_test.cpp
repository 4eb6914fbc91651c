// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/runs/run_sentences.hpp>

using octavo::TrainingOptions;

TEST_CASE("a run in lines: steps, passes over the text, evaluations") {
  TrainingOptions run{.steps = 2000, .sequence = 32, .learning_rate = 3e-3};
  CHECK(describe_steps(run) ==
        "2000 steps of 1 x 32 tokens, lr 0.003 to 0.0003, warm-up 100, adamw");
  CHECK(describe_passes(run, 640) == "64000 tokens: the text is seen 100 times");
  CHECK(describe_passes(run, 640'000) == "0.1 of the text will be seen: 64000 of 640000 tokens");
  CHECK(describe_evaluations(run, 500) == "evaluation: only at the end");
  run.accumulate = 4;
  run.batch = 2;
  CHECK(describe_steps(run) ==
        "2000 steps of 2 x 4 x 32 tokens, lr 0.003 to 0.0003, warm-up 100, adamw");
  run.ema = 0.999;
  CHECK(describe_steps(run) ==
        "2000 steps of 2 x 4 x 32 tokens, lr 0.003 to 0.0003, warm-up 100, adamw, ema 0.999");
  run.evaluate_every = 100;
  CHECK(describe_evaluations(run, 768) ==
        "evaluation: all 768 tokens every 100 steps, 0.01 of the training's arithmetic");
  run.evaluation_tokens = 320;
  CHECK(describe_evaluations(run, 7680) ==
        "evaluation: 320 tokens every 100 steps, 0.0042 of the training's arithmetic; all at the "
        "end");
}
