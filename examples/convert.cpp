// SPDX-License-Identifier: MIT
// Converts a model between formats: Octavo's model file or checkpoint, a Hugging Face folder, GGUF.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/checkpoint/model_file.hpp>
#include <octavo/interop/gguf_adapter.hpp>
#include <octavo/interop/gguf_model.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/octavo.hpp>
#include <octavo/runs/run_files.hpp>
#include <octavo/tensor/weight_source.hpp>

#include "convert/inspect.hpp"
#include "convert/target.hpp"
#include "support/adapters.hpp"
#include "support/live_line.hpp"
#include "support/program.hpp"

namespace {

using convert::Target;
using octavo::StoredType;

/// A model that is read as it is written, independent of its format.
struct Model {
  octavo::PretrainedConfig config;
  octavo::WeightSource<float> weights;
  std::optional<octavo::TokenTable> tokens;  ///< nothing: the files have none
  octavo::ChatFormat chat;                   ///< as the files have it
  std::string base = {};  ///< where the base of a file that has adapters alone is; empty: no base
};

// --- Reading ------------------------------------------------------------------------------------

/// The numbers of an opened file or folder, which lives as long as the result. Compares the
/// checksums first, as the numbers are not read in the files' order.
template <typename File>
octavo::WeightSource<float> weights_of(std::shared_ptr<const File> file) {
  if constexpr (requires { file->check_sums(); }) file->check_sums();
  return [file](const octavo::ParameterBlock& block, std::span<float> numbers) {
    file->template read<float>(block, numbers);
  };
}

/// One of the library's readers, and the file that it reads.
template <typename Reader>
struct OpenedFile {
  octavo::FileSource source;
  Reader reader;

  explicit OpenedFile(const std::string& path) : source(path), reader(source) {}

