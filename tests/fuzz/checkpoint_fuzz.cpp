// SPDX-License-Identifier: MIT
// Bytes as a model file or a checkpoint: they are refused with a FormatError, or they load, and
// what was loaded comes back when it is saved and loaded again.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/transformer/initial_weights.hpp>

#include "fuzz/forgery.hpp"
#include "fuzz/fuzz.hpp"

using namespace octavo;
using fuzz::Choices;
using fuzz::demand;

namespace {

/// Files that never reach the disk: what was written last.
class MemoryFile final : public FileSystem {
 public:
  std::string bytes;

  int open(const char*, int flags, mode_t) override {
    if ((flags & O_CREAT) != 0) bytes.clear();
    return 1 << 20;
  }
  int close(int) override { return 0; }
  ssize_t write(int, const void* data, std::size_t count) override {
    bytes.append(static_cast<const char*>(data), count);
    return static_cast<ssize_t>(count);
  }
  ssize_t pwrite(int, const void* data, std::size_t count, off_t offset) override {
    const auto first = static_cast<std::size_t>(offset);
    bytes.resize(std::max(bytes.size(), first + count));
    std::copy_n(static_cast<const char*>(data), count, bytes.begin() + offset);
    return static_cast<ssize_t>(count);
  }
  int stat(const char*, struct stat*) override {
    errno = ENOENT;
    return -1;
  }
  int fsync(int) override { return 0; }
  int rename(const char*, const char*) override { return 0; }
  int unlink(const char*) override { return 0; }
};

/// The bytes that `save` writes to the file system it is given.
template <typename Save>
std::string saved(Save save) {
  MemoryFile file;
  save(file);
  return std::move(file.bytes);
}

MemorySource source_of(std::string_view bytes) {
  return MemorySource("input", std::as_bytes(std::span(bytes)));
}

// --- What must hold -----------------------------------------------------------------------------

/// What `load` returns; nothing if it says that the file is bad, which is all that it may say.
template <typename Load>
auto if_accepted(Load load) -> std::optional<std::invoke_result_t<Load>> {
  try {
    return load();
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

std::string saved_model(const LoadedModel<float>& model) {
  return saved([&](FileSystem& files) {
    save_model<float>("model", standard_model(model.config), model.trained_length, model.tokenizer,
                      model.weights, files);
  });
}

void check_model(const LoadedModel<float>& model) {
  const std::string bytes = saved_model(model);
  const auto again = load_model<float>(source_of(bytes));
  demand(again.config == model.config && again.trained_length == model.trained_length &&
             again.tokenizer == model.tokenizer,
         "a model comes back as another one");
  demand(saved_model(again) == bytes, "a model's file changes when it is loaded and saved");
}

/// What the file says, written anew: entries that Octavo does not know are lost, texts of numbers
/// become the shortest.
std::string written_anew(const SafetensorsReader& file, const CheckpointInfo& info) {
  MetadataWriter metadata;
  detail::write_format(metadata, "checkpoint");
  for_each_field(info.config, detail::FieldWriter{metadata});
  detail::write_tokenizer(metadata, info.tokenizer);
  metadata.whole("trained_length", info.options.sequence);
  metadata.truth("double", info.double_precision);
  for_each_field(info.options, detail::FieldWriter{metadata});
  detail::write_state(metadata, info.state);
  detail::write_corpus(metadata, info.corpus);
  std::vector<std::vector<std::byte>> numbers;
  std::vector<TensorToWrite> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    file.read(tensor, 0, numbers.emplace_back(tensor.bytes));
    tensors.push_back({name, tensor.dtype, tensor.shape, numbers.back()});
  }
  return saved([&](FileSystem& files) {
    write_safetensors("checkpoint", tensors, metadata.entries(), files);
  });
}

/// As few tensors as there can be: most of the time goes into headers.
constexpr ModelConfig config{.vocabulary = 3,
                             .context = 2,
                             .layers = 1,
                             .width = 2,
                             .norm = {.bias = false},
                             .attention = {.heads = 1, .bias = false},
                             .feed_forward = {.d_ff = 1, .bias = false},
                             .head = {.tied = true, .bias = false}};

using TinyTrainer = Trainer<float>;

TinyTrainer trainer_of(const AnyOptimizer& optimizer) {
  static ThreadPool threads(1);
  TrainingOptions options;
  options.sequence = 2;
  options.optimizer = optimizer;
  return {config, options, threads};
}

/// One that is brought to where a checkpoint was and saved says the same.
void check_trainer(const CheckpointFile& file) {
  static TinyTrainer trainer = trainer_of(AdamW{});
  const CheckpointInfo& info = file.info();
  if (info.config != trainer.config() || info.double_precision ||
      !info.options.optimizer.same_rule(AdamW{}))
    return;
  file.load(trainer);
  const std::string bytes = saved([&](FileSystem& files) {
    save_checkpoint("checkpoint", trainer, info.tokenizer, info.corpus, files);
  });
  const MemorySource source("saved", std::as_bytes(std::span(bytes)));
  const CheckpointFile again(source);
  again.verify();
  demand(again.info().state == info.state, "a run comes back in another state");
}

void check_checkpoint(const SafetensorsReader& reader, const CheckpointFile& file) {
  const CheckpointInfo& info = file.info();
  const std::string bytes = written_anew(reader, info);
  const MemorySource source("saved", std::as_bytes(std::span(bytes)));
  const CheckpointFile again(source);
  again.verify();
  demand(again.info().config == info.config && again.info().state == info.state &&
             again.info().tokenizer == info.tokenizer &&
             again.info().corpus.same_text(info.corpus) &&
             again.info().corpus.name == info.corpus.name,
         "a checkpoint comes back as another one");
  demand(written_anew(SafetensorsReader(source), again.info()) == bytes,
         "a checkpoint's file changes when it is read and written");
  check_trainer(file);
}

// --- Files to begin with ------------------------------------------------------------------------

template <Scalar T>
std::string model_file(const ModelConfig& of) {
  const ParameterList list = Transformer<T>(of).parameters();
  std::vector<T> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<T>(list, of.layers, 1, weights);
  const CharacterTokenizer tokenizer("ab", UnknownToken::included, of.vocabulary);
  return saved([&](FileSystem& files) {
    save_model<T>("model", standard_model(of), 1, tokenizer, std::span<const T>(weights), files);
  });
}

std::string checkpoint_file(const AnyOptimizer& optimizer) {
  TinyTrainer trainer = trainer_of(optimizer);
  set_initial_weights<float>(trainer.parameters(), config.layers, 1, trainer.weights());
  return saved([&](FileSystem& files) {
    save_checkpoint("checkpoint", trainer, CharacterTokenizer("ab"), {"a text", 2, "aa"}, files);
  });
}

const std::vector<std::string>& good_files() {
  static const std::vector<std::string> files = [] {
    ModelConfig full = config;
    full.norm.bias = full.attention.bias = full.feed_forward.bias = full.head.bias = true;
    full.head.tied = false;
    full.feed_forward.activation = Activation::gelu_tanh;
    std::vector<std::string> made{model_file<float>(config), model_file<double>(config),
                                  model_file<float>(full)};
    Sgd plain;
    plain.momentum = 0;
    for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{}),
                                          AnyOptimizer(Lion{}), AnyOptimizer(plain)}) {
      made.push_back(checkpoint_file(optimizer));
    }
    return made;
  }();
  return files;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const MemorySource source("input", std::as_bytes(std::span(bytes, size)));
  const auto reader = if_accepted([&] { return SafetensorsReader(source); });
  if (!reader) return 0;
  const auto checkpoint = if_accepted([&] {
    CheckpointFile file(source);
    file.verify();
    return file;
  });
  if (checkpoint) {
    check_checkpoint(*reader, *checkpoint);
    demand(if_accepted([&] { return load_model<double>(source); }).has_value(),
           "a checkpoint is sound, but not as a model");
  }
  if (const auto model = if_accepted([&] { return load_model<float>(source); })) {
    check_model(*model);
  }
  return 0;
}

/// A good file to begin with; then bytes half of the time, fields of a file that stays sealed
/// otherwise.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t most,
                                    unsigned seed) {
  Choices choices(seed);
  if (size < 16 || choices.one_in(64)) {
    return fuzz::give(choices.one_of(good_files()), bytes, size, most);
  }
  if (choices.one_in(2)) return LLVMFuzzerMutate(bytes, size, most);
  auto file = fuzz::opened(fuzz::text_of(bytes, size));
  if (!file) return LLVMFuzzerMutate(bytes, size, most);
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes)
    fuzz::change(*file, choices);
  if (choices.one_in(2)) fuzz::lay_out(*file);
  return fuzz::give(fuzz::sealed(std::move(*file)), bytes, size, most);
}
