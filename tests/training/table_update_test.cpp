// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/parallel/thread_pool.hpp>
#include <octavo/training/table_update.hpp>

using namespace octavo;

namespace {

constexpr Index height = 1200, width = 16;

std::vector<float> numbers() {
  std::vector<float> all(height * width);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::sin(static_cast<float>(i));
  return all;
}

Parameter table() {
  Parameter whole;
  whole.rows = height, whole.columns = width;
  whole.offset = 7, whole.gradient_offset = 5, whole.outside_maps = 3;
  return whole;
}

struct Run {
  std::vector<float> updated;
  std::vector<Index> asked;  ///< the first row of each block that was computed
  double norm = 0;
};

/// "Updates" by noting the gradients.
Run run(const std::vector<float>& gradient, Index rows, bool clips, Index workers = 1) {
  Run found{std::vector<float>(gradient.size()), {}, 0};
  std::vector<double> partials(static_cast<std::size_t>(global_norm_partials(height * width)));
  ThreadPool threads(workers);
  threads.run([&](const Worker& worker) {
    const Parameter whole = table();
    const auto gradient_of = [&](Range block) {
      if (worker.index() == 0) found.asked.push_back(block.begin);
      return std::span<const float>(gradient).subspan(
          static_cast<std::size_t>(block.begin * width),
          static_cast<std::size_t>(block.size() * width));
    };
    const auto update = [&](const Parameter& part, std::span<const float> of_part, double norm) {
      const Index before = part.offset - whole.offset;
      CHECK(part.count() == std::ssize(of_part));
      CHECK(part.gradient_offset == whole.gradient_offset + before);
      CHECK(part.outside_maps == whole.outside_maps + before);
      CHECK((norm > 0) == clips);
      const Range mine = worker.split(part.count());
      for (Index i = mine.begin; i < mine.end; ++i) {
        found.updated[static_cast<std::size_t>(before + i)] = of_part[static_cast<std::size_t>(i)];
      }
    };
    const double norm =
        update_table<float>(worker, whole, rows, clips, partials, gradient_of, update);
    if (worker.index() == 0) found.norm = norm;
  });
  return found;
}

}  // namespace

TEST_CASE("a table is updated block by block, with the norm of the whole") {
  const std::vector<float> gradient = numbers();
  std::vector<double> partials(static_cast<std::size_t>(global_norm_partials(height * width)));
  const Parameter whole = table();
  const double norm = global_norm<float>(Worker{}, {&whole, 1}, gradient, partials);
  for (const Index workers : {1, 2, 3}) {
    for (const Index rows : {256, 512, 1024, 2048}) {
      for (const bool clips : {false, true}) {
        const Run found = run(gradient, rows, clips, workers);
        CHECK(found.norm == norm);
        CHECK(found.updated == gradient);
        const Index blocks = (height + rows - 1) / rows;
        CHECK(std::ssize(found.asked) == (clips ? 2 : 1) * blocks);
      }
    }
  }
}

TEST_CASE("from the first block whose gradient is not finite on a table is not updated") {
  std::vector<float> gradient = numbers();
  gradient[600 * width] = std::numeric_limits<float>::infinity();
  const Run clipped = run(gradient, 512, true, 2);
  CHECK_FALSE(std::isfinite(clipped.norm));
  CHECK(clipped.updated == std::vector<float>(gradient.size()));
  const Run at_once = run(gradient, 512, false, 2);
  CHECK_FALSE(std::isfinite(at_once.norm));
  CHECK(at_once.asked == std::vector<Index>{0, 512});
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    CHECK(at_once.updated[i] == (i < 512 * width ? gradient[i] : 0));
  }
}
