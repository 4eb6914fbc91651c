// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/checkpoint/model_file.hpp>
#include <octavo/files/mapped_file.hpp>
#include <octavo/interop/gguf_model.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/stored_tensor.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tensor/parameter_block.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>
#include <octavo/transformer/lora_adapter.hpp>
#include <octavo/transformer/merge_adapters.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

/// A model of any supported format, opened for reading: Octavo's model file or checkpoint (one that
/// has adapters alone together with its base, which it names), a folder
/// of checkpoints (the newest valid one), a Hugging Face folder (with a config.json), or GGUF. The
/// weights are read into the caller's memory, tensor by tensor, so that they are never in memory
/// twice, or in parts of any size.
class ModelSource {
 public:
  /// Error of code no_input if there is nothing to open; FormatError if the content is invalid.
  /// `skipped` is called for invalid checkpoints. `kinds`: of a model with a part of the user's,
  /// `{.model = model_kind<Model>}`, which only Octavo's own files hold; in a folder of checkpoints
  /// also of its optimizer. `base`: where the base of a file that has adapters alone is now; empty:
  /// where it was. ConfigError if `base` is given and the model needs none.
  explicit ModelSource(const std::string& path,
                       const std::function<void(const Error&)>& skipped = {},
                       const CheckpointKinds& kinds = {}, FileSystem& files = real_file_system(),
                       const std::string& base = {})
      : kind_(kinds.model), base_path_(base) {
    open(path, skipped, kinds, files);
    if (base.empty() || base_) return;
    throw ConfigError(detail::concat({"base: got ", printable(base), ", but ", printable(path),
                                      " has all of its weights"}),
                      "leave it out");
  }

  const ModelConfig& config() const noexcept { return config_; }
  Index trained_length() const noexcept { return trained_length_; }
  /// The tokenizer; empty if the files have none that Octavo can read.
  const std::optional<AnyTokenizer>& tokenizer() const noexcept { return tokenizer_; }

  /// Where the base of a file that has adapters alone is; empty: the model has all of its weights.
  const std::string& base_path() const noexcept { return base_path_; }

  /// The tokens at which generation stops: those of the files, or else the tokenizer's end token.
  const std::vector<Token>& end_tokens() const noexcept { return end_tokens_; }
  /// The token that begins a text, if the files name one.
  std::optional<Token> begin_token() const noexcept { return begin_token_; }
  /// The model's chat template, a program in Jinja; empty if there is none. See ChatTemplate.
  const std::string& chat_template() const noexcept { return chat_template_; }
  /// What was ignored, one line each.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

  /// weights [numbers in the model], in the order of Transformer::parameters(). After a FormatError
  /// some of them may have been written.
  void read(std::span<float> weights) const { read_all(weights); }
  void read(std::span<double> weights) const { read_all(weights); }

  /// Reads one parameter of Transformer::parameters(), or some rows and columns of it: numbers
  /// [rows, columns]. FormatError if one is not finite. Checksums of a tensor are compared only if
  /// the block has all of it: call check_sums() before reading a model in parts.
  void read(const ParameterBlock& block, std::span<float> numbers) const {
    read_block(block, numbers);
  }
  void read(const ParameterBlock& block, std::span<double> numbers) const {
    read_block(block, numbers);
  }

  /// The weights for a Generator or a Scorer: matrices stay in the number types of the file and are
  /// decoded as products read them, with the bits of their numbers. With adapters, which are added
  /// to them, they are F32. FormatError if a number is not finite. Not for a model with a part of
  /// the user's, whose layers may read numbers.
  StoredWeights<float> load_stored(std::span<const ScaledAdapter> adapters = {}) const {
    if (base_ && adapters.empty()) return load_with_base();
    if (gguf_ && adapters.empty()) return gguf_->load_stored();
    if (folder_ && adapters.empty()) return folder_->load_stored();
    check_sums();
    const ParameterList parameters = Transformer<float>(config_).parameters();
    return detail::load_stored(parameters, as_floats,
                               [&](const ParameterBlock& block, std::span<float> numbers) {
                                 read(block, numbers);
                                 add_adapters(adapters, block, numbers);
                               });
  }

  /// The same without adapters, but matrices that lie in the file as products read them stay there,
  /// in mapped memory, which processes share: those of GGUF files and of Hugging Face folders
  /// except GPT-2's. See MappedFile for what happens if another program truncates the file.
  StoredWeights<float> map_stored(FileSystem& files = real_file_system()) const {
    if (folder_) return folder_->map_stored(files);
    if (!gguf_) return load_stored();
    const auto file = std::make_shared<const MappedFile>(source_->name(), files);
    const GgufModel model(*file);  // as it is now
    if (model.model_config() != config_) {
      throw FormatError(detail::concat(
          {"cannot load ", printable(source_->name()), ": it has changed since it was opened"}));
    }
    file->expect_all();
    return model.load_stored(file);
  }

  /// Bytes of load_stored().
  std::size_t stored_bytes() const {
    if (base_) return base_->stored_bytes() + bytes_of<float>(file_->parameters().count());
    if (gguf_) return gguf_->stored_bytes();
    if (folder_) return folder_->stored_bytes();
    return detail::stored_plan(Transformer<float>(config_).parameters(), as_floats)
        .template bytes<float>();
  }

