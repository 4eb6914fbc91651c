// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/training/outer_step.hpp>
#include <octavo/training/rank_shards.hpp>
#include <octavo/training/rank_sum.hpp>
#include <octavo/training/set_trained.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/transformer/trained_tensors.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

/// Whether a tensor trains under these options. `block` as in ModelTables::for_each.
constexpr bool trains(const TrainingOptions& options, const TensorName& name, Index block,
                      Index layers, bool adapters) {
  if (options.freeze.text().empty() && !adapters) return options.trains("", block, layers);
  return name.with_text(
      [&](std::string_view text) { return options.trains(text, block, layers, adapters); });
}

/// Rows of a table whose gradient is computed at a time: enough for the products to be fast.
inline constexpr Index least_table_rows = 512;

/// Bytes of scratch that the optimizer needs for any of the tensors that train.
template <typename Model>
constexpr std::size_t optimizer_scratch_bytes(const Model& model, const TrainingOptions& options,
                                              Index workers) {
  using T = typename Model::Value;
  const Index layers = model.config().layers;
  const bool adapters = model.tables().has_adapters();
  std::size_t most = 0;
  if (!options.optimizer.has_scratch()) return most;
  model.tables().for_each(
      layers, [&](const TensorName& name, const ParameterEntry& entry, Index block) {
        if (!entry.is_map() || !trains(options, name, block, layers, adapters)) return;
        most = std::max(most, octavo::optimizer_scratch_bytes<T>(options.optimizer, entry.rows,
                                                                 entry.maps, workers));
      });
  return most;
}

}  // namespace detail

/// The tensors of a model that train under these options. ConfigError if a pattern matches no
/// tensor, if train_last exceeds the number of blocks, or if nothing is left to train.
template <typename Model>
OCTAVO_SETUP constexpr TrainedTensors trained_tensors(const Model& model,
                                                      const TrainingOptions& options) {
  const Index layers = model.config().layers;
  detail::check_train_last(options.train_last, layers);
  const bool adapters = model.tables().has_adapters();
  detail::check_patterns(options, adapters, [&](std::string_view pattern) {
    bool found = false;
    model.tables().for_each(layers,
                            [&](const detail::TensorName& name, const ParameterEntry&, Index) {
                              found = found || name.with_text([&](std::string_view text) {
                                return NamePatterns::matches(text, pattern);
                              });
                            });
    return found;
  });
  const TrainedTensors trained = trained_tensors(
      model.tables(), layers, [&](const detail::TensorName& name, Index block, Index all) {
        return detail::trains(options, name, block, all, adapters);
      });
  detail::check_trained_count(trained.sizes.count);
  return trained;
}

/// All parameters of a model, with the frozen ones and those outside the weights marked.
template <typename Model>
OCTAVO_SETUP ParameterList trained_parameters(const Model& model, const TrainingOptions& options) {
  ParameterList parameters = model.parameters();
  set_trained(parameters, options, model.config().layers);
  return parameters;
}

/// How the trained numbers are dealt to the processes under these options.
OCTAVO_SETUP inline RankShards rank_shards(std::span<const Parameter> parameters, Index layers,
                                           const TrainingOptions& options) {
  if (!options.shards_state()) return {};
  return {parameters, layers, options.optimizer, options.ranks, options.fused_update};
}

/// PassShape::table_rows under these options: blocks of the norm, and of every optimizer's state,
/// begin with a row of the table. 0 where the gradient of a whole table needs less memory than what
/// is kept for its blocks.
constexpr Index table_rows(const ModelConfig& config, const TrainedTensors& trained,
                           const TrainingOptions& options) {
  if (!options.recompute_logits || trained.token_table + trained.head_table == 0) return 0;
  const Index least = detail::norm_chunk / std::gcd(detail::norm_chunk, config.width);
  const Index rows = (detail::least_table_rows + least - 1) / least * least;
  const Index kept =
      options.rows() * (config.width + 2) +
      (config.head.tied ? std::min(options.rows(), most_table_logits_rows) * rows : 0);
  return kept + rows * config.width < config.vocabulary * config.width ? rows : 0;
}

