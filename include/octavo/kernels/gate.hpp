// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_GATE_HPP)
#define OCTAVO_KERNELS_GATE_HPP

#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/kernels/activate.hpp>
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

template <Scalar T>
void gate(const Worker& worker, Activation kind,
          MatrixView<const std::type_identity_t<T>> gate_and_up, MatrixView<T> out) {
  detail::activate_rows<false, T>(worker, kind, out.rows, [&](Index i) {
    const T* const gate = gate_and_up.row(i);
    return detail::ActivatedRow<T>{
        .count = out.columns, .x = gate, .value = out.row(i), .up = gate + out.columns};
  });
}

template <Scalar T>
void gate_backward(const Worker& worker, Activation kind,
                   MatrixView<const std::type_identity_t<T>> d_out, MatrixView<T> gate_and_up) {
  detail::activate_rows<true, T>(worker, kind, d_out.rows, [&](Index i) {
    T* const gate = gate_and_up.row(i);
    T* const up = gate + d_out.columns;
    return detail::ActivatedRow<T>{
        .count = d_out.columns, .x = gate, .value = up, .slope = gate, .up = up, .d = d_out.row(i)};
  });
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
