// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_SOFT_CAP_HPP)
#define OCTAVO_KERNELS_SOFT_CAP_HPP

#include <type_traits>

#include <octavo/base/config.hpp>
#include <octavo/numeric/hyperbolic.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

#define OCTAVO_FILE "octavo/kernels/soft_cap.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// x = cap tanh(x / cap), elementwise (Bello et al. 2017; Gemma 2): no number of x [rows, columns]
/// exceeds the cap afterwards. Overwrites x.
template <Scalar T>
void soft_cap(const Worker& worker, std::type_identity_t<T> cap, MatrixView<T> x)
    OCTAVO_KERNEL(soft_cap<T>(worker, cap, x));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

template <Scalar T>
void soft_cap(const Worker& worker, std::type_identity_t<T> cap, MatrixView<T> x) {
  using P = Pack<T>;
  const P inner = P::broadcast(T{1} / cap);
  const P outer = P::broadcast(cap);
  const Range rows = worker.split(x.rows);
  for (Index i = rows.begin; i < rows.end; ++i) {
    for_each_pack(x.columns, [&](Index j, Index n) {
      (tanh(P::load(x.row(i) + j, n) * inner) * outer).store(x.row(i) + j, n);
    });
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
