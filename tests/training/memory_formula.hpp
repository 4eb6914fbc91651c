// SPDX-License-Identifier: MIT
// The bytes of training as a closed formula, written down by hand: what the plan is compared with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <vector>

#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_options.hpp>

namespace octavo_test {

using namespace octavo;

/// Every buffer begins at a multiple of 64 bytes.
template <typename T>
std::size_t room(Index count) {
  return (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
}

/// The tensors of a block, written down by hand: of each layer the numbers in its tensors.
inline std::vector<std::vector<Index>> block_layers(const ModelConfig& m) {
  const Index c = m.width, q = m.query_width(), kv = m.kv_width();
  const Index up = m.feed_forward.gated ? 2 * m.feed_forward.d_ff : m.feed_forward.d_ff;
  const auto with = [](Index weight, bool bias, Index of_bias) {
    return bias ? std::vector<Index>{weight, of_bias} : std::vector<Index>{weight};
  };
  const std::vector<Index> norm = with(c, m.norm.bias, c), of_heads{m.head_width()};
  const bool output_bias = m.attention.bias && m.attention.output_bias;
  const bool convolved = m.conv_taps > 0;
  std::vector<std::vector<Index>> layers{norm};
  if (convolved) layers.push_back({m.conv_taps * c});
  layers.push_back(with(c * (q + 2 * kv), m.attention.bias, q + 2 * kv));
  if (m.attention.qk_norm) layers.insert(layers.end(), 2, of_heads);
  layers.push_back(with(q * c, output_bias, c));
  if (m.arrangement != Arrangement::parallel) {
    layers.push_back(norm);
    if (convolved) layers.push_back({m.conv_taps * c});
  }
  if (m.arrangement == Arrangement::pre_post_norm) layers.insert(layers.end(), 2, norm);
  layers.push_back(with(c * up, m.feed_forward.bias, up));
  layers.push_back(with(m.feed_forward.d_ff * c, m.feed_forward.bias, c));
  return layers;
}

/// The adapters of one matrix: x [rows, in] A [in, hidden], then B [rank, out] for some of the
/// maps.
struct AdapterSizes {
  Index in = 0, hidden = 0;
  std::vector<Index> outs;

  Index count(Index rank) const {
    Index all = in * hidden;
    for (const Index out : outs) all += rank * out;
    return all;
  }
};

/// Of queries, keys, values; output; first and last matrix of the feed-forward part. Those that the
/// test knows by name: all, or those of q, v and down.
inline std::vector<AdapterSizes> adapters_of(const ModelConfig& m) {
  const Index c = m.width, q = m.query_width(), kv = m.kv_width(), f = m.feed_forward.d_ff;
  const Index r = m.lora.rank;
  if (r == 0) return std::vector<AdapterSizes>(4);
  const bool all = m.lora.targets.text().empty();
  if (!all) return {{c, 2 * r, {q, kv}}, {}, {}, {f, r, {c}}};
  if (m.feed_forward.gated) {
    return {{c, 3 * r, {q, kv, kv}}, {q, r, {c}}, {c, 2 * r, {f, f}}, {f, r, {c}}};
  }
  return {{c, 3 * r, {q, kv, kv}}, {q, r, {c}}, {c, r, {f}}, {f, r, {c}}};
}

/// What a block keeps from forward to backward: numbers per row, in the order of its layers.
inline std::vector<Index> kept_per_row(const ModelConfig& m) {
  const Index c = m.width, q = m.query_width(), kv = m.kv_width();
  const std::vector<AdapterSizes> adapters = adapters_of(m);
  const bool post = m.arrangement == Arrangement::pre_post_norm;
  std::vector<Index> kept{c, 1};
  const auto add = [&](std::initializer_list<Index> more) { kept.insert(kept.end(), more); };
  const auto add_adapter = [&](std::size_t i) {
    if (adapters[i].hidden > 0) add({adapters[i].hidden});
  };
  add_adapter(0);
  if (m.attention.qk_norm) add({q, m.attention.heads, kv, m.kv_heads()});
  add_adapter(1);
  add({q + 2 * kv, q, m.attention.heads});
  if (post) add({c, 1});
  if (m.arrangement != Arrangement::parallel) add({c, 1});
  add_adapter(2);
  add_adapter(3);
  add({(m.feed_forward.gated ? 2 : 1) * m.feed_forward.d_ff});
  if (post) add({c, 1});
  return kept;
}

/// The bytes of a step, written down by hand from docs/memory.md: for each phase, what is alive.
template <typename T>
std::size_t closed_formula(const ModelConfig& m, const TrainingOptions& o, Index workers) {
  const Index n = std::min(o.micro_batch, o.sequences()) * o.sequence;
  const Index rows = o.rows();
  const Index held = o.fused_update ? (rows + n - 1) / n : 1;
  const Index c = m.width, f = m.feed_forward.d_ff, q = m.query_width(), v = m.vocabulary,
              t = o.sequence;
  const Index up = m.feed_forward.gated ? 2 * f : f;
  const Index p = parameter_count(m);
  Index block_parameters = 0, block_tensors = 0, largest_layer = 0;
  for (const std::vector<Index>& layer : block_layers(m)) {
    Index count = 0;
    for (const Index tensor : layer) count += tensor;
    block_parameters += count;
    block_tensors += static_cast<Index>(layer.size());
    largest_layer = std::max(largest_layer, count);
  }
  const std::vector<AdapterSizes> adapters = adapters_of(m);
  const bool adapted = m.lora.rank > 0;
  Index trained_of_block = block_parameters;
  if (adapted) {
    trained_of_block = block_tensors = largest_layer = 0;
    for (const AdapterSizes& adapter : adapters) {
      const Index count = adapter.count(m.lora.rank);
      trained_of_block += count;
      block_tensors += count > 0 ? 2 : 0;
      largest_layer = std::max(largest_layer, count);
    }
    block_parameters += trained_of_block;
  }
  const bool learned = m.positions.kind == PositionKind::learned;
  const Index embedding_parameters = (v + (learned ? m.context : 0)) * c;
  const Index end_parameters = adapted ? 0 : p - embedding_parameters - m.layers * block_parameters;
  const Index end_tensors =
      adapted ? 0 : 1 + (m.norm.bias ? 1 : 0) + (m.head.tied ? 0 : 1 + (m.head.bias ? 1 : 0));
  const bool some = o.train_last > 0 || adapted;  // blocks and head train alone
  const Index blocks = o.train_last > 0 ? o.train_last : m.layers;
  const Index trained_embedding = some ? 0 : embedding_parameters;
  const Index trained = trained_embedding + blocks * trained_of_block + end_parameters;
  const Index tensors = (some ? 0 : learned ? 2 : 1) + blocks * block_tensors + end_tensors;
  const Index largest = std::max({trained_of_block, trained_embedding, end_parameters});
  const bool by_layer = held == 1;
  const auto layers = static_cast<std::size_t>(blocks * held);

  const Index kv = m.kv_width();
  const Index maps_of_block =
      adapted ? trained_of_block : c * (q + 2 * kv) + q * c + c * up + f * c;
  const auto of_map = [&](Index in, Index out) {
    const Index least = std::min(in, out), longest = std::min<Index>(std::max(in, out), 256);
    return 2 * room<T>(in * out) + room<double>(in) + 4 * room<T>(least * least) +
           room<std::byte>(workers * longest * 192);
  };
  std::size_t orthogonalize =
      o.optimizer.same_rule(Muon{}) && !adapted
          ? std::max({of_map(c, q), of_map(c, kv), of_map(q, c), of_map(c, f), of_map(f, c)})
          : 0;
  Index widest_adapter = 0;
  for (const AdapterSizes& adapter : adapters) {
    widest_adapter = std::max(widest_adapter, adapter.hidden);
    if (!o.optimizer.same_rule(Muon{}) || adapter.hidden == 0) continue;
    orthogonalize = std::max(orthogonalize, of_map(adapter.in, m.lora.rank));
    for (const Index out : adapter.outs) {
      orthogonalize = std::max(orthogonalize, of_map(m.lora.rank, out));
    }
  }
  const std::size_t state =
      o.optimizer.same_rule(AdamW8bit{})
          ? room<std::byte>(2 * ((trained + 63) / 64 * 64) + 4 * (trained / 256 + tensors))
      : o.optimizer.same_rule(Lion{}) ? room<T>(trained)
      : o.optimizer.same_rule(Muon{}) ? room<T>(2 * trained - blocks * maps_of_block)
                                      : room<T>(2 * trained);
  ModelConfig base = m;
  base.lora = {};
  const Index outside = o.stored_base ? parameter_count(base) : 0;
  const std::size_t always = room<T>(p - outside) + state + (o.ema > 0 ? room<T>(trained) : 0) +
                             2 * room<Token>(rows) + room<T>(rows) +
                             (o.fused_update ? 0 : room<T>(trained));
  const Index panel =
      std::min<Index>(std::max({c, m.conv_taps, q + 2 * m.kv_width(), up, f, v, n, widest_adapter}),
                      256) *
      192;  // bytes
  const std::size_t passes = room<std::byte>(workers * panel) + room<T>(held * n * c) +
                             (m.head.tied && !o.fused_update && !some ? room<T>(rows * c) : 0);
  // Of what blocks keep, all but the first's is in the gradients of the block before, if the step
  // is one pass and where there is room.
  const bool one_pass = n == rows && !o.fused_update;
  std::size_t capacity = one_pass ? static_cast<std::size_t>(trained_of_block) * sizeof(T) : 0;
  const auto per_block = [&](Index count) {
    const bool overlays = layers > 1 && room<T>(count) + 63 <= capacity;
    if (overlays) capacity -= room<T>(count);
    return (overlays ? 1 : layers) * room<T>(count);
  };
  const std::size_t inputs = o.recompute ? per_block(n * c) : 0;
  std::size_t kept = 0;
  for (const Index count : kept_per_row(m)) {
    kept += o.recompute ? room<T>(n * count) : per_block(n * count);
  }
  const auto fused = [&](Index count) { return o.fused_update ? room<T>(count) : 0; };
  // Gradients of tables in blocks of rows that begin with a chunk of the norm: what is not there,
  // and what is kept instead.
  const Index step = 4096 / std::gcd<Index>(4096, c), block = (512 + step - 1) / step * step;
  const Index logits = m.head.tied ? std::min<Index>(rows, 256) * block : 0;
  const bool in_rows = o.recompute_logits && !adapted && !(some && m.head.tied) &&
                       rows * (c + 2) + logits + block * c < v * c;
  const Index left_out = in_rows ? (v - block) * c : 0;
  const std::size_t kept_rows = in_rows ? room<T>(held * n * c) + 2 * room<T>(held * n) : 0;
  const std::size_t table_logits =
      in_rows && m.head.tied ? room<T>(std::min<Index>(held * n, 256) * block) : 0;
  const int table_end = m.head.tied ? 6 : 3;
  const std::size_t partials = room<double>(((o.fused_update ? largest : trained) + 4095) / 4096);

  const bool windows = m.attention.window > 0 && m.attention.window_pattern == 0;
  const Index seen = windows ? std::min(t, m.attention.window + 46) : t;
  const Index row = (seen + 15) / 16 * 16;
  const std::size_t branch = 2 * room<T>(n * c);
  const bool apart = o.dropout > 0 || m.arrangement == Arrangement::pre_post_norm;
  const std::size_t back = branch + (apart ? room<T>(n * c) : 0) +
                           (m.arrangement == Arrangement::parallel ? room<T>(n * c) : 0);
  // Of the adapters of two matrices: their inputs, dropped, and on the way back their hidden
  // values.
  const auto of_adapters = [&](std::size_t first, bool backward) {
    std::size_t bytes = 0;
    for (const std::size_t i : {first, first + 1}) {
      if (backward) bytes += room<T>(n * adapters[i].hidden);
      if (m.lora.dropout > 0) bytes += room<T>(n * adapters[i].in);
    }
    return bytes;
  };
  const std::size_t scratch[9] = {
      0,
      branch + room<T>(workers * 32 * row) + of_adapters(0, false),
      branch + room<T>(n * f) + of_adapters(2, false),
      branch + (in_rows ? 0 : room<T>(n * c)) + room<T>(n) + room<T>(std::min<Index>(n, 64) * v),
      back + room<T>(n * f) + of_adapters(2, true),
      back + room<T>(n * q) + of_adapters(0, true) +
          room<T>(workers * (64 * row + (2 * t * m.head_width() + 15) / 16 * 16)),
      0,
      0,
      room<std::byte>(static_cast<Index>(o.between_steps_bytes))};
  std::size_t most = 0;
  for (int phase = 0; phase < 9; ++phase) {
    const auto in = [&](int first, int last, std::size_t bytes) {
      return first <= phase && phase <= last ? bytes : 0;
    };
    most = std::max(most, scratch[phase] + in(0, 6, passes) +
                              in(held > 1 && !o.recompute ? 0 : 1, 5, kept) +
                              in(held > 1 ? 0 : 1, 5, inputs) +
                              in(0, 3, fused(end_parameters - (m.head.tied ? 0 : left_out))) +
                              in(held > 1 || m.head.tied ? 0 : 3, table_end, kept_rows) +
                              in(table_end, table_end, table_logits) +
                              in(o.recompute && !by_layer ? 1 : 4, 5,
                                 fused(by_layer ? largest_layer : trained_of_block)) +
                              in(m.head.tied && !in_rows ? 0 : 6, 6,
                                 fused(trained_embedding - (some ? 0 : left_out))) +
                              in(o.fused_update ? 0 : 7, o.fused_update ? 6 : 7, partials) +
                              in(o.fused_update ? 3 : 7, o.fused_update ? 6 : 7, orthogonalize));
  }
  return always + most;
}

}  // namespace octavo_test