  /// FormatError if a tensor differs from a checksum that a file states, or the base of adapters
  /// from what it was when they were trained; the base is then in memory for a while.
  void check_sums() const {
    if (base_) load_with_base();
    visit([](const auto& file) {
      if constexpr (requires { file.check_sums(); }) file.check_sums();
    });
  }

  /// As read(), for a model that may have adapters besides: `source.read_base(trainer.parameters(),
  /// trainer.options().seed, trainer.weights())`. Its adapters begin anew, with the initial values
  /// of the seed, unless the file has them. ConfigError if the models differ in more.
  template <Scalar T>
  void read_base(const ParameterList& parameters, std::uint64_t seed, std::span<T> weights) const {
    octavo::read_base<T>(parameters, kind_(config_).parameters.count(), config_.lora, seed, weights,
                         [&](std::span<T> numbers) { read(numbers); });
  }

 private:
  void open(const std::string& path, const std::function<void(const Error&)>& skipped,
            const CheckpointKinds& kinds, FileSystem& files) {
    std::error_code unknown;  // opening it will report the error
    if (!std::filesystem::is_directory(path, unknown)) {
      const auto source = std::make_shared<const FileSource>(path, files);
      if (!begins_with(*source, "GGUF")) return open_model_file(source, kinds.model);
      open_gguf(source);
    } else if (std::filesystem::exists(detail::concat({path, "/config.json"}), unknown)) {
      open_folder(path, files);
    } else if (std::filesystem::exists(detail::concat({path, "/adapter_config.json"}), unknown)) {
      throw FormatError(detail::concat({"cannot load ", printable(path),
                                        ": it is a LoRA adapter, expected a model"}),
                        "name its base, and this with --lora");
    } else {
      const std::string newest = newest_valid_checkpoint(path, skipped, kinds, files).path;
      return open_model_file(std::make_shared<const FileSource>(newest, files), kinds.model);
    }
    const std::string_view part = kinds.model(config_).part;
    if (part.empty()) return;
    throw FormatError(detail::concat({"cannot load ", printable(path),
                                      ": it is of a model with no part of its own, expected the "
                                      "part ",
                                      printable(part)}),
                      "open it without a kind of model");
  }

  static bool begins_with(const FileSource& source, std::string_view magic) {
    std::array<char, 4> start{};
    if (source.size() < magic.size()) return false;
    source.read(0, std::as_writable_bytes(std::span(start)));
    return std::string_view(start.data(), start.size()) == magic;
  }

  void set(const ModelConfig& config, Index trained_length, std::optional<AnyTokenizer> tokenizer) {
    config_ = config;
    trained_length_ = trained_length;
    tokenizer_ = std::move(tokenizer);
    if (tokenizer_) end_tokens_ = tokenizer_->end_tokens();
  }

  static std::vector<detail::StoredTensor> as_floats(const Parameter& parameter) {
    return {{parameter.name, StoredType::f32, {&parameter, 0, parameter.columns}, {}, {}, {}}};
  }

  /// The base's weights, and the file's own.
  StoredWeights<float> load_with_base() const {
    const auto base = std::make_shared<const StoredWeights<float>>(base_->load_stored());
    const ParameterList& own = file_->parameters();
    const std::vector<std::size_t> places = places_in_base();
    StoredWeightsPlan plan;
    std::vector<Weight<float>> all(own.size());
    for (const Parameter& parameter : own) {
      const auto i = static_cast<std::size_t>(parameter.index);
      if (parameter.outside) all[i] = base->parameters()[places[i]];
      if (all[i].stored.empty()) {
        plan.add_numbers(parameter);
      } else {
        plan.add_matrices(all[i].stored);
      }
    }
    const std::string found = base_fingerprint<float>(own, all);
    if (found != file_->base().fingerprint) {
      throw FormatError(detail::concat({"cannot load ", printable(source_->name()), ": its base ",
                                        printable(base_path_), " has changed: its fingerprint is ",
                                        found, ", expected ", file_->base().fingerprint}),
                        where_base_is);
    }
    StoredWeights<float> weights(std::move(plan), base);
    for (const Parameter& parameter : own) {
      const auto i = static_cast<std::size_t>(parameter.index);
      if (!all[i].stored.empty()) continue;
      if (parameter.outside) {
        std::copy_n(all[i].numbers, parameter.count(), weights.numbers(i).begin());
      } else {
        file_->read<float>(parameter, weights.numbers(i));
      }
    }
    return weights;
  }

  /// The index in the base of each parameter; of adapters none, if the base has none.
  std::vector<std::size_t> places_in_base() const {
    const bool whole = base_->config().lora.rank > 0;
    std::vector<std::size_t> places;
    std::size_t next = 0;
    for (const Parameter& parameter : file_->parameters()) {
      places.push_back(next);
      if (whole || !is_adapter(parameter.name)) ++next;
    }
    return places;
  }

