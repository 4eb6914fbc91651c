// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ORTHOGONALIZE_HPP)
#define OCTAVO_KERNELS_ORTHOGONALIZE_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/output.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// The orthogonal factor of a matrix, as Muon needs it: near U V^T, where X = U S V^T is the
// singular value decomposition of X. An odd polynomial p moves every singular value towards 1:
// p(X) = (a I + b X X^T + c (X X^T)^2) X. Several are applied in turn (Newton-Schulz).
namespace OCTAVO_NAMESPACE {

/// One polynomial a s + b s^3 + c s^5.
struct OddPolynomial {
  double a, b, c;
};

/// The polynomials of Amsel et al. 2025, "The Polar Express" (arXiv 2505.16932), for singular
/// values from 0.001 to 1, in the order of application. Any number of them, from the first on, may
/// be used.
inline constexpr std::array<OddPolynomial, 6> polar_express{{
    {8.28721201814563, -23.595886519098837, 17.300387312530933},
    {4.107059111542203, -2.9478499167379106, 0.5448431082926601},
    {3.9486908534822946, -2.908902115962949, 0.5518191394370137},
    {3.3184196573706015, -2.488488024314874, 0.51004894012372},
    {2.300652019954817, -1.6689039845747493, 0.4188073119525673},
    {1.891301407787398, -1.2679958271945868, 0.37680408948524835},
}};

namespace detail {

/// The parts of orthogonalize()'s scratch, in bytes from its beginning, each aligned to 64 bytes.
template <Scalar T>
struct OrthogonalizeLayout {
  std::size_t row_sums = 0;  ///< [rows] double
  std::size_t grams = 0;     ///< 4 matrices [n, n], n = min(rows, columns)
  std::size_t pack = 0;      ///< of each worker
  std::size_t end = 0;

  constexpr OrthogonalizeLayout(Index rows, Index columns, Index workers) {
    const auto n = static_cast<std::size_t>(std::min(rows, columns));
    grams = align_up(bytes_of<double>(rows));
    const std::size_t gram = align_up(checked_multiply(checked_multiply(n, n), sizeof(T)));
    pack = checked_add(grams, checked_multiply(4, gram));
    const Index longest = std::max(rows, columns);
    end = align_up(
        checked_add(pack, checked_multiply(static_cast<std::size_t>(workers),
                                           bytes_of<T>(pack_buffer_elements<T>(longest)))));
  }
};

}  // namespace detail

/// Bytes of scratch that orthogonalize() needs.
template <Scalar T>
constexpr std::size_t orthogonalize_scratch_bytes(Index rows, Index columns, Index workers) {
  return detail::OrthogonalizeLayout<T>(rows, columns, workers).end;
}

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/orthogonalize.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// result = near U V^T of x, by `polynomials` applied in turn.  x, result [rows, columns]; x is
/// overwritten. The polynomials run on the Gram matrix of the smaller side, of whose symmetric
/// products one half is computed. A worker's own rows of x, worker.split(x.rows), must be complete.
/// scratch: orthogonalize_scratch_bytes, aligned to 64 bytes. Contains barriers; the last one is
/// after result.
template <Scalar T>
void orthogonalize(const Worker& worker, std::span<const OddPolynomial> polynomials,
                   MatrixView<T> x, MatrixView<T> result, std::span<std::byte> scratch)
    OCTAVO_KERNEL(orthogonalize<T>(worker, polynomials, x, result, scratch));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

/// Symmetric products [n, n], strip by strip of rows, dealt out among the workers: from the
/// diagonal on, then mirrored.
template <Scalar T>
class SymmetricProducts {
 public:
  SymmetricProducts(const Worker& worker, Index n, std::span<T> pack_buffer)
      : worker_(worker),
        n_(n),
        height_(n >= 512   ? 128
                : n >= 256 ? 64
                           : 32),
        pack_buffer_(octavo::detail::panel_of(worker, pack_buffer)) {}

  /// product = a b, of two that commute.
  void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> product) const {
    for_each_strip([&](Index first, Index rows) {
      octavo::matmul<T>(Worker{}, a.row_block(first, rows), right_of(b, first),
                        strip(product, first, rows), Output::overwrite, nullptr, pack_buffer_);
      mirror(product, first, rows);
    });
  }

  /// product = x x^T, or x^T x where x has more rows than columns.
  void gram(MatrixView<const T> x, MatrixView<T> product) const {
    for_each_strip([&](Index first, Index rows) {
      if (x.rows <= x.columns) {
        octavo::matmul_nt<T>(Worker{}, x.row_block(first, rows), x.row_block(first, n_ - first),
                             strip(product, first, rows), Output::overwrite, nullptr, pack_buffer_);
      } else {
        octavo::matmul_tn<T>(Worker{}, x.block(0, x.rows, first, rows), right_of(x, first),
                             strip(product, first, rows), Output::overwrite, pack_buffer_);
      }
      mirror(product, first, rows);
    });
  }

