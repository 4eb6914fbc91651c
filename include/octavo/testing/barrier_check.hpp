// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/testing/layer_harness.hpp>
#include <octavo/testing/workers_in_turn.hpp>

// Checks that the workers of a layer or block wait for each other where necessary. Not part of
// octavo.hpp.
namespace OCTAVO_NAMESPACE::testing {

namespace detail {

inline bool same_bits(const double* a, const double* b, std::size_t count) {
  return count == 0 || std::memcmp(a, b, count * sizeof(double)) == 0;
}

/// Checks one result of forward or backward.
class BarrierCheck {
 public:
  BarrierCheck(std::string half, Index workers, Turns turns)
      : where_(octavo::detail::concat({half, " on ", workers, " workers, ",
                                       turns == Turns::first_to_last ? "the first" : "the last",
                                       " ahead: "})),
        half_(std::move(half)) {}

  /// `seen`: the worker's numbers, from `first` on, when the call returned on that worker.
  /// `result`: the final numbers. `expected`: the numbers computed by one worker.
  void check(const char* name, Index worker, const std::vector<double>& seen, std::size_t first,
             const std::vector<double>& result, const std::vector<double>& expected) {
    if (!same_bits(result.data(), expected.data(), expected.size())) {
      tell({name,
            " is not that of one worker: a barrier is missing, or an order of additions "
            "depends on the number of workers\n"});
    } else if (!same_bits(seen.data(), expected.data() + first, seen.size())) {
      tell({"worker ", worker, " returns before ", name,
            " is complete: a barrier is missing at the "
            "end of ",
            half_, "\n"});
    }
  }

  void check(const std::vector<Index>& barriers) {
    const std::string unequal = unequal_barriers(barriers);
    if (!unequal.empty()) tell({unequal});
  }

  const std::string& defects() const noexcept { return defects_; }

 private:
  void tell(std::initializer_list<octavo::detail::TextPart> words) {
    if (defects_.empty()) defects_ = where_ + octavo::detail::concat(words);
  }

  std::string where_, half_, defects_;
};

/// Runs forward and backward of `parallel` with its workers in turn and compares with `alone`.
template <CheckedPart L>
std::string barrier_defects(LayerHarness<L>& parallel, const LayerHarness<L>& alone, Index workers,
                            Turns turns) {
  struct Seen {
    std::size_t first = 0;
    std::vector<double> rows, gradients;
  };
  std::vector<Seen> seen(static_cast<std::size_t>(workers));
  /// A layer's result must be complete; of a block's stream, the worker's own rows must be.
  const auto look = [&](const Worker& worker, const std::vector<double>& result, bool gradients) {
    Seen& mine = seen[static_cast<std::size_t>(worker.index())];
    const Range rows =
        LayerHarness<L>::is_block ? worker.split(parallel.rows()) : Range{0, parallel.rows()};
    const Index width = static_cast<Index>(result.size()) / parallel.rows();
    mine.first = static_cast<std::size_t>(rows.begin * width);
    mine.rows.assign(result.begin() + rows.begin * width, result.begin() + rows.end * width);
    if (gradients) mine.gradients = parallel.gradients;
  };
  parallel.begin_forward();
  BarrierCheck forward("forward", workers, turns);
  forward.check(run_in_turn(workers, turns, [&](const Worker& worker) {
    parallel.forward_on(worker);
    look(worker, parallel.output, false);
  }));
  for (Index i = 0; i < workers; ++i) {
    const Seen& of = seen[static_cast<std::size_t>(i)];
    forward.check("the output", i, of.rows, of.first, parallel.output, alone.output);
  }
  parallel.begin_backward();
  BarrierCheck backward("backward", workers, turns);
  backward.check(run_in_turn(workers, turns, [&](const Worker& worker) {
    parallel.backward_on(worker);
    look(worker, parallel.input_gradient, true);
  }));
  for (Index i = 0; i < workers; ++i) {
    const Seen& of = seen[static_cast<std::size_t>(i)];
    backward.check("the input's gradient", i, of.rows, of.first, parallel.input_gradient,
                   alone.input_gradient);
    backward.check("a parameter's gradient", i, of.gradients, 0, parallel.gradients,
                   alone.gradients);
  }
  return forward.defects() + backward.defects();
}

}  // namespace detail

/// Runs forward and backward of a layer or block on two and on three workers, one at a time
/// (run_in_turn), in both orders, so that every missing barrier, including the last, is found in
/// every run. The results must have the bits of one worker's results and must be complete when each
/// worker returns (in a block's residual stream: that worker's own rows), and all workers must wait
/// equally often. Returns one line per defect; empty if there is none.
template <PartMaker M>
[[nodiscard]] std::string check_barriers(const M& make, GradientCheckOptions options) {
  options.workers = 1;
  LayerHarness<PartOf<M>> alone(make, options);
  alone.backward();
  std::string defects;
  for (const Index workers : {2, 3}) {
    options.workers = workers;
    for (const Turns turns : {Turns::first_to_last, Turns::last_to_first}) {
      LayerHarness<PartOf<M>> parallel(make, options);
      defects += detail::barrier_defects(parallel, alone, workers, turns);
    }
  }
  return defects;
}

}  // namespace OCTAVO_NAMESPACE::testing
