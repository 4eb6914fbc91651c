// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ATTEND_HPP)
#define OCTAVO_KERNELS_ATTEND_HPP

#include <cmath>
#include <limits>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Causal multi-head attention (Vaswani et al. 2017, eq. 1): per head
//   o_i = sum over j <= i of p_ij v_j,   p_ij = exp(s_ij - lse_i),   s_ij = q_i . k_j / sqrt(d).
// Scores exist for one tile of query rows at a time; keys after the tile's last query are skipped,
// not masked. Backward recomputes p from the saved logsumexp (Dao et al. 2022, section 3.1).
namespace OCTAVO_NAMESPACE {

/// The layout of queries, keys and values in one call. Sequences follow each other; each has
/// `queries` rows in q and o and `keys` rows in k and v. The last query sees the last key: if there
/// are fewer queries than keys (generation with a cache), the queries are the newest positions.
/// Head h occupies columns h*d .. (h+1)*d of q, k, v and o.
template <Scalar T>
struct AttentionShape {
  Index sequences = 1;
  Index queries = 0;
  Index keys = 0;
  Index heads = 1;
  Index head_width = 0;

  /// Query rows per tile, whose scores exist at one time.
  static constexpr Index tile_rows = 32;

  constexpr Index score_row() const { return (keys + 15) / 16 * 16; }
  /// Scratch numbers per worker for forward ...
  constexpr Index forward_scratch() const { return tile_rows * score_row(); }
  /// ... and backward: two tiles, and the gradients of one head's keys and values.
  constexpr Index backward_scratch() const {
    return 2 * tile_rows * score_row() + (2 * keys * head_width + 15) / 16 * 16;
  }
};

}  // namespace OCTAVO_NAMESPACE

#define OCTAVO_FILE "octavo/kernels/attend.hpp"
#include <octavo/kernels/each_isa.inc>

