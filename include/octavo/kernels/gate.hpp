// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_GATE_HPP)
#define OCTAVO_KERNELS_GATE_HPP

#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Gated linear units (Dauphin et al. 2017) with any activation, as in Shazeer 2020, eq. 6: SwiGLU
// with silu, GEGLU with gelu. One matrix [rows, 2 F] has the gate in its left half, the numbers
// that are gated in its right: [gate | up].
#define OCTAVO_FILE "octavo/kernels/gate.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// out = activation(gate) * up, elementwise.  gate_and_up [rows, 2 F], out [rows, F]; overwrites
/// out.
template <Scalar T>
void gate(const Worker& worker, Activation kind,
          MatrixView<const std::type_identity_t<T>> gate_and_up, MatrixView<T> out)
    OCTAVO_KERNEL(gate<T>(worker, kind, gate_and_up, out));

/// Backward: overwrites gate and up by their gradients, d_out * up * activation'(gate) and
/// d_out * activation(gate).  d_out [rows, F], gate_and_up [rows, 2 F].
template <Scalar T>
void gate_backward(const Worker& worker, Activation kind,
                   MatrixView<const std::type_identity_t<T>> d_out, MatrixView<T> gate_and_up)
    OCTAVO_KERNEL(gate_backward<T>(worker, kind, d_out, gate_and_up));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <Activation kind, Scalar T>
void gate_rows(const Worker& worker, MatrixView<const T> gate_and_up, MatrixView<T> out) {
  using P = Pack<T>;
  const Range rows = worker.split(out.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    const T* gate = gate_and_up.row(i);
    const T* up = gate + out.columns;
    for_each_pack(out.columns, [&](Index j, Index n) {
      const ValueAndSlope<T> f = activate_pack<kind>(P::load(gate + j, n));
      (f.value * P::load(up + j, n)).store(out.row(i) + j, n);
    });
  }
}

template <Activation kind, Scalar T>
void gate_rows_backward(const Worker& worker, MatrixView<const T> d_out,
                        MatrixView<T> gate_and_up) {
  using P = Pack<T>;
  const Range rows = worker.split(d_out.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    T* gate = gate_and_up.row(i);
    T* up = gate + d_out.columns;
    for_each_pack(d_out.columns, [&](Index j, Index n) {
      const ValueAndSlope<T> f = activate_pack<kind>(P::load(gate + j, n));
      const P d = P::load(d_out.row(i) + j, n);
      (d * P::load(up + j, n) * f.slope).store(gate + j, n);
      (d * f.value).store(up + j, n);
    });
  }
}

}  // namespace detail

template <Scalar T>
void gate(const Worker& worker, Activation kind,
          MatrixView<const std::type_identity_t<T>> gate_and_up, MatrixView<T> out) {
  detail::with_activation(
      kind, [&](auto constant) { detail::gate_rows<constant(), T>(worker, gate_and_up, out); });
}

template <Scalar T>
void gate_backward(const Worker& worker, Activation kind,
                   MatrixView<const std::type_identity_t<T>> d_out, MatrixView<T> gate_and_up) {
  detail::with_activation(kind, [&](auto constant) {
    detail::gate_rows_backward<constant(), T>(worker, d_out, gate_and_up);
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
