// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/dropout.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"

using namespace octavo;
using namespace kernel_test;

TEST_CASE("dropout drops where the random word is below the rate, number by number") {
  // Rates, and the same as the number of words of 32 bits that drop: 0.1 is a little above a tenth.
  for (const auto& [rate, words] : {std::pair{0.0, 0U}, std::pair{0.1, 429'496'730U},
                                    std::pair{0.25, 1U << 30}, std::pair{0.5, 1U << 31}}) {
    const CounterRandom random(1, RandomStream::dropout, 4);
    const std::uint64_t site = 2, first_row = 7, rows = 100, width = 70;
    std::vector<double> y(rows * width, 3.0);
    dropout<double>(Worker{}, {random, site, rate}, first_row,
                    MatrixView<double>(y.data(), 100, 70));
    Index wrong = 0;
    for (std::uint64_t i = 0; i < rows; ++i) {
      for (std::uint64_t j = 0; j < width; ++j) {
        const std::uint64_t block = (site << 48) + (first_row + i) * 18 + j / 4;  // 18 per row
        const bool drops = random.block(block)[j % 4] < words;
        wrong += y[i * width + j] != (drops ? 0.0 : 3.0 * (1.0 / (1.0 - rate)));
      }
    }
    CHECK(wrong == 0);
  }
  // A word on the threshold itself is kept: as many as there are below it are dropped.
  const std::uint32_t word = CounterRandom(1, RandomStream::dropout).block(0)[0];
  for (const std::uint32_t words : {word, word + 1}) {
    float y = 1;
    dropout<float>(Worker{}, {CounterRandom(1, RandomStream::dropout), 0, words * 0x1p-32}, 0,
                   MatrixView<float>(&y, 1, 1));
    CHECK((y == 0) == (words > word));
  }
}

TEST_CASE("dropout draws the same for a part of the rows, and other numbers at another site") {
  const DropoutDraw draw{CounterRandom(1, RandomStream::dropout, 4), 2, 0.25};
  std::vector<float> whole(100 * 70, 1.0f);
  dropout<float>(Worker{}, draw, 0, MatrixView<float>(whole.data(), 100, 70));
  std::vector<float> part(40 * 70, 1.0f);
  dropout<float>(Worker{}, draw, 60, MatrixView<float>(part.data(), 40, 70));
  CHECK(std::equal(part.begin(), part.end(), whole.begin() + 60 * 70));
  DropoutDraw other = draw;
  other.site = 3;
  std::vector<float> elsewhere(40 * 70, 1.0f);
  dropout<float>(Worker{}, other, 60, MatrixView<float>(elsewhere.data(), 40, 70));
  CHECK(elsewhere != part);
}

TEST_CASE("dropout's gradient is dropout of the gradient: the derivative of each number") {
  const DropoutDraw draw{CounterRandom(1, RandomStream::dropout, 4), 2, 0.25};
  auto x = random_block<double>(7 * 10, 1), dx = random_block<double>(7 * 10, 2);
  const auto dy = dx;
  const auto quotients = central_differences(x, 1e-3, [&] {
    auto y = x;
    dropout<double>(Worker{}, draw, 3, MatrixView<double>(y.data(), 7, 10));
    return weighted_sum(dy, y);
  });
  dropout<double>(Worker{}, draw, 3, MatrixView<double>(dx.data(), 7, 10));
  CHECK(distance(dx, quotients) < 1e-11);
}

TEST_CASE("however many workers, and rows that lie apart: the same numbers, and no others") {
  const DropoutDraw draw{CounterRandom(1, RandomStream::dropout, 4), 2, 0.5};
  const auto before = random_block<float>(7 * 50, 1);
  std::vector<float> expected;
  for (const Index workers : {1, 2, 3, 8}) {
    auto y = before;
    ThreadPool(workers).run([&](const Worker& worker) {
      dropout<float>(worker, draw, 0, MatrixView<float>(y.data(), 7, 46, 50));
    });
    if (workers == 1) expected = y;
    CHECK(y == expected);
    for (std::size_t i = 0; i < y.size(); ++i) {
      CHECK((y[i] == before[i]) == (i % 50 >= 46));
    }
  }
}
