// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_OPTIMIZERS_MUON_HPP)
#define OCTAVO_OPTIMIZERS_MUON_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <octavo/kernels/orthogonalize.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/optimizer.hpp>
#include <octavo/optimizers/update_rule.hpp>

#define OCTAVO_FILE "octavo/optimizers/muon.hpp"
#include <octavo/numeric/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Muon (Jordan et al. 2024): for the weight [in, out] of every linear map
///   m = momentum m + (1 - momentum) g;   u = momentum m + (1 - momentum) g  (Nesterov);
///   w -= lr matrix_lr_scale sqrt(max(1, out / in)) orthogonalize(u),
/// and AdamW for all else: embedding, head, gains and biases. Queries, keys and values, gate and up
/// are maps of their own. Keeps one moment per number of a linear map, two of the others.
/// The products of an update cost about 1.6 width / tokens of a step, so Muon pays where a step has
/// at least as many tokens as the model is wide.
struct Muon {
  static constexpr std::string_view name = "muon";
  double momentum = 0.95;
  double matrix_lr_scale = 4;      ///< multiplies the learning rate of linear maps
  double ns_steps = 4;             ///< Newton-Schulz steps, a whole number: see polar_express
  double matrix_weight_decay = 0;  ///< for linear maps
  double beta1 = 0.9;              ///< as all that follow: of AdamW
  double beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  ///< for tables: embedding and head

  static constexpr auto settings() {
    return std::array{
        Setting{"momentum", &Muon::momentum, share_range},
        Setting{"matrix_lr_scale", &Muon::matrix_lr_scale, not_negative_range},
        Setting{"ns_steps", &Muon::ns_steps,
                SettingRange{1, std::ssize(polar_express), "a whole number from 1 to 6", true}},
        Setting{"matrix_weight_decay", &Muon::matrix_weight_decay, not_negative_range},
        Setting{"beta1", &Muon::beta1, share_range},
        Setting{"beta2", &Muon::beta2, share_range},
        Setting{"epsilon", &Muon::epsilon, positive_range},
        Setting{"weight_decay", &Muon::weight_decay, not_negative_range}};
  }

  /// The first moment of all that trains, and AdamW's second moment.
  static constexpr std::array<StateSection, 2> state_sections(const TrainedSizes& sizes) {
    return {
        {{StateSection::Number::scalar, sizes.count, MomentRange::finite},
         {StateSection::Number::scalar, sizes.count - sizes.in_maps, MomentRange::not_negative}}};
  }

  static constexpr Index shard_block = octavo::shard_block::whole_tensor;
  static StateRanges state_ranges(const TrainedSizes& sizes, std::size_t scalar_bytes,
                                  const Parameter& tensor, Range numbers) {
    const std::size_t bytes = static_cast<std::size_t>(numbers.size()) * scalar_bytes;
    StateRanges found;
    found.add(static_cast<std::size_t>(tensor.gradient_offset) * scalar_bytes, bytes);
    if (tensor.is_map()) return found;
    found.add(static_cast<std::size_t>(sizes.count + tensor.outside_maps) * scalar_bytes, bytes);
    return found;
  }

  /// Two matrices, and what orthogonalize() needs.
  template <Scalar T>
  static constexpr std::size_t scratch_bytes(Index rows, const MapColumns& maps, Index workers) {
    std::size_t most = 0;
    for (const Index columns : maps) {
      if (columns == 0) continue;
      const std::size_t matrix =
          align_up(checked_multiply(bytes_of<T>(rows), static_cast<std::size_t>(columns)));
      most = std::max(most, checked_add(checked_multiply(2, matrix),
                                        orthogonalize_scratch_bytes<T>(rows, columns, workers)));
    }
    return most;
  }

  template <Scalar T>
  void update(const Worker& worker, const UpdateInfo& info, std::span<const Parameter> tensors,
              std::span<T> weights, std::span<const T> gradients,
              std::span<std::byte> state) const {
    OCTAVO_DISPATCH(update_muon<T>(*this, worker, info, tensors, weights, gradients, state))
  }
};

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// One linear map's weight, its gradient and its moment, [in, out] each.
template <typename T>
struct MapUpdate {
  MatrixView<T> weight;
  MatrixView<const T> gradient;
  MatrixView<T> moment;
};