  /// result = a I + b gram + c gram^2.
  void polynomial(const OddPolynomial& p, MatrixView<const T> gram, MatrixView<T> result) const {
    const Pack<T> b = Pack<T>::broadcast(static_cast<T>(p.b));
    const Pack<T> c = Pack<T>::broadcast(static_cast<T>(p.c));
    for_each_strip([&](Index first, Index rows) {
      octavo::matmul<T>(Worker{}, gram.row_block(first, rows), right_of(gram, first),
                        strip(result, first, rows), Output::overwrite, nullptr, pack_buffer_);
      for (Index i = first; i < first + rows; ++i) {
        const T* const of_gram = gram.row(i) + first;
        T* const of_result = result.row(i) + first;
        for_each_pack(n_ - first, [&](Index j, Index n) OCTAVO_INLINE_LAMBDA {
          fma(c, Pack<T>::load(of_result + j, n), b * Pack<T>::load(of_gram + j, n))
              .store(of_result + j, n);
        });
        result(i, i) += static_cast<T>(p.a);
      }
      mirror(result, first, rows);
    });
  }

 private:
  /// Strips become shorter downwards: workers take them in turn, there and back.
  template <typename Body>
  void for_each_strip(Body body) const {
    const Index workers = worker_.count();
    for (Index first = 0, i = 0; first < n_; first += height_, ++i) {
      const Index place = i % workers;
      const Index owner = i / workers % 2 == 0 ? place : workers - 1 - place;
      if (owner == worker_.index()) body(first, std::min(height_, n_ - first));
    }
  }

  MatrixView<const T> right_of(MatrixView<const T> matrix, Index first) const {
    return matrix.block(0, matrix.rows, first, n_ - first);
  }
  MatrixView<T> strip(MatrixView<T> matrix, Index first, Index rows) const {
    return matrix.block(first, rows, first, n_ - first);
  }
  /// The numbers above the diagonal, in these rows, copied below it.
  void mirror(MatrixView<T> matrix, Index first, Index rows) const {
    for (Index j = first + 1; j < n_; ++j) {
      const Index end = std::min(first + rows, j);
      for (Index i = first; i < end; ++i) matrix(j, i) = matrix(i, j);
    }
  }

  const Worker& worker_;
  Index n_;
  Index height_;
  std::span<T> pack_buffer_;
};

/// x /= norm of x, Frobenius'. Squares are summed in double, in the rows' order.
template <Scalar T>
void normalize_matrix(const Worker& worker, MatrixView<T> x, double* row_sums) {
  const Range mine = worker.split(x.rows);
  for (Index i = mine.begin; i < mine.end; ++i) {
    Pack<double> squares = Pack<double>::broadcast(0);
    for_each_pack(x.columns, [&](Index j, Index n) OCTAVO_INLINE_LAMBDA {
      const Pack<double> value = load_as_double(x.row(i) + j, n);
      squares = fma(value, value, squares);
    });
    row_sums[i] = sum(squares);
  }
  worker.barrier();
  double total = 0;
  for (Index i = 0; i < x.rows; ++i) total += row_sums[i];
  // A hundredth more than the norm: rounding must not leave a singular value above 1.
  const double norm = std::sqrt(total) * 1.01;
  const Pack<T> scale = Pack<T>::broadcast(
      static_cast<T>(norm > static_cast<double>(std::numeric_limits<T>::min()) ? 1 / norm : 0));
  for (Index i = mine.begin; i < mine.end; ++i) {
    for_each_pack(x.columns, [&](Index j, Index n) OCTAVO_INLINE_LAMBDA {
      (Pack<T>::load(x.row(i) + j, n) * scale).store(x.row(i) + j, n);
    });
  }
  worker.barrier();
}

}  // namespace detail

template <Scalar T>
void orthogonalize(const Worker& worker, std::span<const OddPolynomial> polynomials,
                   MatrixView<T> x, MatrixView<T> result, std::span<std::byte> scratch) {
  const Index n = std::min(x.rows, x.columns);
  const octavo::detail::OrthogonalizeLayout<T> layout(x.rows, x.columns, worker.count());
  OCTAVO_ASSERT(scratch.size() >= layout.end && !polynomials.empty());
  const std::size_t gram_bytes = (layout.pack - layout.grams) / 4;
  const auto square = [&](std::size_t i) {
    return MatrixView<T>(reinterpret_cast<T*>(scratch.data() + layout.grams + i * gram_bytes), n,
                         n);
  };
  const std::span<T> pack_buffer(reinterpret_cast<T*>(scratch.data() + layout.pack),
                                 (layout.end - layout.pack) / sizeof(T));
  detail::normalize_matrix(worker, x, reinterpret_cast<double*>(scratch.data()));
  const detail::SymmetricProducts<T> products(worker, n, pack_buffer);
  // x' = factor x, where factor is the product of the polynomials so far; all commute with gram,
  // the Gram matrix of x'.
  MatrixView<T> gram = square(0), step = square(1), factor = square(2), other = square(3);
  products.gram(x, gram);
  worker.barrier();
  for (std::size_t i = 0; i < polynomials.size(); ++i) {
    products.polynomial(polynomials[i], gram, step);
    worker.barrier();
    if (i + 1 < polynomials.size()) {  // gram = step gram step
      products.multiply(step, gram, other);
      worker.barrier();
      products.multiply(other, step, gram);
      worker.barrier();
    }
    if (i == 0) {
      std::swap(step, factor);
    } else {
      products.multiply(step, factor, other);
      worker.barrier();
      std::swap(other, factor);
    }
  }
  if (x.rows <= x.columns) {
    octavo::matmul<T>(worker, factor, x, result, Output::overwrite, nullptr, pack_buffer);
  } else {
    octavo::matmul<T>(worker, x, factor, result, Output::overwrite, nullptr, pack_buffer);
  }
  worker.barrier();
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
