// SPDX-License-Identifier: MIT
#pragma once

#include <array>
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
#include <octavo/interop/gguf_model.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/tokenizers/any_tokenizer.hpp>

namespace OCTAVO_NAMESPACE {

/// A model of any supported format, opened for reading: Octavo's model file or checkpoint, a folder
/// of checkpoints (the newest valid one), a Hugging Face folder (with a config.json), or GGUF. The
/// weights are read into the caller's memory, tensor by tensor, so that they are never in memory
/// twice.
class ModelSource {
 public:
  /// Error of code no_input if there is nothing to open; FormatError if the content is invalid.
  /// `skipped` is called for invalid checkpoints. `kinds`: of a model with a part of the user's,
  /// `{.model = model_kind<Model>}`, which only Octavo's own files hold; in a folder of checkpoints
  /// also of its optimizer.
  explicit ModelSource(const std::string& path,
                       const std::function<void(const Error&)>& skipped = {},
                       const CheckpointKinds& kinds = {}, FileSystem& files = real_file_system()) {
    std::error_code unknown;  // opening it will report the error
    if (!std::filesystem::is_directory(path, unknown)) {
      const auto source = std::make_shared<const FileSource>(path, files);
      if (!begins_with(*source, "GGUF")) {
        open_model_file(source, kinds.model);
        return;
      }
      open_gguf(source);
    } else if (std::filesystem::exists(detail::concat({path, "/config.json"}), unknown)) {
      open_folder(path, files);
    } else {
      const std::string newest = newest_valid_checkpoint(path, skipped, kinds, files).path;
      open_model_file(std::make_shared<const FileSource>(newest, files), kinds.model);
      return;
    }
    const std::string_view part = kinds.model(config_).part;
    if (part.empty()) return;
    throw FormatError(detail::concat({"cannot load ", printable(path),
                                      ": it is of a model with no part of its own, expected the "
                                      "part ",
                                      printable(part)}),
                      "open it without a kind of model");
  }

  const ModelConfig& config() const noexcept { return config_; }
  Index trained_length() const noexcept { return trained_length_; }
  /// The tokenizer; empty if the files have none that Octavo can read.
  const std::optional<AnyTokenizer>& tokenizer() const noexcept { return tokenizer_; }

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
  void read(std::span<float> weights) const { read_float_(weights); }
  void read(std::span<double> weights) const { read_double_(weights); }

 private:
  static bool begins_with(const FileSource& source, std::string_view magic) {
    std::array<char, 4> start{};
    if (source.size() < magic.size()) return false;
    source.read(0, std::as_writable_bytes(std::span(start)));
    return std::string_view(start.data(), start.size()) == magic;
  }

  /// `read` accepts a span of either scalar.
  template <typename Read>
  void set(const ModelConfig& config, Index trained_length, std::optional<AnyTokenizer> tokenizer,
           const Read& read) {
    config_ = config;
    trained_length_ = trained_length;
    tokenizer_ = std::move(tokenizer);
    if (tokenizer_) end_tokens_ = tokenizer_->end_tokens();
    read_float_ = read;
    read_double_ = read;
  }

  static AnyTokenizer tokenizer_in(const TokenTable& table, const std::string& name,
                                   const PretrainedConfig& config) {
    detail::require_tokenizer(table, name);
    AnyTokenizer tokenizer = tokenizer_of(table);
    take_end_tokens(tokenizer, table, config.end_tokens());
    return tokenizer;
  }

  void open_gguf(const std::shared_ptr<const FileSource>& source) {
    const auto file = std::make_shared<const GgufModel>(*source);
    notes_ = file->config().notes;
    end_tokens_ = file->config().end_tokens();
    begin_token_ = file->config().begin_token;
    chat_template_ = file->config().chat_template;
    std::optional<AnyTokenizer> tokenizer;
    if (file->tokens()) tokenizer = tokenizer_in(*file->tokens(), source->name(), file->config());
    set(file->model_config(), file->config().trained_length, std::move(tokenizer),
        [source, file](auto weights) { file->read(weights); });
  }

  void open_folder(const std::string& path, FileSystem& files) {
    const auto folder = std::make_shared<const HuggingFaceFolder>(path, files);
    notes_ = folder->notes();
    end_tokens_ = folder->config().end_tokens();
    begin_token_ = folder->config().begin_token;
    chat_template_ = folder->config().chat_template;
    std::optional<AnyTokenizer> tokenizer;
    if (const auto table =
            read_tokenizer_folder(path, folder->model_config().vocabulary, notes_, files)) {
      tokenizer = tokenizer_in(*table, path, folder->config());
    }
    set(folder->model_config(), folder->config().trained_length, std::move(tokenizer),
        [folder](auto weights) { folder->read(weights); });
  }

  void open_model_file(const std::shared_ptr<const FileSource>& source, ModelKind kind) {
    const auto file = std::make_shared<const ModelFile>(*source, kind);
    set(file->config(), file->trained_length(), file->tokenizer(),
        [source, file](auto weights) { file->read(weights); });
  }

  ModelConfig config_;
  Index trained_length_ = 0;
  std::optional<AnyTokenizer> tokenizer_;
  std::vector<Token> end_tokens_;
  std::optional<Token> begin_token_;
  std::string chat_template_;
  std::vector<std::string> notes_;
  std::function<void(std::span<float>)> read_float_;
  std::function<void(std::span<double>)> read_double_;
};

}  // namespace OCTAVO_NAMESPACE
