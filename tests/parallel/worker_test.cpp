// SPDX-License-Identifier: MIT
#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/parallel/worker.hpp>

using namespace octavo;

static_assert(Worker(1, 3, nullptr).split(10) == Range{3, 6});
static_assert(Worker(0, 4, nullptr).split(3, 16).empty());
static_assert(Worker(3, 4, nullptr).split(3, 16) == Range{0, 3});
static_assert(Range{2, 5}.size() == 3 && Range{2, 2}.empty() && !Range{2, 3}.empty());

static_assert(Worker(1, 2, nullptr).split(32, 64, 16) == Rectangle{{0, 32}, {32, 64}});
static_assert(Worker(1, 2, nullptr).split(32, 48, 16) == Rectangle{{16, 32}, {0, 48}});

TEST_CASE("split deals out every number of a matrix once") {
  for (Index count = 1; count <= 5; ++count) {
    for (const Index rows : {1, 3, 32}) {
      for (const Index columns : {1, 15, 16, 17, 70, 128}) {
        std::vector<int> seen(static_cast<std::size_t>(rows * columns));
        for (Index index = 0; index < count; ++index) {
          const Rectangle share = Worker(index, count, nullptr).split(rows, columns, 16);
          for (Index i = share.rows.begin; i < share.rows.end; ++i) {
            for (Index j = share.columns.begin; j < share.columns.end; ++j) {
              ++seen[static_cast<std::size_t>(i * columns + j)];
            }
          }
        }
        CHECK(seen == std::vector<int>(seen.size(), 1));
      }
    }
  }
}

TEST_CASE("split covers everything once, in whole granules") {
  for (Index total = 0; total < 60; ++total) {
    for (const Index granule : {1, 3, 16}) {
      for (const Index count : {1, 2, 3, 7}) {
        Index next = 0;
        for (Index index = 0; index < count; ++index) {
          const Range range = Worker(index, count, nullptr).split(total, granule);
          CHECK(range.begin == next);
          if (range.end != total) CHECK(range.end % granule == 0);
          next = range.end;
        }
        CHECK(next == total);
      }
    }
  }
}

TEST_CASE("shares differ by at most one granule") {
  for (const Index total : {1, 63, 64, 65, 1000, 1000003}) {
    for (const Index granule : {1, 16}) {
      for (Index count = 1; count <= 9; ++count) {
        Index least = total, most = 0;
        for (Index index = 0; index < count; ++index) {
          const Index share = Worker(index, count, nullptr).split(total, granule).size();
          least = std::min(least, share);
          most = std::max(most, share);
        }
        CHECK(most - least < 2 * granule);
        CHECK(most <= (total / granule / count + 1) * granule);
      }
    }
  }
}

TEST_CASE("a default-made worker does everything alone and waits for nobody") {
  const Worker worker;
  CHECK(worker.index() == 0);
  CHECK(worker.count() == 1);
  CHECK(worker.split(7) == Range{0, 7});
  CHECK(worker.split(0, 16).empty());
  worker.barrier();
}
