// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/numeric/random.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

TEST_CASE("the global norm is exact for huge numbers, and the same with any number of workers") {
  std::vector<float> block(10'000, 1e30f);
  // One chunk begins with a tensor's last number, one with a tensor's first.
  const Parameter tensors[] = {{.name = "a", .rows = 4097, .columns = 1, .gradient_offset = 40},
                               {.name = "b", .columns = 4095, .gradient_offset = 4137},
                               {.name = "c", .rows = 904, .columns = 2, .gradient_offset = 8232}};
  std::vector<double> partials(static_cast<std::size_t>(global_norm_partials(10'000)));
  CHECK(global_norm<float>(Worker{}, tensors, block, partials) ==
        doctest::Approx(static_cast<double>(1e30f) * 100));
  const CounterRandom random(4, RandomStream::sampling);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<float>(random.normal(i));
  const double alone = global_norm<float>(Worker{}, tensors, block, partials);
  for (const Index workers : {2, 3, 7}) {
    std::ranges::fill(partials, std::numeric_limits<double>::quiet_NaN());
    ThreadPool threads(workers);
    threads.run([&](const Worker& worker) {
      const double norm = global_norm<float>(worker, tensors, block, partials);
      if (worker.index() == 0) CHECK(norm == alone);
    });
  }
  CHECK(clipping_factor(2, 1) == 1 / (2 + 1e-6));  // as torch.nn.utils.clip_grad_norm_
  CHECK(clipping_factor(0.5, 1) == 1);
  CHECK(clipping_factor(7, 0) == 1);
}
