// SPDX-License-Identifier: MIT
// The whole optimizer's state of processes that have shares of it.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/training/whole_state.hpp>

#include "parallel/mailbox.hpp"

using namespace octavo;
using octavo_test::Mailbox;

namespace {

constexpr ModelConfig config{.vocabulary = 150,
                             .context = 16,
                             .layers = 2,
                             .width = 56,
                             .attention = {.heads = 2},
                             .feed_forward = {.d_ff = 111}};

template <typename Step>
std::vector<std::byte> whole(const Step& step, std::size_t piece) {
  std::vector<std::byte> all(
      optimizer_state_bytes<float>(step.options().optimizer, step.parameters().trained()));
  for (std::size_t first = 0; first < all.size(); first += piece) {
    read_whole_state(step, first,
                     std::span(all).subspan(first, std::min(piece, all.size() - first)));
  }
  return all;
}

}  // namespace

TEST_CASE("a state that processes were given is read back, in pieces of any size") {
  for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{})}) {
    TrainingOptions options{.batch = 3, .sequence = 8, .leaves = 3, .optimizer = optimizer};
    ThreadPool threads(1);
    TrainingStep<float> one(Transformer<float>(config), options, threads);
    for (std::size_t i = 0; i < one.targets().size(); ++i) {
      one.targets()[i] = static_cast<Token>(i * i % 150);
    }
    one.train(1e-2);
    const std::vector<std::byte> expected(one.optimizer_state().begin(),
                                          one.optimizer_state().end());
    CHECK(whole(one, 1000) == expected);
    options.ranks = 3, options.zero = 1;
    Mailbox box(3);
    std::vector<std::byte> found;
    box.run([&](Ranks& ranks) {
      ThreadPool own_threads(1);
      TrainingStep<float> step(Transformer<float>(config), options, own_threads);
      step.set_ranks(ranks);
      set_state_here(step, [&](std::size_t first, std::span<std::byte> bytes) {
        std::ranges::copy(std::span(expected).subspan(first, bytes.size()), bytes.begin());
      });
      for (const std::size_t piece : {std::size_t{997}, std::size_t{1} << 22}) {
        on_first_rank(step, [&] {
          const bool same = whole(step, piece) == expected;
          CHECK(same);
        });
      }
      on_first_rank(step, [&] {
        detail::WholeStateReader reader(step);
        found.resize(expected.size());
        for (std::size_t i = 0; i < found.size(); i += 4000) {
          reader.read(i,
                      std::span(found).subspan(i, std::min<std::size_t>(4000, found.size() - i)));
        }
      });
    });
    CHECK(found == expected);
  }
}

TEST_CASE("an exception on the first process ends the others' waiting; the others cannot read") {
  TrainingOptions options{.batch = 2, .sequence = 8, .leaves = 2};
  options.ranks = 2, options.zero = 1;
  Mailbox box(2);
  std::string refusal;
  int thrown = 0;
  box.run([&](Ranks& ranks) {
    ThreadPool threads(1);
    TrainingStep<float> step(Transformer<float>(config), options, threads);
    step.set_ranks(ranks);
    try {
      on_first_rank(step, [] { throw Error(ErrorCode::io, "full"); });
    } catch (const Error&) {
      ++thrown;
    }
    if (ranks.rank() == 0) return;
    std::byte one{};
    try {
      read_whole_state(step, 0, {&one, 1});
    } catch (const ConfigError& error) {
      refusal = error.what();
    }
  });
  CHECK(thrown == 1);
  CHECK(refusal ==
        "the optimizer's state is divided among processes: save it on the first one, within "
        "on_first_rank()");
}
