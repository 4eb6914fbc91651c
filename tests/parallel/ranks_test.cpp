// SPDX-License-Identifier: MIT
#include <array>

#include <doctest/doctest.h>

#include <octavo/parallel/ranks.hpp>

#include "parallel/mailbox.hpp"

using namespace octavo;

TEST_CASE("every process gets the parts of all") {
  for (const Index count : {1, 2, 3, 5}) {
    octavo_test::Mailbox box(count);
    std::array<bool, 5> right{};
    box.run([&](Ranks& ranks) {
      std::array<int, 5> parts{};
      const auto own = static_cast<std::size_t>(ranks.rank());
      parts[own] = 10 + static_cast<int>(own);
      gather_all(ranks,
                 std::as_writable_bytes(std::span(parts).first(static_cast<std::size_t>(count))),
                 sizeof(int));
      right[own] = true;
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        right[own] = right[own] && parts[i] == 10 + static_cast<int>(i);
      }
    });
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) CHECK(right[i]);
    for (const auto& rank : box.ranks()) {
      CHECK(rank.sent_bytes == sizeof(int) * static_cast<std::size_t>(count - 1));
    }
  }
}

TEST_CASE("one process that says true is heard by all") {
  for (const Index count : {1, 2, 3, 4, 7}) {
    for (Index sayer = -1; sayer < count; ++sayer) {
      octavo_test::Mailbox box(count);
      std::array<bool, 7> heard{};
      box.run([&](Ranks& ranks) {
        heard[static_cast<std::size_t>(ranks.rank())] = any_rank(ranks, ranks.rank() == sayer);
      });
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        CHECK(heard[i] == (sayer >= 0));
      }
    }
  }
}