namespace OCTAVO_NAMESPACE {

/// Forward; overwrites o [sequences * queries, width] and logsumexp [sequences * queries, heads]
/// (may be null). Workers divide the pairs (sequence, head).  scratch: forward_scratch() per
/// worker; pack_buffer: pack_buffer_elements() for each worker.
template <Scalar T>
void attend(const Worker& worker, const AttentionShape<T>& shape,
            MatrixView<const std::type_identity_t<T>> q,
            MatrixView<const std::type_identity_t<T>> k,
            MatrixView<const std::type_identity_t<T>> v, MatrixView<T> o, T* logsumexp,
            std::span<T> scratch, std::span<T> pack_buffer)
    OCTAVO_KERNEL(attend<T>(worker, shape, q, k, v, o, logsumexp, scratch, pack_buffer));

/// Backward, with as many queries as keys: the gradients of q, k and v overwrite q, k and v. o and
/// logsumexp: as left by forward; d_o: the gradient of o; scratch: backward_scratch() per worker.
template <Scalar T>
void attend_backward(const Worker& worker, const AttentionShape<T>& shape, MatrixView<T> q,
                     MatrixView<T> k, MatrixView<T> v, MatrixView<const std::type_identity_t<T>> o,
                     MatrixView<const std::type_identity_t<T>> d_o, const T* logsumexp,
                     std::span<T> scratch, std::span<T> pack_buffer)
    OCTAVO_KERNEL(attend_backward<T>(worker, shape, q, k, v, o, d_o, logsumexp, scratch,
                                     pack_buffer));

}  // namespace OCTAVO_NAMESPACE

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {

namespace detail {

template <Scalar T>
T attention_scale(const AttentionShape<T>& shape) {
  return T{1} / std::sqrt(static_cast<T>(shape.head_width));
}

/// One head of one sequence.
template <typename T>
MatrixView<T> head_of(MatrixView<T> rows, Index sequence, Index length, Index head, Index width) {
  return rows.block(sequence * length, length, head * width, width);
}

/// scores[i, j] = q_(first+i) . k_j for all keys that a row of the tile sees.
template <Scalar T>
void score_tile(MatrixView<const T> q, MatrixView<const T> k, MatrixView<T> scores,
                std::span<T> panel) {
  multiply_block<T>(as_is<T>(q), {k.data, k.stride, true}, scores,
                    {{0, scores.rows}, {0, scores.columns}}, q.columns, Output::overwrite, nullptr,
                    panel);
}

/// Zeroes every pack that begins in [visible, columns).
template <Scalar T>
void clear_packs(T* row, Index visible, Index columns) {
  using P = Pack<T>;
  for (Index j = (visible + P::lanes - 1) / P::lanes * P::lanes; j < columns; j += P::lanes) {
    P::broadcast(T{0}).store(row + j);
  }
}

/// Turns a row of raw scores into exp((score - maximum) * scale) over its first `visible` keys,
/// zero after them; returns the maximum and the sum.
template <Scalar T>
struct RowSoftmax {
  T maximum;
  T sum;
};

/// `row` must be padded to whole packs.
template <Scalar T>
RowSoftmax<T> exponentiate_row(T* row, Index visible, Index columns, T scale) {
  using P = Pack<T>;
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  const Index whole = visible / P::lanes * P::lanes;
  P top = P::broadcast(lowest);
  for (Index j = 0; j < whole; j += P::lanes) top = max(top, P::load(row + j));
  if (whole < visible) top = max(top, P::load(row + whole).keep(visible - whole, lowest));
  const T maximum = largest(top);
  const P factor = P::broadcast(scale);
  const P shift = P::broadcast(maximum);
  P total = P::broadcast(T{0});
  const auto exponentiate = [&](Index j) { return exp((P::load(row + j) - shift) * factor); };
  for (Index j = 0; j < whole; j += P::lanes) {
    const P p = exponentiate(j);
    total = total + p;
    p.store(row + j);
  }
  if (whole < visible) {
    const P p = exponentiate(whole).keep(visible - whole, T{0});
    total = total + p;
    p.store(row + whole);
  }
  clear_packs(row, visible, columns);
  return {maximum, sum(total)};
}

template <Scalar T>
void attend_head(const AttentionShape<T>& shape, MatrixView<const T> q, MatrixView<const T> k,
                 MatrixView<const T> v, MatrixView<T> o, T* logsumexp, Index logsumexp_stride,
                 T* scratch, std::span<T> panel) {
  using P = Pack<T>;
  const T scale = attention_scale(shape);
  const Index past = shape.keys - shape.queries;
  for (Index first = 0; first < shape.queries; first += shape.tile_rows) {
    const Index rows = std::min(shape.tile_rows, shape.queries - first);
    const Index columns = past + first + rows;
    const MatrixView<T> scores(scratch, rows, columns, shape.score_row());
    score_tile<T>(q.row_block(first, rows), k.row_block(0, columns), scores, panel);
    T inverse_sum[AttentionShape<T>::tile_rows];
    for (Index i = 0; i < rows; ++i) {
      const auto row = exponentiate_row(scores.row(i), past + first + i + 1, columns, scale);
      inverse_sum[i] = T{1} / row.sum;
      if (logsumexp != nullptr) {
        logsumexp[(first + i) * logsumexp_stride] =
            std::fma(row.maximum, scale, logarithm(row.sum));
      }
    }
    const MatrixView<T> out = o.row_block(first, rows);
    multiply_block<T>(as_is<T>(scores), {v.data, v.stride, false}, out,
                      {{0, rows}, {0, out.columns}}, columns, Output::overwrite, nullptr, panel);
    for (Index i = 0; i < rows; ++i) {
      const P factor = P::broadcast(inverse_sum[i]);
      for_each_pack(out.columns, [&](Index j, Index n) {
        (P::load(out.row(i) + j, n) * factor).store(out.row(i) + j, n);
      });
    }
  }
}

/// dS = P (dP - D) scale for one row, over dP in place; P is rebuilt in place from the raw scores.
/// Both rows are padded to whole packs.
template <Scalar T>
void score_gradient_row(T* p, T* dp, Index visible, Index columns, T scale, T logsumexp, T delta) {
  using P = Pack<T>;
  const P factor = P::broadcast(scale);
  const P shift = P::broadcast(-logsumexp);
  const P subtracted = P::broadcast(delta);
  const P zero = P::broadcast(T{0});
  const auto update = [&](Index j, auto kept) {
    // Clamped: no probability exceeds 1, even if logsumexp was rounded down.
    const P exponent = fma(P::load(p + j), factor, shift);
    const P probability = exp(select_greater(exponent, zero, zero, exponent));
    kept(probability).store(p + j);
    kept(probability * (P::load(dp + j) - subtracted) * factor).store(dp + j);
  };
  const Index whole = visible / P::lanes * P::lanes;
  for (Index j = 0; j < whole; j += P::lanes) update(j, [](P x) { return x; });
  if (whole < visible) update(whole, [&](P x) { return x.keep(visible - whole, T{0}); });
  clear_packs(p, visible, columns);
  clear_packs(dp, visible, columns);
}

/// One head of one sequence: dq overwrites q, dk overwrites k, dv overwrites v.
template <Scalar T>
void attend_head_backward(const AttentionShape<T>& shape, MatrixView<T> q, MatrixView<T> k,
                          MatrixView<T> v, MatrixView<const T> o, MatrixView<const T> d_o,
                          const T* logsumexp, Index logsumexp_stride, T* scratch,
                          std::span<T> panel) {
  using P = Pack<T>;
  const T scale = attention_scale(shape);
  const Index d = shape.head_width;
  T* const p_tile = scratch;
  T* const dp_tile = p_tile + shape.tile_rows * shape.score_row();
  const MatrixView<T> dk(dp_tile + shape.tile_rows * shape.score_row(), shape.keys, d);
  const MatrixView<T> dv(dk.data + shape.keys * d, shape.keys, d);
  std::fill_n(dk.data, 2 * shape.keys * d, T{0});
  for (Index first = 0; first < shape.queries; first += shape.tile_rows) {
    const Index rows = std::min(shape.tile_rows, shape.queries - first);
    const Index columns = first + rows;
    const MatrixView<T> p(p_tile, rows, columns, shape.score_row());
    const MatrixView<T> dp(dp_tile, rows, columns, shape.score_row());
    const MatrixView<T> q_rows = q.row_block(first, rows);
    const MatrixView<const T> do_rows = d_o.row_block(first, rows);
    score_tile<T>(q_rows, k.row_block(0, columns), p, panel);
    score_tile<T>(do_rows, v.row_block(0, columns), dp, panel);
    for (Index i = 0; i < rows; ++i) {
      P products = P::broadcast(T{0});
      for_each_pack(d, [&](Index j, Index n) {
        products = fma(P::load(do_rows.row(i) + j, n), P::load(o.row(first + i) + j, n), products);
      });
      score_gradient_row(p.row(i), dp.row(i), first + i + 1, columns, scale,
                         logsumexp[(first + i) * logsumexp_stride], sum(products));
    }
    const auto accumulate = [&](MatrixView<T> tile, MatrixView<const T> with, MatrixView<T> to) {
      multiply_block<T>(transposed<T>(tile), {with.data, with.stride, false}, to,
                        {{0, columns}, {0, d}}, rows, Output::accumulate, nullptr, panel);
    };
    accumulate(p, do_rows, dv);
    accumulate(dp, q_rows, dk);
    multiply_block<T>(as_is<T>(dp), {k.data, k.stride, false}, q_rows, {{0, rows}, {0, d}}, columns,
                      Output::overwrite, nullptr, panel);
  }
  for (Index i = 0; i < shape.keys; ++i) {
    std::copy_n(dk.row(i), d, k.row(i));
    std::copy_n(dv.row(i), d, v.row(i));
  }
}

}  // namespace detail

template <Scalar T>
void attend(const Worker& worker, const AttentionShape<T>& shape,
            MatrixView<const std::type_identity_t<T>> q,
            MatrixView<const std::type_identity_t<T>> k,
            MatrixView<const std::type_identity_t<T>> v, MatrixView<T> o, T* logsumexp,
            std::span<T> scratch, std::span<T> pack_buffer) {
  const Range pairs = worker.split(shape.sequences * shape.heads);
  const auto head = [&](auto rows, Index pair, Index length) {
    return detail::head_of(rows, pair / shape.heads, length, pair % shape.heads, shape.head_width);
  };
  for (Index pair = pairs.begin; pair < pairs.end; ++pair) {
    T* const logsumexp_of_head =
        logsumexp == nullptr
            ? nullptr
            : logsumexp + pair / shape.heads * shape.queries * shape.heads + pair % shape.heads;
    detail::attend_head<T>(shape, head(q, pair, shape.queries), head(k, pair, shape.keys),
                           head(v, pair, shape.keys), head(o, pair, shape.queries),
                           logsumexp_of_head, shape.heads,
                           scratch.data() + worker.index() * shape.forward_scratch(),
                           octavo::detail::panel_of(worker, pack_buffer));
  }
}

template <Scalar T>
void attend_backward(const Worker& worker, const AttentionShape<T>& shape, MatrixView<T> q,
                     MatrixView<T> k, MatrixView<T> v, MatrixView<const std::type_identity_t<T>> o,
                     MatrixView<const std::type_identity_t<T>> d_o, const T* logsumexp,
                     std::span<T> scratch, std::span<T> pack_buffer) {
  const Range pairs = worker.split(shape.sequences * shape.heads);
  const auto head = [&](auto rows, Index pair) {
    return detail::head_of(rows, pair / shape.heads, shape.keys, pair % shape.heads,
                           shape.head_width);
  };
  for (Index pair = pairs.begin; pair < pairs.end; ++pair) {
    detail::attend_head_backward<T>(
        shape, head(q, pair), head(k, pair), head(v, pair), head(o, pair), head(d_o, pair),
        logsumexp + pair / shape.heads * shape.keys * shape.heads + pair % shape.heads, shape.heads,
        scratch.data() + worker.index() * shape.backward_scratch(),
        octavo::detail::panel_of(worker, pack_buffer));
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
