// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_KERNELS_ATTEND_HPP)
#define OCTAVO_KERNELS_ATTEND_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/kernels/attention_shape.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/numeric/elementary.hpp>
#include <octavo/numeric/hyperbolic.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/parallel/worker.hpp>
#include <octavo/tensor/matrix_view.hpp>

// Causal multi-head attention (Vaswani et al. 2017, eq. 1): per head
//   o_i = sum over visible j of p_ij v_j,   p_ij = exp(s_ij - lse_i),   s_ij = q_i . k_j * scale,
// with j <= i, i - j < window where there is one, and both in the same document. Heads may share
// keys and values (Ainslie et al. 2023), and scores may be capped: s = cap tanh(q_i . k_j * scale /
// cap). Scores exist for one tile of query rows at a time; keys that no query of the tile sees are
// skipped, not masked. Backward recomputes p from the saved logsumexp (Dao et al. 2022,
// section 3.1).
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
/// Workers divide the pairs (sequence, head of keys), whose gradients add up over the heads of
/// queries in order.
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
  if (shape.scale != 0) return static_cast<T>(shape.scale);
  return T{1} / std::sqrt(static_cast<T>(shape.head_width));
}

/// One head of one sequence.
template <typename T>
MatrixView<T> head_of(MatrixView<T> rows, Index sequence, Index length, Index head, Index width) {
  return rows.block(sequence * length, length, head * width, width);
}

/// The keys of a tile: `count` from `first` on, of which query i of the tile sees those from
/// hidden(i) to visible(i), counted from `first`.
struct TileKeys {
  Index first = 0, count = 0;
  Index position = 0;  ///< of the tile's first query
  Index window = 0;
  const std::int32_t* positions = nullptr;  ///< of the sequence

  template <Scalar T>
  TileKeys(const AttentionShape<T>& shape, Index first_query, Index rows)
      : position(shape.keys - shape.queries + first_query),
        window(shape.window),
        positions(shape.positions) {
    first = shape.first_key(position);
    count = position + rows - first;
  }
  Index visible(Index i) const { return position + i + 1 - first; }
  Index hidden(Index i) const {
    const Index last = position + i;
    const Index begin = positions == nullptr ? 0 : last - positions[last];
    return std::max<Index>((window == 0 ? begin : std::max(last + 1 - window, begin)) - first, 0);
  }
};

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