/// The buffers of a training run other than those of the model's passes.
template <Scalar T>
struct TrainingMemory {
  Booking<T> weights;
  Booking<T> averages;   ///< of the trained weights; only with TrainingOptions::ema
  Booking<T> gradients;  ///< of all trained parameters; with TrainingOptions::zero = 2 of a share;
                         ///< empty with fused_update. Both of these use:
  /// the gradients of one part at a time; of one layer of a block at a time, if possible
  Booking<T> embedding_gradient, block_gradient, head_gradient;
  Booking<std::byte> optimizer_state;
  Booking<std::byte> optimizer_scratch;  ///< of optimizers that work on whole matrices
  Booking<T> leaf_sums;                  ///< further gradients, if a process sums several leaves
  Booking<T> received;                   ///< shards of gradients from other processes
  Booking<T> losses;                     ///< one per row of the step of all processes
  Booking<T> embedding_gradients;        ///< of all rows of a leaf; tied models only
  Booking<Token> inputs;
  Booking<Token> targets;
  Booking<std::int32_t> positions;  ///< of each row in its document; only with packed rows
  Booking<double> norm_partials;
  Booking<T> round_weights, outer_momentum;  ///< of DiLoCo, as outer_exchange is
  Booking<std::byte> outer_exchange;
  Booking<std::byte> between_steps;

  template <typename Model>
  OCTAVO_SETUP static constexpr TrainingMemory book(MemoryPlan& plan, const Model& model,
                                                    const TrainedTensors& trained,
                                                    const TrainingOptions& options, Index workers) {
    check_step(options);
    detail::check_between_steps(options.between_steps_bytes);
    const Index parameters =
        model.parameter_count() - (options.stored_base ? trained.base_count : 0);
    const Index rows = options.rows();
    const auto always = [&]<typename U>(std::type_identity<U>, const char* name, MemoryKind kind,
                                        Index count) {
      return plan.book<U>("run", name, kind, count, phase::always);
    };
    constexpr std::type_identity<T> number;
    constexpr std::type_identity<Token> token;
    ShareSizes shares;
    if (options.shards_state()) shares = share_sizes(model, options);
    TrainingMemory memory;
    memory.weights = always(number, "weights", MemoryKind::parameters, parameters);
    if (options.ema > 0) {
      memory.averages =
          always(number, "averaged weights", MemoryKind::parameters, trained.sizes.count);
    }
    memory.optimizer_state =
        always(std::type_identity<std::byte>{}, "optimizer state", MemoryKind::optimizer_state,
               static_cast<Index>(optimizer_state_bytes<T>(
                   options.optimizer, options.shards_state() ? shares.state : trained.sizes)));
    if (options.optimizer.has_scratch()) {
      memory.optimizer_scratch = plan.book<std::byte>(
          "run", "optimizer scratch", MemoryKind::scratch,
          static_cast<Index>(detail::optimizer_scratch_bytes(model, options, workers)),
          options.fused_update ? Lifetime{phase::head, phase::embed_backward}
                               : Lifetime{phase::update, phase::update});
    }
    memory.inputs = always(token, "inputs", MemoryKind::data, rows);
    memory.targets = always(token, "targets", MemoryKind::data, rows);
    if (options.packed) {
      memory.positions =
          always(std::type_identity<std::int32_t>{}, "positions", MemoryKind::data, rows);
    }
    memory.losses = always(number, "losses", MemoryKind::data, rows);
    if (options.parts_in_turn()) {
      memory.book_part_gradients(plan, model, trained, options);
      if (!options.fused_update) {
        memory.gradients = always(number, "gradients", MemoryKind::gradients, shares.sums);
      }
    } else {
      memory.gradients = always(number, "gradients", MemoryKind::gradients, trained.sizes.count);
      if (const Index more = options.sum_tree().slots() - 1; more > 0) {
        memory.leaf_sums = plan.book<T>("run", "gradients of further leaves", MemoryKind::gradients,
                                        more * trained.sizes.count, phase::passes);
      }
      memory.norm_partials = plan.book<double>("run", "norm partials", MemoryKind::scratch,
                                               global_norm_partials(trained.sizes.count),
                                               {phase::update, phase::update});
      if (model.config().head.tied && trained.embedding()) {
        memory.embedding_gradients =
            plan.book<T>("run", "embedding gradients", MemoryKind::saved,
                         rows / options.leaves * model.config().width, phase::passes);
      }
    }
    if (options.ranks > 1) {
      memory.received = plan.book<T>(
          "run", "gradients of other processes", MemoryKind::gradients,
          options.shards_state() ? options.sum_tree().nodes() * shares.largest_sum
                                 : rank_sum_numbers<T>(options.sum_tree(), trained.largest_part()),
          phase::passes);
    }
    if (options.diloco.on()) {
      constexpr MemoryKind kind = MemoryKind::optimizer_state;
      memory.round_weights = always(number, "weights of a round", kind, trained.sizes.count);
      memory.outer_momentum = always(number, "outer momentum", kind, trained.sizes.count);
      memory.outer_exchange =
          plan.book<std::byte>("run", "outer exchange", MemoryKind::scratch,
                               outer_exchange_bytes<T>(trained.sizes.count, options.diloco),
                               {phase::update, phase::update});
    }
    memory.between_steps = plan.book<std::byte>("run", "between steps", MemoryKind::cache,
                                                static_cast<Index>(options.between_steps_bytes),
                                                {phase::between_steps, phase::between_steps});
    return memory;
  }

