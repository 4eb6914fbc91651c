// SPDX-License-Identifier: MIT
// Bytes as a model file or a checkpoint: they are refused with a FormatError, or they load, and
// what was loaded comes back when it is saved and loaded again.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/transformer/initial_weights.hpp>

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
    save_model<float>("model", model.shape, model.trained_length, model.tokenizer, model.weights,
                      files);
  });
}

void check_model(const LoadedModel<float>& model) {
  const std::string bytes = saved_model(model);
  const auto again = load_model<float>(source_of(bytes));
  demand(again.shape == model.shape && again.trained_length == model.trained_length &&
             again.tokenizer == model.tokenizer,
         "a model comes back as another one");
  demand(saved_model(again) == bytes, "a model's file changes when it is loaded and saved");
}

/// What the file says, written anew: entries that Octavo does not know are lost, texts of numbers
/// become the shortest.
std::string written_anew(const SafetensorsReader& file, const CheckpointInfo& info) {
  MetadataWriter metadata;
  detail::write_format(metadata, "checkpoint");
  detail::write_shape(metadata, info.shape);
  detail::write_tokenizer(metadata, info.tokenizer);
  metadata.whole("trained_length", info.options.sequence);
  metadata.truth("double", info.double_precision);
  detail::write_options(metadata, info.options);
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
constexpr ModelShape shape{.vocabulary = 3,
                           .context = 2,
                           .layers = 1,
                           .heads = 1,
                           .width = 2,
                           .d_ff = 1,
                           .bias = false,
                           .tied = true};

using TinyTrainer = Trainer<float>;

TinyTrainer trainer_of(const AnyOptimizer& optimizer) {
  static ThreadPool threads(1);
  TrainingOptions options;
  options.sequence = 2;
  options.optimizer = optimizer;
  return {RuntimeConfig(shape), options, threads};
}

/// One that is brought to where a checkpoint was and saved says the same.
void check_trainer(const CheckpointFile& file) {
  static TinyTrainer trainer = trainer_of(AdamW{});
  const CheckpointInfo& info = file.info();
  if (info.shape != trainer.shape() || info.double_precision || info.options.optimizer.index() != 0)
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
  demand(again.info().shape == info.shape && again.info().state == info.state &&
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
std::string model_file(const ModelShape& of) {
  const ParameterList list = Transformer<T>(RuntimeConfig(of)).parameters();
  std::vector<T> weights(static_cast<std::size_t>(list.count()));
  set_initial_weights<T>(list, of.layers, 1, weights);
  const CharacterTokenizer tokenizer("ab", UnknownToken::included, of.vocabulary);
  return saved([&](FileSystem& files) {
    save_model<T>("model", of, 1, tokenizer, std::span<const T>(weights), files);
  });
}

std::string checkpoint_file(const AnyOptimizer& optimizer) {
  TinyTrainer trainer = trainer_of(optimizer);
  set_initial_weights<float>(trainer.parameters(), shape.layers, 1, trainer.weights());
  return saved([&](FileSystem& files) {
    save_checkpoint("checkpoint", trainer, CharacterTokenizer("ab"), {"a text", 2, "aa"}, files);
  });
}

const std::vector<std::string>& good_files() {
  static const std::vector<std::string> files = [] {
    ModelShape full = shape;
    full.bias = true;
    full.tied = false;
    full.activation = Activation::gelu_tanh;
    std::vector<std::string> made{model_file<float>(shape), model_file<double>(shape),
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

// --- Changes that a checksum does not give away -------------------------------------------------

using Json = nlohmann::ordered_json;

struct File {
  Json header;
  std::string data;
};

constexpr const char* metadata_name = "__metadata__";

std::optional<File> opened(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes.remove_prefix(sizeof(length));
  if (length > bytes.size()) return std::nullopt;
  Json header = Json::parse(bytes.substr(0, length), nullptr, false);
  if (!header.is_object()) return std::nullopt;
  return File{std::move(header), std::string(bytes.substr(length))};
}

/// Where a tensor lies, as far as its entry makes sense.
std::pair<std::size_t, std::size_t> range_of(const Json& tensor) {
  if (!tensor.is_object() || !tensor.contains("data_offsets")) return {0, 0};
  const Json& offsets = tensor["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return {0, 0};
  }
  return {offsets[0].get<std::size_t>(), offsets[1].get<std::size_t>()};
}

/// The file's bytes with its length and checksums put right, as whoever forges a file would.
std::string sealed(File file) {
  Json& header = file.header;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name != metadata_name) ranges.push_back(range_of(entry));
  }
  std::sort(ranges.begin(), ranges.end());
  std::string sums;
  for (const auto& [first, last] : ranges) {
    const std::string_view data = file.data;
    const auto tensor = data.substr(std::min(first, data.size()), last > first ? last - first : 0);
    sums += detail::sum_text(crc32c(std::as_bytes(std::span(tensor))));
  }
  if (header.contains(metadata_name) && header[metadata_name].is_object()) {
    Json& metadata = header[metadata_name];
    for (const auto& [key, value] : {std::pair(detail::tensor_sums_key, std::string_view(sums)),
                                     std::pair(detail::header_sum_key, detail::no_sum)}) {
      if (metadata.contains(key)) metadata[std::string(key)] = value;
    }
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::size_t at = detail::find_header_sum(text);
  if (at != text.npos) text.replace(at, detail::no_sum.size(), detail::header_sum(text));
  std::string bytes(sizeof(std::uint64_t), '\0');
  const std::uint64_t length = text.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + text + file.data;
}

constexpr std::array<std::uint64_t, 16> sizes{0,
                                              1,
                                              2,
                                              3,
                                              4,
                                              6,
                                              8,
                                              9,
                                              64,
                                              0x7fffffff,
                                              0x80000000,
                                              0xffffffff,
                                              std::uint64_t{1} << 62,
                                              std::uint64_t{1} << 63,
                                              (std::uint64_t{1} << 63) - 1,
                                              ~std::uint64_t{0}};
constexpr std::array dtypes{"F32", "F64", "F16", "U8", "I64", "BOOL", "F99", ""};
constexpr std::array texts{
    "0",      "1",      "2",      "3",          "4",      "-1",         "2147483647",
    "1e308",  "1e-320", "0.5",    "1e999",      "inf",    "-inf",       "nan",
    "-0",     "",       " 1",     "1 ",         "0x1",    "2147483648", "9223372036854775807",
    "adamw",  "adam",   "lion",   "adamw-8bit", "sgd",    "checkpoint", "9223372036854775808",
    "model",  "relu",   "gelu",   "gelu-tanh",  "cosine", "constant",   "4611686018427387904",
    "linear", "00ff",   "00ff00", "0",          "fg",     "character",  "\x1b[31m"};
constexpr std::array<std::uint32_t, 6> floats{0, 0x80000000, 1, 0x7f800000, 0x7fc00000, 0xff7fffff};

/// One of an object's entries; the object has some.
Json::iterator entry_of(Json& object, Choices& choices) {
  return std::next(object.begin(), static_cast<std::ptrdiff_t>(choices.below(object.size())));
}

void change_metadata(Json& metadata, Choices& choices) {
  if (!metadata.is_object() || metadata.empty()) return;
  const std::string key = entry_of(metadata, choices).key();
  switch (choices.below(8)) {
    case 0:
      metadata.erase(key);
      return;
    case 1:
      metadata[key] = Json(entry_of(metadata, choices).value());
      return;
    case 2:
      metadata[key] = choices.one_of(sizes);
      return;
    default:
      metadata[key] = choices.one_of(texts);
  }
}

void change_tensor(Json& header, Choices& choices) {
  const std::string name = entry_of(header, choices).key();
  Json& tensor = header[name];
  if (name == metadata_name || !tensor.is_object()) return;
  const auto change_number = [&](const char* key) {
    if (!tensor.contains(key) || !tensor[key].is_array()) return;
    Json& list = tensor[key];
    if (list.empty() || choices.one_in(4)) {
      list.push_back(choices.one_of(sizes));
    } else if (choices.one_in(4)) {
      list.erase(choices.below(list.size()));
    } else {
      list[choices.below(list.size())] = choices.one_of(sizes);
    }
  };
  switch (choices.below(6)) {
    case 0:
      return change_number("shape");
    case 1:
      return change_number("data_offsets");
    case 2:
      tensor["dtype"] = choices.one_of(dtypes);
      return;
    case 3:
      header[std::string(choices.one_of(texts))] = Json(tensor);
      return;
    case 4:
      header[entry_of(header, choices).key()] = Json(tensor);
      return;
    default:
      header.erase(name);
  }
}

void change_data(std::string& data, Choices& choices) {
  if (data.size() < sizeof(float) || choices.one_in(4)) {
    data.resize(choices.below(data.size() + 64));
    return;
  }
  const std::size_t at = choices.below(data.size() / sizeof(float)) * sizeof(float);
  std::memcpy(data.data() + at, &choices.one_of(floats), sizeof(float));
}

/// Lays the tensors one behind another, as many bytes each as its shape says.
void lay_out(File& file) {
  std::size_t end = 0;
  for (auto& [name, tensor] : file.header.items()) {
    if (name == metadata_name || !tensor.is_object() || !tensor.contains("shape")) continue;
    const bool known = tensor.contains("dtype") && tensor["dtype"].is_string();
    const std::string dtype = known ? tensor["dtype"].get<std::string>() : "";
    std::size_t bytes = dtype.ends_with("64") ? 8 : dtype.ends_with("32") ? 4 : 1;
    for (const Json& axis : tensor["shape"]) {
      if (!axis.is_number_unsigned() || axis.get<std::size_t>() > 1024) return;
      bytes *= axis.get<std::size_t>();
      if (bytes > 1024) return;
    }
    tensor["data_offsets"] = {end, end + bytes};
    end += bytes;
  }
  file.data.resize(end);
}

void change(File& file, Choices& choices) {
  if (file.header.empty()) return;
  switch (choices.below(4)) {
    case 0:
      return change_tensor(file.header, choices);
    case 1:
      return change_data(file.data, choices);
    default:
      if (file.header.contains(metadata_name)) {
        change_metadata(file.header[metadata_name], choices);
      }
  }
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
  auto file = opened(fuzz::text_of(bytes, size));
  if (!file) return LLVMFuzzerMutate(bytes, size, most);
  for (std::size_t changes = 1 + choices.below(3); changes > 0; --changes) change(*file, choices);
  if (choices.one_in(2)) lay_out(*file);
  return fuzz::give(sealed(std::move(*file)), bytes, size, most);
}
