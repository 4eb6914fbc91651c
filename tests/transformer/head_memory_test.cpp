// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/transformer/head_memory.hpp>

using namespace octavo;

namespace {

constexpr ModelConfig config{.vocabulary = 1000, .context = 8, .width = 16};

std::string requests(const ModelConfig& of, const PassShape& pass) {
  MemoryPlan plan;
  const HeadMemory<float> memory(plan, pass, of);
  std::string all;
  for (int i = 0; i < plan.size(); ++i) {
    const MemoryRequest& request = plan.request(i);
    all += std::string(request.name) + " " + std::to_string(request.bytes) + " " +
           std::to_string(request.lifetime.first) + "-" + std::to_string(request.lifetime.last) +
           "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("the head's memory lives while the head runs, or until the table's gradient is there") {
  ModelConfig tied = config;
  tied.head.tied = true;
  PassShape pass{.sequences = 2, .sequence = 8, .passes_in_flight = 3};
  const std::string whole = "input 1024 3-3\ninput gradient 1024 3-3\n";
  CHECK(requests(config, pass) == whole);
  CHECK(requests(tied, pass) == whole);
  pass.table_rows = 512;
  const auto kept = [](int first, int last, int rows) {
    const std::string life = std::to_string(first) + "-" + std::to_string(last) + "\n";
    return "input " + std::to_string(rows * 64) + " " + life + "input gradient 1024 3-3\n" +
           "largest logits " + std::to_string(rows * 4) + " " + life + "softmax factors " +
           std::to_string(rows * 4) + " " + life;
  };
  CHECK(requests(config, pass) == kept(0, 3, 48));
  CHECK(requests(tied, pass) == kept(0, 6, 48) + "logits of table rows 98304 6-6\n");
  pass.passes_in_flight = 1;
  CHECK(requests(config, pass) == kept(3, 3, 16));
  CHECK(requests(tied, pass) == kept(0, 6, 16) + "logits of table rows 32768 6-6\n");
  pass.training = false;
  CHECK(requests(tied, pass) == "input 1024 3-3\n");
}
