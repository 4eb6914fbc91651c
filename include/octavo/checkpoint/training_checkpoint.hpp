// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/model_file.hpp>
#include <octavo/checkpoint/state_tensors.hpp>
#include <octavo/checkpoint/training_metadata.hpp>
#include <octavo/training/trainer.hpp>

namespace OCTAVO_NAMESPACE {

/// Everything in a checkpoint except its tensors.
struct CheckpointInfo {
  ModelConfig config;
  std::string part;         ///< see ModelDescription
  TrainingOptions options;  ///< without those that change no result: micro-batch, recomputation
  RunState state;
  AnyTokenizer tokenizer;
  CorpusIdentity corpus;
  BaseIdentity base;  ///< with TrainingOptions::stored_base
  bool double_precision = false;
  /// Factors on the learning rate by the tensors' names in files; 1 for all other tensors.
  std::map<std::string, double> learning_rate_factors;
};

/// Saves a run as one safetensors file, atomically, from which it resumes bit for bit: weights
/// under the names of Transformer::parameters(), "optimizer.state", and everything else as
/// metadata. With TrainingOptions::ema the names of trained tensors have the averages, which
/// load_model and other programs then read as the model, and "training.<name>" the weights. If
/// processes have shares of the optimizer's state, call it on the first one in a callback of the
/// run or in Trainer::on_first_rank: the file is that of one process. Equal states give equal
/// bytes. With TrainingOptions::stored_base it has what trains and adapters alone, and names the
/// base. Makes no second copy of the tensors. Throws Diverged, and saves nothing, if a weight or
/// moment is not finite: such a file could not be loaded.
template <Scalar T, typename Config, typename Part>
void save_checkpoint(const std::string& path, const Trainer<T, Config, Part>& trainer,
                     const AnyTokenizer& tokenizer, const CorpusIdentity& corpus,
                     FileSystem& files = real_file_system()) {
  const RunState state = trainer.state();
  const TrainingOptions& options = trainer.options();
  const auto& step = trainer.training_step();
  const TrainedSizes& sizes = trainer.parameters().trained();
  const auto demand = [&](bool sound, const char* numbers) {
    if (sound) return;
    throw Diverged(
        detail::concat({"cannot save ", printable(path), ": not all ", numbers, " are finite"}),
        state.steps_done, state.average_loss, "lower the learning rate");
  };
  require(!trainer.uses_averages(),
          "a run is saved after the object of use_averages() is destroyed");
  demand(detail::all_finite<T>(trainer.weights()), "weights");
  demand(detail::all_finite<T>(trainer.averages()), "averaged weights");
  detail::WholeStateReader state_reader(step);
  const auto copy = [&](std::size_t first, std::span<std::byte> bytes) {
    state_reader.read(first, bytes);
  };
  demand(detail::all_finite<T>(step.outer_momentum()), "outer moments");
  demand(!detail::first_impossible<T>(options.optimizer, sizes, copy), "moments");
  detail::check_saved(trainer.config(), options.sequence, tokenizer.vocabulary_size());
  MetadataWriter metadata;
  detail::write_format(metadata, "checkpoint");
  for_each_field(trainer.config(), detail::FieldWriter{metadata});
  detail::write_part(metadata, detail::part_name<Part>());
  detail::write_tokenizer(metadata, tokenizer);
  metadata.whole("trained_length", std::max(options.sequence, options.trained_length));
  metadata.truth("double", sizeof(T) == sizeof(double));
  for_each_field(options, detail::FieldWriter{metadata});
  detail::write_state(metadata, state);
  detail::write_factors(metadata, trainer.parameters());
  detail::write_corpus(metadata, corpus);
  detail::write_base(metadata, trainer.base());
  const WeightSource<T> weights(trainer.weights());
  auto tensors = detail::weights_to_write<T>(trainer.parameters(), weights, path);
  const auto form = detail::state_form<T>(options.optimizer, sizes);
  tensors.push_back(detail::state_to_write<T>(step, form));
  if (options.diloco.on()) tensors.push_back(detail::outer_momentum_to_write<T>(step));
  if (options.ema > 0) detail::add_averages(tensors, trainer);
  write_safetensors(path, tensors, metadata.entries(), files);
}

/// The kinds of model and optimizers that a program reads from checkpoints: `{.model =
/// model_kind<MyModel>}`; with a rule of your own `{.model = model_kind<MyModel>, .optimizers =
/// known}`, where `static constexpr auto known = known_optimizers(MyRule{});`.
struct CheckpointKinds {
  ModelKind model = standard_model;
  OptimizerList optimizers =
      builtin_optimizers<>;  ///< must outlive every CheckpointFile that uses it
};

/// A checkpoint opened for reading. The constructor checks the whole header.
class CheckpointFile {
 public:
  /// `source` must outlive this object. FormatError if the header is invalid. A checkpoint of a
  /// model with another part can be opened, but neither verified nor loaded.
  explicit CheckpointFile(const ByteSource& source, const CheckpointKinds& kinds = {})
      : file_(source), model_kind_(kinds.model), info_(read_info(file_, kinds.optimizers)) {
    if (file_.is_unaltered()) return;
    const ParameterList parameters = model().parameters;
    std::vector<std::string> names;
    for (const Parameter& parameter : parameters) {
      if (!parameter.outside) names.push_back(gpt2_name(parameter.name));
    }
    const std::vector<std::string> others = tensors_of_run(parameters);
    names.insert(names.end(), others.begin(), others.end());
    if (!file_.restore_sums(names)) file_.fail_altered();
  }