 private:
  /// Of the largest share of a process.
  struct ShareSizes {
    TrainedSizes state = {};
    Index largest_sum = 0;  ///< numbers that it adds up of a part
    Index sums = 0;         ///< ... of all parts
  };

  template <typename Model>
  OCTAVO_SETUP static ShareSizes share_sizes(const Model& model, const TrainingOptions& options) {
    const RankShards shards =
        rank_shards(trained_parameters(model, options).span(), model.config().layers, options);
    return {shards.sizes(), shards.largest_sum(), shards.most_sums()};
  }

  /// Requests memory for the gradients of one part at a time, for each slot of the sum over leaves.
  /// A tied token table gets gradients from all leaves at the head, before any at the embedding.
  template <typename Model>
  OCTAVO_SETUP constexpr void book_part_gradients(MemoryPlan& plan, const Model& model,
                                                  const TrainedTensors& trained,
                                                  const TrainingOptions& options) {
    const bool early =
        model.config().head.tied && table_rows(model.config(), trained, options) == 0;
    const int tables = early ? phase::embed_forward : phase::embed_backward;
    const bool layers = options.layer_by_layer();
    const Index rows = table_rows(model.config(), trained, options);
    // The numbers of a table's gradient that are never there.
    const auto left_out = [&](Index table) {
      return rows > 0 ? std::max<Index>(table - rows * model.config().width, 0) : 0;
    };
    const SumTree tree = options.sum_tree();
    const Index slots = tree.slots();
    const Index table_slots = model.config().head.tied ? tree.leaves_per_rank() : slots;
    // With several passes, a block is recomputed for one pass while it already has gradients of
    // another.
    const int block =
        options.recompute && !layers ? phase::attention_forward : phase::feed_forward_backward;
    const auto part = [&](const char* name, Index count, Lifetime lifetime) {
      return plan.book<T>("run", name, MemoryKind::gradients, count, lifetime);
    };
    embedding_gradient =
        part("embedding's gradient",
             table_slots * (trained.embedding_count - left_out(trained.token_table)),
             {tables, phase::embed_backward});
    block_gradient = part(
        layers ? "a layer's gradient" : "a block's gradient",
        layers ? trained.largest_unit + trained.most_outside_units : slots * trained.largest_block,
        {block, phase::attention_backward});
    head_gradient =
        part("head's gradient", slots * (trained.head_count - left_out(trained.head_table)),
             {phase::embed_forward, phase::head});
    norm_partials = plan.book<double>(
        "run", "norm partials", MemoryKind::scratch,
        global_norm_partials(options.fused_update ? trained.largest_part() : trained.sizes.count),
        options.fused_update ? phase::passes : Lifetime{phase::update, phase::update});
  }
};

