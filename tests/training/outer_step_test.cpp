// SPDX-License-Identifier: MIT
// The outer step of DiLoCo against its formula in double precision.
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/training/outer_step.hpp>

#include "parallel/mailbox.hpp"

using namespace octavo;
using octavo_test::Mailbox;

namespace {

/// Three tensors, of which the second is frozen.
std::vector<Parameter> tensors(Index first, Index last) {
  std::vector<Parameter> made(3);
  const std::array<Index, 3> counts{first, 77, last};
  Index offset = 0, trained = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].columns = counts[i];
    made[i].offset = offset;
    made[i].gradient_offset = i == 1 ? -1 : trained;
    offset += counts[i];
    if (i != 1) trained += counts[i];
  }
  return made;
}

template <typename T>
struct Process {
  std::vector<T> weights, begin, momentum;
  std::vector<std::byte> exchange;

  Process(Index all, Index trained, const DilocoOptions& options)
      : weights(static_cast<std::size_t>(all)),
        begin(static_cast<std::size_t>(trained)),
        momentum(begin.size()),
        exchange(static_cast<std::size_t>(outer_exchange_bytes<T>(trained, options))) {}
  OuterMemory<T> memory() { return {begin, momentum, exchange}; }
};

double number(Index process, Index round, std::size_t i) {
  return std::sin(static_cast<double>(i) * 0.37 + static_cast<double>(process * 5 + round));
}

/// Two rounds; at their beginning all processes have the same weights, and then change them.
/// late: the process that does not take part in the end of the second round; -1: none.
template <typename T>
void check(Index first, Index last, Index count, DilocoOptions options, double tolerance,
           Index late = -1) {
  options.workers = count;
  INFO(first << " and " << last << " numbers, " << count << " processes");
  const std::vector<Parameter> parameters = tensors(first, last);
  const Index trained = first + last, all = trained + 77;
  const auto present_in = [&](Index round) {
    std::vector<Index> present;
    for (Index rank = 0; rank < count; ++rank) {
      if (round == 1 || rank != late) present.push_back(rank);
    }
    return present;
  };
  std::vector<Process<T>> processes;
  for (Index rank = 0; rank < count; ++rank) processes.emplace_back(all, trained, options);
  Mailbox box(count);
  box.run([&](Mailbox::Rank& rank) {
    Process<T>& own = processes[static_cast<std::size_t>(rank.rank())];
    for (std::size_t i = 0; i < own.weights.size(); ++i) {
      own.weights[i] = static_cast<T>(number(0, 0, i));
    }
    const OuterStep<T> step(parameters, own.weights, own.memory(), options);
    step.begin();
    for (Index round = 1; round <= 2; ++round) {
      for (const Parameter& tensor : parameters) {
        if (!tensor.trains()) continue;
        for (Index k = 0; k < tensor.count(); ++k) {
          const auto i = static_cast<std::size_t>(tensor.offset + k);
          own.weights[i] += static_cast<T>(0.01 * number(rank.rank(), round, i));
        }
      }
      if (round == 1 || rank.rank() != late) step.finish(&rank, present_in(round));
    }
  });
  double largest = 0;
  bool frozen_same = true;
  for (const Parameter& tensor : parameters) {
    for (Index k = 0; k < tensor.count(); ++k) {
      const auto i = static_cast<std::size_t>(tensor.offset + k);
      const auto start = static_cast<double>(static_cast<T>(number(0, 0, i)));
      double weight = start, momentum = 0;
      for (Index round = 1; round <= 2 && tensor.trains(); ++round) {
        double mean = 0;
        const std::vector<Index> present = present_in(round);
        for (const Index rank : present) {
          mean += (weight + 0.01 * number(rank, round, i)) / static_cast<double>(present.size());
        }
        const double difference = weight - mean;
        momentum = options.momentum * momentum + difference;
        weight -= options.learning_rate * (difference + options.momentum * momentum);
      }
      const auto got = static_cast<double>(processes[0].weights[i]);
      largest = std::max(largest, std::abs(got - weight));
      if (!tensor.trains()) frozen_same = frozen_same && got == start;
    }
  }
  CHECK(largest < tolerance);
  CHECK(frozen_same);
  for (const Index rank : present_in(2)) {
    const Process<T>& process = processes[static_cast<std::size_t>(rank)];
    CHECK(process.weights == processes[0].weights);
    CHECK(process.begin == processes[0].begin);
    CHECK(process.momentum == processes[0].momentum);
  }
  if (count > 1) CHECK(processes[0].momentum != std::vector<T>(static_cast<std::size_t>(trained)));
}

}  // namespace

TEST_CASE("the formula, on any number of processes, for numbers of any count") {
  for (const Index count : {1, 2, 3, 5}) {
    for (const auto& [first, last] : {std::pair<Index, Index>{1, 1}, {256, 256}, {300, 5000}}) {
      check<double>(first, last, count, {}, 1e-14);
      check<float>(first, last, count, {}, 1e-6);
      // Differences are at most 0.01: half a 127th of it in each of two roundings and rounds.
      check<float>(first, last, count, {.eight_bit = true}, 8e-4);
    }
  }
  check<double>(1, 1, 9, {}, 1e-14);  // more processes than blocks
  for (const Index late : {1, 2, 3}) {
    check<double>(300, 5000, 4, {}, 1e-14, late);
    check<float>(300, 5000, 4, {.eight_bit = true}, 8e-4, late);
  }
  check<double>(300, 5000, 2, {}, 1e-14, 1);  // the first process alone
  // More than one exchange: 4096 blocks of 256 numbers.
  check<float>(700, 1'100'000, 3, {.momentum = 0.5}, 1e-6);
  check<float>(700, 1'100'000, 3, {.eight_bit = true}, 8e-4);
}

TEST_CASE("a learning rate of 1 without momentum gives the mean; of equal weights to the bit") {
  const std::vector<Parameter> parameters = tensors(100, 900);
  for (const Index count : {1, 3}) {
    Mailbox box(count);
    box.run([&](Ranks& rank) {
      const DilocoOptions options{.workers = count, .learning_rate = 1, .momentum = 0};
      Process<float> own(1077, 1000, options);
      const OuterStep<float> step(parameters, own.weights, own.memory(), options);
      step.begin();
      for (std::size_t i = 0; i < own.weights.size(); ++i) {
        own.weights[i] = static_cast<float>(number(1, 1, i));
      }
      const std::vector<float> expected = own.weights;
      const std::array<Index, 3> all{0, 1, 2};
      step.finish(&rank, std::span(all).first(static_cast<std::size_t>(count)));
      const bool same = own.weights == expected;
      CHECK(same);
    });
  }
}

TEST_CASE("processes send 2 (n - 1) / n of the numbers, with 8 bits a byte and a scale per block") {
  const std::vector<Parameter> parameters = tensors(256 * 12, 256 * 12);
  for (const bool eight_bit : {false, true}) {
    Mailbox box(3);
    box.run([&](Ranks& rank) {
      const DilocoOptions options{.workers = 3, .eight_bit = eight_bit};
      Process<float> own(256 * 24 + 77, 256 * 24, options);
      const OuterStep<float> step(parameters, own.weights, own.memory(), options);
      step.begin();
      const std::array<Index, 3> all{0, 1, 2};
      step.finish(&rank, all);
    });
    for (const auto& rank : box.ranks()) {
      CHECK(rank.sent_bytes == std::size_t{2 * 2 * 8} * (eight_bit ? 260 : 1024));
    }
  }
}