  const CheckpointInfo& info() const noexcept { return info_; }

  /// Reads the whole file without storing it. FormatError unless its tensors are those of this kind
  /// of model under these options, unaltered and finite.
  void verify() const {
    if (info_.double_precision) {
      verify<double>(model().parameters);
    } else {
      verify<float>(model().parameters);
    }
  }

  /// Restores the saved state into a trainer of the same configuration, scalar type and optimizer,
  /// including the tensors' learning-rate factors; the trainer keeps its other options. The file is
  /// verified before the trainer is changed. (The trainer's numbers are lost only if the file
  /// cannot be read a second time or was altered meanwhile.)
  template <Scalar T, typename Config, typename Part>
  void load(Trainer<T, Config, Part>& trainer) const {
    detail::check_part(file_, info_.part, detail::part_name<Part>(),
                       info_.part.empty() ? "load it into a trainer without that part"
                                          : "make the trainer with that part: TrainerOf<Model>");
    const TrainingOptions& options = trainer.options();
    const auto expect = [&](bool same, const char* what, const auto& got, const auto& expected) {
      require(same, [&] {
        return detail::concat({"cannot load ", printable(file_.name()), ": a checkpoint's ", what,
                               " must be the trainer's: got ", got, ", expected ", expected});
      });
    };
    constexpr bool wide = sizeof(T) == sizeof(double);
    expect(wide == info_.double_precision, "scalar", wide ? "float" : "double",
           wide ? "double" : "float");
    if (info_.config != trainer.config()) {
      const auto [got, expected] = describe_differences(info_.config, trainer.config());
      expect(false, "configuration", got, expected);
    }
    expect(info_.options.optimizer.same_rule(options.optimizer), "optimizer",
           name_of(info_.options.optimizer), name_of(options.optimizer));
    expect(info_.options.freeze == options.freeze, "frozen tensors",
           printable(info_.options.freeze.text()), printable(options.freeze.text()));
    expect(info_.options.train_last == options.train_last, "train_last", info_.options.train_last,
           options.train_last);
    expect((info_.options.ema > 0) == (options.ema > 0), "ema", value_text(info_.options.ema),
           value_text(options.ema));
    expect(info_.options.diloco.on() == options.diloco.on(), "diloco", info_.options.diloco.steps,
           options.diloco.steps);
    expect(info_.options.stored_base == options.stored_base, "base",
           info_.options.stored_base ? "stored" : "in the file",
           options.stored_base ? "stored" : "in the file");
    require(info_.base.fingerprint == trainer.base().fingerprint, [&] {
      return detail::concat({"cannot load ", printable(file_.name()), ": the base ",
                             printable(trainer.base().path), " is another: its fingerprint is ",
                             trainer.base().fingerprint, ", expected ", info_.base.fingerprint,
                             " of ", printable(info_.base.path)});
    });
    require(!trainer.uses_averages(),
            "a run is loaded after the object of use_averages() is destroyed");
    verify<T>(trainer.parameters());
    detail::read_weights<T>(file_, trainer.parameters(), trainer.weights());
    const TensorInFile& moments = file_.tensor(std::string(detail::optimizer_state_name));
    set_state_here(trainer.training_step(), [&](std::size_t first, std::span<std::byte> bytes) {
      file_.read(moments, first, bytes);
    });
    if (options.ema > 0) detail::read_averages<T>(file_, trainer);
    if (options.diloco.on()) {
      detail::read_tensor<T>(file_, std::string(detail::outer_momentum_name),
                             trainer.training_step().outer_momentum());
    }
    for (const Parameter& parameter : trainer.parameters()) {
      const auto found = info_.learning_rate_factors.find(gpt2_name(parameter.name));
      trainer.parameters().set_learning_rate_factor_of(
          static_cast<std::size_t>(parameter.index),
          found == info_.learning_rate_factors.end() ? 1.0 : found->second);
    }
    trainer.set_state(info_.state);
  }

 private:
  ModelDescription model() const {
    ModelDescription model =
        detail::describe_model(MetadataReader(file_), model_kind_, info_.config);
    detail::check_part(file_, info_.part, model.part,
                       "open it as the model that it was saved from: CheckpointKinds{.model = "
                       "model_kind<Model>}");
    try {
      set_trained(model.parameters, info_.options, info_.config.layers);
    } catch (const ConfigError& error) {
      file_.fail(detail::concat({"metadata 'freeze': ", error.what()}));
    }
    return model;
  }