/// A model built for training with these options, and the plan of the one block of memory in which
/// it trains.
template <typename Model>
struct TrainingPlan {
  using T = typename Model::Value;

  OCTAVO_SETUP constexpr TrainingPlan(const typename Model::Configuration& config,
                                      const TrainingOptions& options, Index workers)
      : TrainingPlan(Model(config), options, workers) {}

  MemoryPlan plan;
  TrainedTensors trained;
  TrainingMemory<T> memory;
  Model model;

 private:
  OCTAVO_SETUP constexpr TrainingPlan(const Model& sizes, const TrainingOptions& options,
                                      Index workers)
      : trained(trained_tensors(sizes, options)),
        memory(TrainingMemory<T>::book(plan, sizes, trained, options, workers)),
        model(sizes.configuration(), plan, pass(sizes.config(), options, workers),
              gradients(options)) {
    plan.place();
  }

  constexpr PassShape pass(const ModelConfig& config, const TrainingOptions& options,
                           Index workers) const {
    PassShape pass = options.pass(workers);
    pass.first_block = trained.first_block;
    pass.table_rows = octavo::table_rows(config, trained, options);
    return pass;
  }
  constexpr BlockGradients<T> gradients(const TrainingOptions& options) const {
    const bool unfused_parts = options.parts_in_turn() && !options.fused_update;
    if (options.passes() > 1 || !trained.equal_blocks || unfused_parts) return {};
    return {memory.gradients, trained.embedding_count, trained.largest_block};
  }
};

/// The exact bytes of the one block in which a model trains on `workers` workers: weights,
/// gradients, optimizer state, saved activations and all scratch. Usable in static_assert:
/// `training_bytes<Transformer<float, ModelConfig, MyBlock<float>>>(config, options)`.
template <typename Model>
constexpr std::size_t training_bytes(const typename Model::Configuration& config,
                                     const TrainingOptions& options, Index workers = 1) {
  return TrainingPlan<Model>(config, options, workers).plan.total_bytes();
}
/// The bytes of Transformer<T>: `training_bytes<float>(config, {.batch = 1, .sequence = 32})`.
template <Scalar T>
constexpr std::size_t training_bytes(const ModelConfig& config, const TrainingOptions& options,
                                     Index workers = 1) {
  return training_bytes<Transformer<T>>(config, options, workers);
}

/// The micro-batch that needs the least memory: one sequence, or all of them if that needs no more,
/// as for models that are large relative to their batch (see Transformer). All at once is then also
/// faster.
template <typename Model>
[[nodiscard]] constexpr Index leanest_micro_batch(const typename Model::Configuration& config,
                                                  TrainingOptions options, Index workers = 1) {
  options.micro_batch = 1;
  const std::size_t one = training_bytes<Model>(config, options, workers);
  options.micro_batch = options.sequences();
  return training_bytes<Model>(config, options, workers) <= one ? options.micro_batch : 1;
}
template <Scalar T>
[[nodiscard]] constexpr Index leanest_micro_batch(const ModelConfig& config,
                                                  const TrainingOptions& options,
                                                  Index workers = 1) {
  return leanest_micro_batch<Transformer<T>>(config, options, workers);
}

}  // namespace OCTAVO_NAMESPACE
