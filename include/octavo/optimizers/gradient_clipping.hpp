// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_GRADIENT_CLIPPING_HPP)
#define OCTAVO_OPTIMIZERS_GRADIENT_CLIPPING_HPP

#include <algorithm>
#include <cmath>
#include <span>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/parameter_list.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {
inline constexpr Index norm_chunk = 4096;
}

/// Scratch numbers that global_norm needs for a block of `count` gradients.
constexpr Index global_norm_partials(Index count) noexcept {
  return (count + detail::norm_chunk - 1) / detail::norm_chunk;
}

/// The factor for gradients in clipping by global norm (Pascanu et al. 2013, algorithm 1), as in
/// PyTorch's clip_grad_norm_. limit <= 0: no clipping.
inline double clipping_factor(double norm, double limit) noexcept {
  if (limit <= 0) return 1;
  const double factor = limit / (norm + 1e-6);
  return factor < 1 ? factor : 1;
}

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/optimizers/gradient_clipping.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// The Euclidean norm of the gradients of `tensors`, returned on every worker; tensors with a
/// learning-rate factor of 0 are left out, and frozen ones have no gradient. block [the gradients
/// of all that train, without gaps]. Squares are summed in double over chunks of 4096 numbers, and
/// the chunk sums are added in order, so that the result does not depend on the number of workers;
/// in double the squares of finite floats cannot overflow. A chunk is summed by the worker that
/// computed its first gradient and will use it in the update. partials: global_norm_partials(count)
/// or more. Contains barriers.
template <Scalar T>
double global_norm(const Worker& worker, std::span<const Parameter> tensors,
                   std::span<const T> block, std::span<double> partials)
    OCTAVO_KERNEL(global_norm<T>(worker, tensors, block, partials));

/// What global_norm needs of chunks [chunks.begin, chunks.end): their sums of squares, in the
/// partials of these chunks. `block`: gradients from number `first` of those of `tensors` on, with
/// all numbers of the chunks; `count`: numbers of all. No barrier.
template <Scalar T>
void sum_norm_chunks(const Worker& worker, std::span<const Parameter> tensors,
                     std::span<const T> block, Index first, Index count, Range chunks,
                     std::span<double> partials)
    OCTAVO_KERNEL(sum_norm_chunks<T>(worker, tensors, block, first, count, chunks, partials));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <Scalar T>
double sum_of_squares(std::span<const T> block) {
  Pack<double> squares = Pack<double>::broadcast(0);
  for_each_pack(static_cast<Index>(block.size()), [&](Index i, Index lanes) {
    const Pack<double> value = load_as_double(block.data() + i, lanes);
    squares = fma(value, value, squares);
  });
  return sum(squares);
}

/// The sum of squares of the numbers [first, end) of `block` that learn. `first` lies in
/// tensors[0]; `base`: the offset of the block's first number.
template <Scalar T>
double sum_of_trained_squares(std::span<const Parameter> tensors, Index base,
                              std::span<const T> block, Index first, Index end) {
  double total = 0;
  for (const Parameter& tensor : tensors) {
    const Index from = std::max(first, tensor.gradient_offset - base);
    const Index to = std::min(end, tensor.gradient_offset - base + tensor.count());
    if (from >= end) break;
    if (!tensor.learns() || from >= to) continue;
    total += sum_of_squares(
        block.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
  }
  return total;
}

inline bool all_learn(std::span<const Parameter> tensors) {
  return std::none_of(tensors.begin(), tensors.end(),
                      [](const Parameter& tensor) { return tensor.trains() && !tensor.learns(); });
}

inline Index first_trained(std::span<const Parameter> tensors) {
  const auto trained = std::find_if(tensors.begin(), tensors.end(),
                                    [](const Parameter& tensor) { return tensor.trains(); });
  return trained == tensors.end() ? 0 : trained->gradient_offset;
}

}  // namespace detail

template <Scalar T>
void sum_norm_chunks(const Worker& worker, std::span<const Parameter> tensors,
                     std::span<const T> block, Index first, Index count, Range chunks,
                     std::span<double> partials) {
  const bool all_learn = detail::all_learn(tensors);
  const Index base = detail::first_trained(tensors) + first;
  const Range mine = worker.split(chunks.size());
  for (Index i = mine.begin; i < mine.end; ++i) {
    const Index chunk = chunks.begin + i;
    const Index from = chunk * octavo::detail::norm_chunk - first;
    const Index to = std::min(from + octavo::detail::norm_chunk, count - first);
    partials[static_cast<std::size_t>(chunk)] =
        all_learn ? detail::sum_of_squares(block.subspan(static_cast<std::size_t>(from),
                                                         static_cast<std::size_t>(to - from)))
                  : detail::sum_of_trained_squares<T>(tensors, base, block, from, to);
  }
}

template <Scalar T>
double global_norm(const Worker& worker, std::span<const Parameter> tensors,
                   std::span<const T> block, std::span<double> partials) {
  const auto count = static_cast<Index>(block.size());
  partials = partials.first(static_cast<std::size_t>(global_norm_partials(count)));
  const bool all_learn = detail::all_learn(tensors);
  const Index base = detail::first_trained(tensors);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Parameter& tensor = tensors[i];
    if (!tensor.trains()) continue;
    const Index first = tensor.gradient_offset - base;
    const Range share = worker.split(tensor.count(), Pack<T>::lanes);
    // The number of chunks that begin before an index is the number of chunks that cover all
    // numbers before it.
    const Index end = global_norm_partials(first + share.end);
    for (Index chunk = global_norm_partials(first + share.begin); chunk < end; ++chunk) {
      const Index from = chunk * octavo::detail::norm_chunk;
      const Index to = std::min(from + octavo::detail::norm_chunk, count);
      partials[static_cast<std::size_t>(chunk)] =
          all_learn ? detail::sum_of_squares(block.subspan(static_cast<std::size_t>(from),
                                                           static_cast<std::size_t>(to - from)))
                    : detail::sum_of_trained_squares<T>(tensors.subspan(i), base, block, from, to);
    }
  }
  worker.barrier();
  double total = 0;
  for (const double partial : partials) total += partial;
  worker.barrier();
  return std::sqrt(total);
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