  static CheckpointInfo read_info(const SafetensorsReader& file, OptimizerList known) {
    const MetadataReader metadata(file);
    constexpr std::array<std::string_view, 1> kinds{"checkpoint"};
    detail::read_format(metadata, kinds);
    const ModelConfig config = detail::read_config(metadata);
    TrainingOptions options = detail::read_options(metadata, config, known);
    options.trained_length = detail::read_trained_length(metadata, config);
    const BaseIdentity base = detail::read_base(metadata);
    if (base.exists() != options.stored_base) {
      metadata.refuse("stored_base", base.exists() ? "1 beside a base" : "0 without a base");
    }
    return {config,
            detail::read_part(metadata),
            options,
            detail::read_state(metadata),
            detail::read_tokenizer(metadata, config.vocabulary),
            detail::read_corpus(metadata),
            base,
            metadata.truth("double"),
            detail::read_factors(metadata)};
  }

  /// The tensors that are not the model's.
  std::vector<std::string> tensors_of_run(const ParameterList& parameters) const {
    std::vector<std::string> names{std::string(detail::optimizer_state_name)};
    if (info_.options.diloco.on()) names.emplace_back(detail::outer_momentum_name);
    if (info_.options.ema == 0) return names;
    for (const Parameter& parameter : parameters) {
      if (parameter.trains()) names.push_back(detail::training_name(parameter));
    }
    return names;
  }

  template <Scalar T>
  void verify(const ParameterList& parameters) const {
    constexpr std::array dtypes{scalar_name<T>};
    detail::check_tensors(file_, parameters, dtypes, tensors_of_run(parameters));
    const auto form = detail::state_form<T>(info_.options.optimizer, parameters.trained());
    const std::array forms{form.dtype};
    detail::check_tensor(file_, std::string(detail::optimizer_state_name), form.sizes, forms);
    for (const Parameter& parameter : parameters) {
      if (parameter.outside) continue;
      detail::verify_tensor(file_, gpt2_name(parameter.name));
      if (info_.options.ema == 0 || !parameter.trains()) continue;
      const std::string name = detail::training_name(parameter);
      detail::check_tensor(file_, name, detail::sizes_of(parameter), dtypes);
      detail::verify_tensor(file_, name);
    }
    verify_state<T>(parameters);
    if (info_.options.diloco.on()) {
      const std::string name(detail::outer_momentum_name);
      detail::check_tensor(file_, name, {parameters.trained_count()}, dtypes);
      detail::verify_tensor(file_, name);
    }
    for (const auto& entry : info_.learning_rate_factors) {
      const std::string& name = entry.first;
      const auto is_it = [&](const Parameter& parameter) {
        return gpt2_name(parameter.name) == name;
      };
      if (std::any_of(parameters.begin(), parameters.end(), is_it)) continue;
      file_.fail(detail::concat({"metadata ", printable(detail::concat({detail::factor_key, name})),
                                 ": there is no tensor ", printable(name)}));
    }
  }

  template <Scalar T>
  void verify_state(const ParameterList& parameters) const {
    const std::string name(detail::optimizer_state_name);
    const TensorInFile& state = file_.tensor(name);
    const AnyOptimizer& optimizer = info_.options.optimizer;
    if (state.dtype == scalar_name<T>) {
      std::vector<MomentRange> ranges;
      std::vector<std::size_t> ends;
      for_each_state_section(optimizer, parameters.trained(), [&](const StateSection& section) {
        ranges.push_back(section.range);
        ends.push_back((ends.empty() ? 0 : ends.back()) + static_cast<std::size_t>(section.count));
      });
      std::size_t moment = 0;
      detail::for_each_piece<T>(file_, name, [&](std::size_t first, std::span<const T> piece) {
        for (std::size_t i = 0; i < piece.size(); ++i) {
          while (first + i == ends[moment]) ++moment;
          const bool bounded = ranges[moment] == MomentRange::not_negative;
          if (bounded && piece[i] < 0) refuse_state(first + i);
        }
      });
      return;
    }
    detail::verify_tensor(file_, name);
    const auto impossible = detail::first_impossible<T>(
        optimizer, parameters.trained(),
        [&](std::size_t first, std::span<std::byte> bytes) { file_.read(state, first, bytes); });
    if (impossible) refuse_state(static_cast<std::size_t>(*impossible));
  }

  [[noreturn]] void refuse_state(std::size_t number) const {
    file_.fail(detail::concat({"tensor ", printable(detail::optimizer_state_name), ": number ",
                               number, " is not a valid optimizer state"}));
  }

  SafetensorsReader file_;
  ModelKind model_kind_;
  CheckpointInfo info_;
};

}  // namespace OCTAVO_NAMESPACE
