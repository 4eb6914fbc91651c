// SPDX-License-Identifier: MIT
#include <array>
#include <string>
#include <type_traits>

#include <doctest/doctest.h>

#include <octavo/optimizers/optimizer_list.hpp>

#include "adagrad.hpp"

using namespace octavo;
using octavo_test::Adagrad;

TEST_CASE("optimizers are found by name, the caller's own too") {
  std::string names;
  for (const AnyOptimizer& one : builtin_optimizers<>) names += std::string(name_of(one)) + ' ';
  CHECK(names == "adamw adamw-8bit adam lion muon sgd ");
  CHECK(find_optimizer("lion", builtin_optimizers<>) == AnyOptimizer(Lion{}));
  for (const char* name : {"", "AdamW", "adamw ", "adagrad"}) {
    CHECK_FALSE(find_optimizer(name, builtin_optimizers<>).has_value());
  }
  static constexpr auto known = known_optimizers(Adagrad{.epsilon = 1e-6});
  CHECK(find_optimizer("adagrad", known) == AnyOptimizer(Adagrad{.epsilon = 1e-6}));
  CHECK(find_optimizer("sgd", known) == AnyOptimizer(Sgd{}));
  static_assert(
      !std::is_constructible_v<OptimizerList, std::array<AnyOptimizer, 7>>);  // gone at once
  static_assert(std::is_constructible_v<OptimizerList, const std::array<AnyOptimizer, 7>&>);
  CHECK(OptimizerList(known).size() == 7);
}
