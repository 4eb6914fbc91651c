// SPDX-License-Identifier: MIT
// Programs whose allocations are refused, one after the other: a clean message and status 71.
#if defined(OCTAVO_STARVED_PROGRAMS)
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "examples/sandbox.hpp"

namespace {

/// Refuses allocation 1, 1 + stride, ... of a program until there are no more; how many there were.
int starve(const Sandbox& sandbox, const std::string& command, const std::string& later,
           int stride) {
  int refused = 0;
  for (int number = later.empty() ? 1 : 2;; number += stride) {
    const Result result = sandbox.run("../tests/starved_" + command,
                                      "OCTAVO_REFUSE=" + std::to_string(number) + later);
    if (result.output.find("heap: refused\n") == std::string::npos) return refused;
    ++refused;
    INFO("allocation ", number, later, ":\n", result.output);
    // The C library does without some: a buffer for its output, say.
    const bool clean = result.status == 71 && result.output.find("error: ") != std::string::npos &&
                       result.output.find("hint: ") != std::string::npos;
    const bool survived = result.status == 0;
    CHECK((clean || survived));
    if (!clean && !survived) return refused;
  }
}

}  // namespace

TEST_CASE("every allocation of a program can fail: a clean message, status 71, nothing lost") {
  // All of them in the slow tier.
  const char* const every = std::getenv("OCTAVO_EVERY_ALLOCATION");
  const int stride = every == nullptr ? 29 : 1;
  const Sandbox sandbox;
  const std::string train = "train_full --tiny 2 --threads 2 --out o";
  sandbox.run("train_full --tiny 2 --gpt2 --out g");
  sandbox.run("convert g/model.safetensors g.gguf");
  sandbox.run("convert g.gguf h");
  for (const char* later : {"", "+"}) {
    CHECK(starve(sandbox, train, later, stride) * stride > 1000);
    CHECK(starve(sandbox, "generate o/model.safetensors --tokens 3", later, stride) * stride > 500);
    CHECK(starve(sandbox, "train_full --tiny 2 --out o --resume", later, stride) * stride > 1000);
    CHECK(starve(sandbox, "convert g/model.safetensors g.gguf", later, stride) * stride > 500);
    CHECK(starve(sandbox, "convert g.gguf h", later, stride) * stride > 500);
    CHECK(starve(sandbox, "convert h k --type bf16", later, stride) * stride > 500);
  }
}
#endif