  /// The reader, together with the whole.
  static std::shared_ptr<const Reader> open(const std::string& path) {
    const auto file = std::make_shared<const OpenedFile>(path);
    return {file, &file->reader};
  }
};

/// Reads the numbers of a file that has adapters alone together with its base.
void read_with_base(Model& model, const std::string& path, const std::string& base) {
  const auto both = std::make_shared<const octavo::ModelSource>(
      path, nullptr, octavo::CheckpointKinds{}, octavo::real_file_system(), base);
  both->check_sums();
  model.base = both->base_path();
  model.weights = [both](const octavo::ParameterBlock& block, std::span<float> numbers) {
    both->read(block, numbers);
  };
}

Model read_octavo(const std::string& path, const std::string& base) {
  const auto file = OpenedFile<octavo::ModelFile>::open(path);
  Model model{{file->config(), file->trained_length(), {}, {}},
              weights_of(file),
              token_table_of(file->tokenizer()),
              file->tokenizer().chat()};
  model.config.set_end_tokens(file->tokenizer().end_tokens());
  if (!model.config.end_token) model.config.end_token = end_token_of(*model.tokens);
  model.config.chat_template = model.chat.chat_template;
  model.config.begin_token =
      model.chat.begin_token ? model.chat.begin_token : model.config.end_token;
  if (file->base().exists() || !base.empty()) read_with_base(model, path, base);
  return model;
}

Model read_folder(const std::string& path) {
  const auto folder = std::make_shared<const octavo::HuggingFaceFolder>(path);
  octavo::PretrainedConfig config = folder->config();
  std::vector<std::string> notes = folder->notes();
  auto tokens = octavo::read_tokenizer_folder(path, config.model.vocabulary, notes);
  support::print_notes(notes);
  octavo::ChatFormat chat = chat_format_of(config);
  if (tokens) {
    if (!config.end_token) config.end_token = end_token_of(*tokens);
    if (!config.begin_token) config.begin_token = config.end_token;
  }
  return {config, weights_of(folder), std::move(tokens), std::move(chat)};
}

Model read_gguf(const std::string& path) {
  const auto file = OpenedFile<octavo::GgufModel>::open(path);
  support::print_notes(file->config().notes);
  return {file->config(), weights_of(file), file->tokens(), chat_format_of(file->config())};
}

/// Recognises the format by content: a folder with a config.json, a folder of checkpoints, a GGUF
/// file, or one of Octavo's files. `base`: where the base of its adapters is; empty: where it was.
Model read(const std::string& path, const std::string& base) {
  std::error_code unknown;  // opening it will report the error
  if (std::filesystem::is_directory(path, unknown)) {
    if (std::filesystem::exists(path + "/config.json", unknown)) return read_folder(path);
    return read_octavo(octavo::newest_valid_checkpoint(path, support::warn_of_skipped).path, base);
  }
  return convert::begins_with_gguf(path) ? read_gguf(path) : read_octavo(path, base);
}

/// The model with its adapters folded into its weights, which are in memory then.
void merge(Model& model) {
  octavo::ModelConfig& config = model.config.model;
  const octavo::Transformer<float> adapted(config);
  const auto weights = std::make_shared<octavo::AlignedBuffer<float>>(
      static_cast<std::size_t>(adapted.parameter_count()));
  const std::span<float> all(*weights);
  for (const octavo::Parameter& parameter : adapted.parameters()) {
    model.weights.read(parameter, all.subspan(static_cast<std::size_t>(parameter.offset),
                                              static_cast<std::size_t>(parameter.count())));
  }
  const octavo::WeightSource<float> merged(octavo::merge_adapters(adapted, all, all));
  model.weights = [weights, merged](const octavo::ParameterBlock& block, std::span<float> numbers) {
    merged.read(block, numbers);
  };
  config = without_adapters(config);
}

// --- Writing ------------------------------------------------------------------------------------

const octavo::TokenTable& tokens_of(const Model& model, const std::string& path) {
  if (model.tokens) return *model.tokens;
  throw octavo::Error(
      octavo::ErrorCode::bad_data,
      "cannot write " + octavo::printable(path) + ": the model came without a tokenizer",
      "put a tokenizer.json, or vocab.json and merges.txt, into its folder");
}

void write_octavo(const std::string& path, const Model& model) {
  const auto tokenizer = [&]() -> octavo::AnyTokenizer {
    try {
      const octavo::TokenTable& tokens = tokens_of(model, path);
      octavo::AnyTokenizer result = tokenizer_of(tokens);
      take_end_tokens(result, tokens, model.config.end_tokens());
      result.set_chat(model.chat);
      return result;
    } catch (const octavo::ConfigError& error) {
      throw octavo::Error(octavo::ErrorCode::bad_data,
                          "cannot write " + octavo::printable(path) +
                              ": Octavo has no such tokenizer: " + error.what(),
                          "convert it to a folder or to GGUF");
    }
  }();
  octavo::save_model<float>(path, octavo::standard_model(model.config.model),
                            model.config.trained_length, tokenizer, model.weights);
}

/// Error if no model class of transformers, or no architecture of llama.cpp, fits; the hint names
/// the option that trains one.
void require_class(const std::string& path, Target target, StoredType type, const Model& model) {
  const std::string what = "cannot write " + octavo::printable(path);
  try {
    if (target == Target::gguf) {
      (void)gguf_architecture(model.config.model, what);
    } else {
      (void)hf_config_text(model.config, type, what);
    }
  } catch (const octavo::Error& error) {
    const bool learned = model.config.model.positions.kind == octavo::PositionKind::learned;
    throw octavo::Error(error.code(), error.what(),
                        error.hint() + ": train_full " + (learned ? "--gpt2" : "--family NAME"));
  }
}

void write_folder(const std::string& path, StoredType type, const Model& model) {
  require_class(path, Target::folder, type, model);
  octavo::save_pretrained<float>(path, octavo::standard_model(model.config.model), model.config,
                                 model.weights, type);
  if (model.tokens) octavo::save_tokenizer_folder(path, *model.tokens);
}

/// Warns about rules of names that GGUF cannot store.
void note_what_gguf_lacks(const Model& model) {
  std::vector<std::string> notes;
  if (model.config.other_end_tokens.size() > 1) {
    notes.push_back("GGUF has two tokens that end a text: the others are set aside");
  }
  for (const auto& [token, rule] : model.tokens->rules) {
    if (!rule.strip_left && !rule.strip_right && !rule.late) continue;
    notes.push_back("GGUF cannot say how the name of token " + std::to_string(token) + ", " +
                    octavo::printable(model.tokens->tokens[static_cast<std::size_t>(token)]) +
                    ", is found in a text (with the spaces around it, or after the others)");
  }
  support::print_notes(notes);
}

void write(const std::string& path, Target target, StoredType type, const Model& model) {
  switch (target) {
    case Target::octavo:
      return write_octavo(path, model);
    case Target::folder:
      return write_folder(path, type, model);
    case Target::gguf:
      require_class(path, target, type, model);
      octavo::save_gguf<float>(path, octavo::standard_model(model.config.model), model.config,
                               tokens_of(model, path), model.weights, type);
      return note_what_gguf_lacks(model);
  }
}

// --- The program --------------------------------------------------------------------------------

/// Names of --type, in the order of StoredType.
const std::vector<std::string> types{"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1"};

StoredType type_of(const std::string& name) {
  return static_cast<StoredType>(std::find(types.begin(), types.end(), name) - types.begin());
}

/// ConfigError if files of this format cannot have numbers of this type.
void check_type(Target target, const std::string& type) {
  const bool possible = target == Target::gguf || type == "f32" ||
                        (target == Target::folder && octavo::block_of(type_of(type)) == 1);
  octavo::require(possible, [&] {
    return "--type: got '" + type + "', expected " +
           (target == Target::folder ? "f32, f16 or bf16 for a folder" : "f32 for .safetensors");
  });
}

/// Weights with adapters added, which must outlive the result.
octavo::WeightSource<float> adapted(octavo::WeightSource<float> weights,
                                    std::span<const octavo::ScaledAdapter> adapters) {
  return [weights = std::move(weights), adapters](const octavo::ParameterBlock& block,
                                                  std::span<float> numbers) {
    weights.read(block, numbers);
    octavo::add_adapters(adapters, block, numbers);
  };
}

/// Weights, with a line on the terminal that shows how many of all have been read. A caught signal
/// ends the conversion. `line` must outlive the result.
octavo::WeightSource<float> shown(octavo::WeightSource<float> weights, octavo::Index all,
                                  support::LiveLine& line) {
  return [weights = std::move(weights), &line, bytes = octavo::bytes_of<float>(all),
          done = std::size_t{0}](const octavo::ParameterBlock& block,
                                 std::span<float> numbers) mutable {
    if (support::caught_signal() != 0) {
      throw support::Interrupted{support::caught_signal(), "stopped: the model is not written"};
    }
    weights.read(block, numbers);
    done += numbers.size_bytes();
    line.show("converting", done, bytes);
  };
}

/// Writes the adapters of a model alone.
int run_adapter(std::string from, std::string to, const std::string& type,
                const std::string& base) {
  const Target target = convert::target_of(to);
  octavo::require(target != Target::octavo,
                  "--adapter: expected NAME.gguf, or a folder for PEFT's files");
  octavo::require(octavo::block_of(type_of(type)) == 1,
                  [&] { return "--type: got '" + type + "', expected f32, f16 or bf16"; });
  from = convert::plain(from);
  to = convert::plain(to);
  convert::spare_source(from, to, target, {});
  std::error_code unknown;
  if (std::filesystem::is_directory(from, unknown)) {
    from = octavo::newest_valid_checkpoint(from, support::warn_of_skipped).path;
  }
  convert::spare_base(base.empty() ? OpenedFile<octavo::ModelFile>::open(from)->base().path : base,
                      to, target);
  const octavo::LoraAdapter adapter = support::adapter_of_file(from, base);
  if (target == Target::gguf) {
    octavo::save_gguf_adapter(to, adapter, type_of(type));
  } else {
    octavo::save_peft_adapter(to, adapter, {}, type_of(type));
  }
  std::printf("%s: %s\n%s: its adapter, %s, %s\n", octavo::printable(from).c_str(),
              describe(adapter.base()).c_str(), octavo::printable(to).c_str(),
              target == Target::gguf ? "GGUF" : "PEFT", type.c_str());
  return 0;
}

int run(std::string from, std::string to, const std::string& type,
        const std::vector<support::GivenAdapter>& given, bool merges, const std::string& base) {
  const Target target = convert::target_of(to);
  check_type(target, type);
  from = convert::plain(from);
  to = convert::plain(to);
  convert::spare_other_models(to, target);
  convert::spare_source(from, to, target, given);
  support::catch_signals();
  Model model = read(from, base);
  octavo::require(base.empty() || !model.base.empty(),
                  "--base: FROM has all of its weights, and needs no base");
  convert::spare_base(model.base, to, target);
  octavo::require(!merges || model.config.model.lora.rank > 0, "--merge: FROM has no adapters");
  if (merges || (model.config.model.lora.rank > 0 && target != Target::octavo)) merge(model);
  const octavo::ModelConfig& config = model.config.model;
  const auto adapters = support::read_adapters(given, config);
  if (!adapters.empty()) model.weights = adapted(std::move(model.weights), adapters);
  {
    support::LiveLine line;
    model.weights = shown(std::move(model.weights), octavo::parameter_count(config), line);
    write(to, target, type_of(type), model);
  }
  std::printf("%s: %s\n%s: %s, %s\n", octavo::printable(from).c_str(), describe(config).c_str(),
              octavo::printable(to).c_str(),
              target == Target::gguf     ? "GGUF"
              : target == Target::folder ? "Hugging Face"
                                         : "Octavo",
              type.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string from, to, base, type = "f32";
  std::vector<support::GivenAdapter> adapters;
  bool inspect = false, merges = false, adapter = false;
  return support::run_program(
      "convert", "Takes a model from one format to another, without loading it into memory.", argc,
      argv, [&](CLI::App& app) {
        support::add_name(app, "FROM", from,
                          "A model or checkpoint of Octavo's, a folder of checkpoints, a folder of "
                          "Hugging Face's, or a GGUF file")
            ->required();
        support::add_name(app, "TO", to,
                          "NAME.gguf, NAME.safetensors (a model file of Octavo's), or a folder for "
                          "Hugging Face's files");
        support::add_choice(app, "--type", type, types,
                            "f32 (default), f16, bf16 or, for GGUF, q8_0, q4_0, q4_1, q5_0, q5_1");
        support::add_lora(app, adapters,
                          "A LoRA adapter that is merged into the model, SCALE times (1): a folder "
                          "of PEFT's or a GGUF file; may be given several times");
        support::add_base(app, base);
        app.add_flag("--merge", merges,
                     "Fold low-rank adapters into the weights, as for folders and GGUF anyway");
        app.add_flag("--adapter", adapter,
                     "Write FROM's low-rank adapters alone: NAME.gguf for llama.cpp, or a folder "
                     "for PEFT");
        app.add_flag("--inspect", inspect,
                     "Print what FROM holds, and the memory that it needs, without loading it");
        return [&] {
          octavo::require(!inspect || to.empty(), "--inspect: it takes no TO");
          octavo::require(!inspect || adapters.empty(), "--inspect: it takes no --lora");
          if (!inspect && to.empty()) {
            throw octavo::ConfigError("TO is required", "see convert --help");
          }
          octavo::require(!inspect || !merges, "--merge: it cannot be combined with --inspect");
          octavo::require(!adapter || !(inspect || merges || !adapters.empty()),
                          "--adapter: it cannot be combined with --inspect, --merge or --lora");
          if (adapter) return run_adapter(from, to, type, base);
          if (!inspect) return run(from, to, type, adapters, merges, base);
          convert::inspect(convert::plain(from), base);
          return 0;
        };
      });
}