/// x = the direction of the update before it is orthogonalized; this worker's rows.
template <Scalar T, typename Rule>
void update_momentum(const Rule& rule, const Range& rows, double scale, const MapUpdate<T>& map,
                     MatrixView<T> x) {
  using P = Pack<T>;
  const P clip = P::broadcast(static_cast<T>(scale));
  const P keep = P::broadcast(static_cast<T>(rule.momentum));
  const P rest = P::broadcast(static_cast<T>(1.0 - rule.momentum));
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(x.columns, [&](Index j, Index n) OCTAVO_INLINE_LAMBDA {
      const P g = rest * (P::load(map.gradient.row(i) + j, n) * clip);
      const P m = fma(keep, P::load(map.moment.row(i) + j, n), g);
      m.store(map.moment.row(i) + j, n);
      fma(keep, m, g).store(x.row(i) + j, n);
    });
  }
}

/// Updates the weight of one linear map. Ends with a barrier.
template <Scalar T, typename Rule>
void update_map(const Rule& rule, const Worker& worker, const UpdateInfo& info, double factor,
                const MapUpdate<T>& map) {
  using P = Pack<T>;
  const Index in = map.weight.rows, out = map.weight.columns;
  const std::size_t bytes = align_up(static_cast<std::size_t>(in * out) * sizeof(T));
  const MatrixView<T> x(reinterpret_cast<T*>(info.scratch.data()), in, out);
  const MatrixView<T> direction(reinterpret_cast<T*>(info.scratch.data() + bytes), in, out);
  const Range rows = worker.split(in);
  update_momentum<T>(rule, rows, info.scale, map, x);
  const auto polynomials = static_cast<std::size_t>(rule.ns_steps);
  octavo::orthogonalize<T>(worker, std::span(polar_express).first(polynomials), x, direction,
                           info.scratch.subspan(2 * bytes));
  const double rate = info.learning_rate * factor * rule.matrix_lr_scale;
  const double size = std::sqrt(std::max(1.0, static_cast<double>(out) / static_cast<double>(in)));
  const P shrink = P::broadcast(static_cast<T>(std::fma(-rate, rule.matrix_weight_decay, 1.0)));
  const P length = P::broadcast(static_cast<T>(-rate * size));
  for (Index i = rows.begin; i < rows.end; ++i) {
    T* const weight = map.weight.row(i);
    for_each_pack(out, [&](Index j, Index n) OCTAVO_INLINE_LAMBDA {
      fma(length, P::load(direction.row(i) + j, n), P::load(weight + j, n) * shrink)
          .store(weight + j, n);
    });
  }
  worker.barrier();
}

}  // namespace detail

template <Scalar T, typename Rule>
void update_muon(const Rule& rule, const Worker& worker, const UpdateInfo& info,
                 std::span<const Parameter> tensors, std::span<T> weights,
                 std::span<const T> gradients, std::span<std::byte> state) {
  const AdamW others{rule.beta1, rule.beta2, rule.epsilon, rule.weight_decay};
  T* const first_moments = reinterpret_cast<T*>(state.data());
  T* const second_moments = first_moments + info.moments_of(weights.size());
  for (const Parameter& tensor : tensors) {
    if (!tensor.learns()) continue;
    T* const weight = weights.data() + tensor.offset;
    const T* const gradient = gradients.data() + (tensor.gradient_offset - info.first_gradient);
    T* const moment = first_moments + tensor.gradient_offset;
    if (!tensor.is_map()) {
      const Range share = worker.split(tensor.count(), Pack<T>::lanes);
      detail::update_range<T>(
          others,
          UpdateRates{info.step, info.learning_rate * tensor.learning_rate_factor, tensor.decays},
          info.scale, share.size(), weight + share.begin, gradient + share.begin,
          std::array{moment + share.begin, second_moments + tensor.outside_maps + share.begin});
      continue;
    }
    Index column = 0;
    for (const Index columns : tensor.maps) {
      if (columns == 0) continue;
      const auto part = [&]<typename N>(N* numbers) {
        return MatrixView<N>(numbers + column, tensor.rows, columns, tensor.columns);
      };
      detail::update_map<T>(rule, worker, info, tensor.learning_rate_factor,
                            {part(weight), part(gradient), part(moment)});
      column += columns;
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