/// row = cap tanh(row * scale / cap). The row must be padded to whole packs.
template <Scalar T>
void cap_row(T* row, Index visible, T scale, T cap) {
  using P = Pack<T>;
  const P inner = P::broadcast(scale / cap);
  const P outer = P::broadcast(cap);
  for (Index j = 0; j < visible; j += P::lanes) {
    (tanh(P::load(row + j) * inner) * outer).store(row + j);
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
  if (whole < visible) top = max(top, P::load(row + whole).mask_tail(visible - whole, lowest));
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
    const P p = exponentiate(whole).mask_tail(visible - whole, T{0});
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
  const T cap = static_cast<T>(shape.cap);
  const T scale = attention_scale(shape);
  const T scale_of_softmax = cap == T{0} ? scale : T{1};
  for (Index first = 0; first < shape.queries; first += shape.tile_rows) {
    const Index rows = std::min(shape.tile_rows, shape.queries - first);
    const TileKeys keys(shape, first, rows);
    const MatrixView<T> scores(scratch, rows, keys.count, shape.score_row());
    score_tile<T>(q.row_block(first, rows), k.row_block(keys.first, keys.count), scores, panel);
    T inverse_sum[AttentionShape<T>::tile_rows];
    for (Index i = 0; i < rows; ++i) {
      if (cap != T{0}) cap_row(scores.row(i), keys.visible(i), scale, cap);
      std::fill_n(scores.row(i), keys.hidden(i), -std::numeric_limits<T>::infinity());
      const auto row =
          exponentiate_row(scores.row(i), keys.visible(i), keys.count, scale_of_softmax);
      inverse_sum[i] = T{1} / row.sum;
      if (logsumexp != nullptr) {
        logsumexp[(first + i) * logsumexp_stride] =
            std::fma(row.maximum, scale_of_softmax, logarithm(row.sum));
      }
    }
    const MatrixView<T> out = o.row_block(first, rows);
    const MatrixView<const T> values = v.row_block(keys.first, keys.count);
    multiply_block<T>(as_is<T>(scores), {values.data, values.stride, false}, out,
                      {{0, rows}, {0, out.columns}}, keys.count, Output::overwrite, nullptr, panel);
    for (Index i = 0; i < rows; ++i) {
      const P factor = P::broadcast(inverse_sum[i]);
      for_each_pack(out.columns, [&](Index j, Index n) {
        (P::load(out.row(i) + j, n) * factor).store(out.row(i) + j, n);
      });
    }
  }
}

/// What turns a score, as q . k gives it, into its probability, and what the gradients of a row
/// subtract.
template <Scalar T>
struct ScoreGradient {
  T scale;
  T cap;
  T logsumexp;
  T delta;
};

/// dS = P (dP - D) scale for one row, over dP in place; P is rebuilt in place from the raw scores.
/// With a cap dS is that times 1 - (s / cap)^2. Both rows are padded to whole packs.
template <Scalar T>
void score_gradient_row(T* p, T* dp, Index hidden, Index visible, Index columns,
                        const ScoreGradient<T>& row) {
  using P = Pack<T>;
  const bool capped = row.cap != T{0};
  const P factor = P::broadcast(row.scale);
  const P exponent_factor = P::broadcast(capped ? T{1} : row.scale);
  const P shift = P::broadcast(-row.logsumexp);
  const P subtracted = P::broadcast(row.delta);
  const P zero = P::broadcast(T{0});
  const P inverse_cap = P::broadcast(capped ? T{1} / row.cap : T{0});
  if (capped) cap_row(p, visible, row.scale, row.cap);
  const auto update = [&](Index j, auto kept) {
    const P score = P::load(p + j);
    // Clamped: no probability exceeds 1, even if logsumexp was rounded down.
    const P exponent = fma(score, exponent_factor, shift);
    const P probability = exp(select_greater(exponent, zero, zero, exponent));
    P gradient = probability * (P::load(dp + j) - subtracted) * factor;
    if (capped) {
      const P share = score * inverse_cap;
      gradient = gradient * fma(-share, share, P::broadcast(T{1}));
    }
    kept(probability).store(p + j);
    kept(gradient).store(dp + j);
  };
  const Index whole = visible / P::lanes * P::lanes;
  for (Index j = 0; j < whole; j += P::lanes) update(j, [](P x) { return x; });
  if (whole < visible) update(whole, [&](P x) { return x.mask_tail(visible - whole, T{0}); });
  for (T* const numbers : {p, dp}) {
    std::fill_n(numbers, hidden, T{0});
    clear_packs(numbers, visible, columns);
  }
}

/// One head of one sequence, and where the gradients of its keys and values add up.
template <Scalar T>
struct HeadBackward {
  MatrixView<T> q;  ///< is overwritten by its gradient
  MatrixView<const T> k, v, o, d_o;
  const T* logsumexp;
  Index logsumexp_stride;
  MatrixView<T> dk, dv;
};

template <Scalar T>
void attend_head_backward(const AttentionShape<T>& shape, const HeadBackward<T>& head, T* scratch,
                          std::span<T> panel) {
  using P = Pack<T>;
  const T scale = attention_scale(shape);
  const Index d = shape.head_width;
  T* const p_tile = scratch;
  T* const dp_tile = p_tile + shape.tile_rows * shape.score_row();
  for (Index first = 0; first < shape.queries; first += shape.tile_rows) {
    const Index rows = std::min(shape.tile_rows, shape.queries - first);
    const TileKeys keys(shape, first, rows);
    const MatrixView<T> p(p_tile, rows, keys.count, shape.score_row());
    const MatrixView<T> dp(dp_tile, rows, keys.count, shape.score_row());
    const MatrixView<T> q_rows = head.q.row_block(first, rows);
    const MatrixView<const T> do_rows = head.d_o.row_block(first, rows);
    const MatrixView<const T> k = head.k.row_block(keys.first, keys.count);
    score_tile<T>(q_rows, k, p, panel);
    score_tile<T>(do_rows, head.v.row_block(keys.first, keys.count), dp, panel);
    for (Index i = 0; i < rows; ++i) {
      P products = P::broadcast(T{0});
      for_each_pack(d, [&](Index j, Index n) {
        products =
            fma(P::load(do_rows.row(i) + j, n), P::load(head.o.row(first + i) + j, n), products);
      });
      score_gradient_row<T>(p.row(i), dp.row(i), keys.hidden(i), keys.visible(i), keys.count,
                            {scale, static_cast<T>(shape.cap),
                             head.logsumexp[(first + i) * head.logsumexp_stride], sum(products)});
    }
    const auto accumulate = [&](MatrixView<T> tile, MatrixView<const T> with, MatrixView<T> to) {
      multiply_block<T>(transposed<T>(tile), {with.data, with.stride, false},
                        to.row_block(keys.first, keys.count), {{0, keys.count}, {0, d}}, rows,
                        Output::accumulate, nullptr, panel);
    };
    accumulate(p, do_rows, head.dv);
    accumulate(dp, q_rows, head.dk);
    multiply_block<T>(as_is<T>(dp), {k.data, k.stride, false}, q_rows, {{0, rows}, {0, d}},
                      keys.count, Output::overwrite, nullptr, panel);
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
  for (Index pair = pairs.begin; pair < pairs.end; ++pair) {
    const Index sequence = pair / shape.heads;
    const Index head = pair % shape.heads;
    const auto part = [&](auto rows, Index length, Index number) {
      return detail::head_of(rows, sequence, length, number, shape.head_width);
    };
    T* const logsumexp_of_head =
        logsumexp == nullptr ? nullptr : logsumexp + sequence * shape.queries * shape.heads + head;
    detail::attend_head<T>(shape.of_sequence(sequence), part(q, shape.queries, head),
                           part(k, shape.keys, head / shape.group()),
                           part(v, shape.keys, head / shape.group()), part(o, shape.queries, head),
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
  const Index d = shape.head_width;
  T* const own_scratch = scratch.data() + worker.index() * shape.backward_scratch();
  const MatrixView<T> dk(own_scratch + 2 * shape.tile_rows * shape.score_row(), shape.keys, d);
  const MatrixView<T> dv(dk.data + shape.keys * d, shape.keys, d);
  const Range pairs = worker.split(shape.sequences * shape.key_heads());
  for (Index pair = pairs.begin; pair < pairs.end; ++pair) {
    const Index sequence = pair / shape.key_heads();
    const Index key_head = pair % shape.key_heads();
    const auto part = [&](auto rows, Index number) {
      return detail::head_of(rows, sequence, shape.keys, number, d);
    };
    std::fill_n(dk.data, 2 * shape.keys * d, T{0});
    for (Index i = 0; i < shape.group(); ++i) {
      const Index head = key_head * shape.group() + i;
      detail::attend_head_backward<T>(
          shape.of_sequence(sequence),
          {part(q, head), part(k, key_head), part(v, key_head), part(o, head), part(d_o, head),
           logsumexp + sequence * shape.keys * shape.heads + head, shape.heads, dk, dv},
          own_scratch, octavo::detail::panel_of(worker, pack_buffer));
    }
    for (Index i = 0; i < shape.keys; ++i) {
      std::copy_n(dk.row(i), d, part(k, key_head).row(i));
      std::copy_n(dv.row(i), d, part(v, key_head).row(i));
    }
  }
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
