// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_GRADIENT_CLIPPING_HPP)
#define OCTAVO_OPTIMIZERS_GRADIENT_CLIPPING_HPP

#include <cmath>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace octavo {

namespace detail {
inline constexpr Index norm_chunk = 4096;
}

/// Numbers of scratch that global_norm needs for a block of `count` gradients.
constexpr Index global_norm_partials(Index count) noexcept {
  return (count + detail::norm_chunk - 1) / detail::norm_chunk;
}

/// What clipping by global norm (Pascanu et al. 2013, algorithm 1) multiplies gradients by, as
/// PyTorch's clip_grad_norm_ has it. limit <= 0: no clipping.
inline double clipping_factor(double norm, double limit) noexcept {
  if (limit <= 0) return 1;
  const double factor = limit / (norm + 1e-6);
  return factor < 1 ? factor : 1;
}

}  // namespace octavo

#define OCTAVO_FILE "octavo/optimizers/gradient_clipping.hpp"
#include <octavo/numeric/each_isa.inc>

namespace octavo {

/// The Euclidean norm of the gradients of `tensors`, which follow each other without gaps: block
/// [all their numbers]; on every worker. Sums of squares are taken over chunks of 4096 numbers in
/// double and added in order, so that the crew's size cannot change them; in double the squares of
/// finite floats cannot overflow. A chunk goes to the worker that computed its first gradient and
/// will use it for the update. partials: global_norm_partials(count) or more. Contains barriers.
template <Scalar T>
double global_norm(const Worker& worker, std::span<const Parameter> tensors,
                   std::span<const T> block, std::span<double> partials) {
  OCTAVO_DISPATCH(global_norm<T>(worker, tensors, block, partials))
}

}  // namespace octavo

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace octavo::OCTAVO_ISA {

namespace detail {

/// Of the first chunk of `block`.
template <Scalar T>
double sum_of_squares(std::span<const T> block) {
  Pack<double> squares = Pack<double>::broadcast(0);
  for_each_pack(std::min(octavo::detail::norm_chunk, static_cast<Index>(block.size())),
                [&](Index i, Index lanes) {
                  const Pack<double> value = load_as_double(block.data() + i, lanes);
                  squares = fma(value, value, squares);
                });
  return sum(squares);
}

}  // namespace detail

template <Scalar T>
double global_norm(const Worker& worker, std::span<const Parameter> tensors,
                   std::span<const T> block, std::span<double> partials) {
  const auto count = static_cast<Index>(block.size());
  partials = partials.first(static_cast<std::size_t>(global_norm_partials(count)));
  for (const Parameter& tensor : tensors) {
    const Index first = tensor.offset - tensors.front().offset;
    const Range share = worker.split(tensor.count(), Pack<T>::lanes);
    // As many chunks begin before a number as it takes to hold all before it.
    const Index end = global_norm_partials(first + share.end);
    for (Index chunk = global_norm_partials(first + share.begin); chunk < end; ++chunk) {
      partials[static_cast<std::size_t>(chunk)] = detail::sum_of_squares(
          block.subspan(static_cast<std::size_t>(chunk * octavo::detail::norm_chunk)));
    }
  }
  worker.barrier();
  double total = 0;
  for (const double partial : partials) total += partial;
  worker.barrier();
  return std::sqrt(total);
}

}  // namespace octavo::OCTAVO_ISA

#endif