  /// FormatError unless `base` is a model on which these adapters were trained.
  void open_base() {
    if (base_path_.empty()) base_path_ = file_->base().path;
    try {
      base_ = std::make_shared<const ModelSource>(base_path_);
    } catch (const Error& error) {
      throw FormatError(
          detail::concat({"cannot load ", printable(source_->name()),
                          ": it has adapters alone, and of their base: ", error.what()}),
          where_base_is);
    }
    if (without_adapters(base_->config()) == without_adapters(config_)) return;
    throw FormatError(detail::concat({"cannot load ", printable(source_->name()), ": its base ",
                                      printable(base_path_), " is another model"}),
                      where_base_is);
  }

  /// Reads a block from the base.
  template <Scalar T>
  void read_from_base(const ParameterBlock& block, std::span<T> numbers) const {
    const ParameterList parameters = Transformer<float>(base_->config()).parameters();
    ParameterBlock there = block;
    there.parameter =
        &parameters[places_in_base()[static_cast<std::size_t>(block.parameter->index)]];
    base_->read_block(there, numbers);
  }

  template <Scalar T>
  void read_all(std::span<T> weights) const {
    if (base_) {
      check_sums();
      const ParameterList parameters = Transformer<float>(config_).parameters();
      require_equal("a model file: numbers in the weights", std::ssize(weights),
                    parameters.count());
      for (const Parameter& parameter : parameters) {
        read_block<T>(parameter, weights.subspan(static_cast<std::size_t>(parameter.offset),
                                                 static_cast<std::size_t>(parameter.count())));
      }
      return;
    }
    visit([&](const auto& file) { file.template read<T>(weights); });
  }
  template <Scalar T>
  void read_block(const ParameterBlock& block, std::span<T> numbers) const {
    if (base_) {
      detail::check_block(block, file_->parameters(), numbers.size());
      const auto index = static_cast<std::size_t>(block.parameter->index);
      if (file_->parameters()[index].outside) return read_from_base<T>(block, numbers);
    }
    visit([&](const auto& file) { file.template read<T>(block, numbers); });
  }

  template <typename Visitor>
  void visit(Visitor visitor) const {
    if (gguf_) visitor(*gguf_);
    if (folder_) visitor(*folder_);
    if (file_) visitor(*file_);
  }

  static AnyTokenizer tokenizer_in(const TokenTable& table, const std::string& name,
                                   const PretrainedConfig& config) {
    detail::require_tokenizer(table, name);
    AnyTokenizer tokenizer = tokenizer_of(table);
    take_end_tokens(tokenizer, table, config.end_tokens());
    tokenizer.set_chat(chat_format_of(config));
    return tokenizer;
  }

  void open_gguf(const std::shared_ptr<const FileSource>& source) {
    source_ = source;
    gguf_ = std::make_shared<const GgufModel>(*source);
    const auto& file = gguf_;
    notes_ = file->config().notes;
    end_tokens_ = file->config().end_tokens();
    begin_token_ = file->config().begin_token;
    chat_template_ = file->config().chat_template;
    std::optional<AnyTokenizer> tokenizer;
    if (file->tokens()) tokenizer = tokenizer_in(*file->tokens(), source->name(), file->config());
    set(file->model_config(), file->config().trained_length, std::move(tokenizer));
  }

  void open_folder(const std::string& path, FileSystem& files) {
    folder_ = std::make_shared<const HuggingFaceFolder>(path, files);
    const auto& folder = folder_;
    notes_ = folder->notes();
    end_tokens_ = folder->config().end_tokens();
    begin_token_ = folder->config().begin_token;
    chat_template_ = folder->config().chat_template;
    std::optional<AnyTokenizer> tokenizer;
    if (const auto table =
            read_tokenizer_folder(path, folder->model_config().vocabulary, notes_, files)) {
      tokenizer = tokenizer_in(*table, path, folder->config());
    }
    set(folder->model_config(), folder->config().trained_length, std::move(tokenizer));
  }

  void open_model_file(const std::shared_ptr<const FileSource>& source, ModelKind kind) {
    source_ = source;
    file_ = std::make_shared<const ModelFile>(*source, kind);
    set(file_->config(), file_->trained_length(), file_->tokenizer());
    begin_token_ = tokenizer_->chat().begin_token;
    chat_template_ = tokenizer_->chat().chat_template;
    if (file_->base().exists()) open_base();
  }

  static constexpr const char* where_base_is =
      "say with --base where the model is on which it was trained";

  ModelKind kind_;
  std::string base_path_;  ///< empty: no base
  ModelConfig config_;
  Index trained_length_ = 0;
  std::optional<AnyTokenizer> tokenizer_;
  std::vector<Token> end_tokens_;
  std::optional<Token> begin_token_;
  std::string chat_template_;
  std::vector<std::string> notes_;
  std::shared_ptr<const FileSource> source_;  ///< of a file
  std::shared_ptr<const GgufModel> gguf_;     ///< one of these three is not null
  std::shared_ptr<const HuggingFaceFolder> folder_;
  std::shared_ptr<const ModelFile> file_;
  std::shared_ptr<const ModelSource> base_;  ///< of a file that has adapters alone
};

}  // namespace OCTAVO_NAMESPACE
