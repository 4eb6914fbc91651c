// SPDX-License-Identifier: MIT
// Numbers that no run leaves are neither saved nor loaded.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"
#include "checkpoint/small_run.hpp"

using namespace octavo;
using octavo_test::ForgedFile;
using octavo_test::full_shape;
using octavo_test::SavedRun;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
const std::string state_name = "optimizer.state";

std::string with_number(const std::string& bytes, const std::string& tensor, std::size_t index,
                        auto number) {
  return ForgedFile::from(bytes).put(tensor, index, number).seal().bytes();
}

/// What load_model says about these bytes behind "cannot load 'x': "; empty if they load.
template <Scalar T = float>
std::string model_failure(const std::string& bytes) {
  try {
    load_model<T>(MemorySource("x", std::as_bytes(std::span(bytes))));
    return {};
  } catch (const FormatError& error) {
    return std::string(error.what()).substr(std::strlen("cannot load 'x': "));
  }
}

template <Scalar T>
std::string model_bytes() {
  const ParameterList list = Transformer<T>(full_shape).parameters();
  const std::vector<T> weights(static_cast<std::size_t>(list.count()), T{0.5});
  return octavo_test::saved_bytes([&](const std::string& path, FileSystem& files) {
    save_model<T>(path, standard_model(full_shape), 2, octavo_test::four_letters, weights, files);
  });
}

/// What opening a path says; empty if that works.
std::string open_failure(const std::string& path) {
  try {
    const FileSource source(path);
    return {};
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::no_input);
    return error.what();
  }
}

}  // namespace

TEST_CASE("weights that are not finite are refused") {
  SavedRun run;
  for (const std::string tensor :
       {"transformer.wte.weight", "transformer.h.0.ln_1.bias", "lm_head.bias"}) {
    for (const float number : {infinity, -infinity, not_a_number}) {
      for (const std::size_t index : {0U, 3U}) {
        CHECK(run.failure(with_number(run.good, tensor, index, number)) ==
              "tensor '" + tensor + "': number " + std::to_string(index) + " is not finite");
      }
    }
  }
}

TEST_CASE("moments that no optimizer leaves are refused") {
  SavedRun run;
  const std::string label = "tensor 'optimizer.state': number ";
  for (const float number : {infinity, -infinity, not_a_number}) {
    CHECK(run.failure(with_number(run.good, state_name, 0, number)) == label + "0 is not finite");
  }
  CHECK(run.failure(with_number(run.good, state_name, 365, not_a_number)) ==
        label + "365 is not finite");
  // The first number of the second moments is number 183.
  for (const std::size_t index : {183U, 365U}) {
    CHECK(run.failure(with_number(run.good, state_name, index, -1e-30F)) ==
          label + std::to_string(index) + " is not a valid optimizer state");
  }
  CHECK(run.failure(with_number(run.good, state_name, 182, -1e-30F)) == "");
}

TEST_CASE("scales of 8-bit moments that no optimizer leaves are refused") {
  SavedRun run(full_shape, AdamW8bit{});
  // 183 codes twice, each on its own multiple of 64 bytes, then 18 scales.
  constexpr std::size_t first = 2 * 192 / sizeof(float);
  for (const float number : {infinity, -infinity, not_a_number, -1e-30F}) {
    for (const std::size_t scale : {0U, 17U}) {
      CHECK(run.failure(with_number(run.good, state_name, first + scale, number)) ==
            "tensor 'optimizer.state': number " + std::to_string(scale) +
                " is not a valid optimizer state");
    }
  }
  CHECK(run.failure(ForgedFile::from(run.good).replace("[456]", "[2,228]").seal().bytes()) ==
        "tensor 'optimizer.state': its shape is [2, 228], expected [456]");
  CHECK(run.failure(ForgedFile::from(run.good).replace("\"U8\"", "\"I8\"").seal().bytes()) ==
        "tensor 'optimizer.state': its dtype is I8, expected U8");
}

TEST_CASE("settings of other optimizers are checked as well") {
  for (const AnyOptimizer& optimizer : {AnyOptimizer(Lion{}), AnyOptimizer(Sgd{})}) {
    SavedRun run(full_shape, optimizer);
    const bool lion = optimizer.same_rule(Lion{});
    const std::string key = lion ? "optimizer.beta2" : "optimizer.momentum";
    CHECK(run.failure(ForgedFile::from(run.good).set(key, "1").seal().bytes()) ==
          "metadata '" + key + "': got '1', expected 0 to 0.9999999999999999");
    CHECK(run.failure(ForgedFile::from(run.good).remove(key).seal().bytes()) ==
          "the metadata has no entry '" + key + "'");
    CHECK(run.failure(with_number(run.good, state_name, 1, infinity)) ==
          "tensor 'optimizer.state': number 1 is not finite");
    CHECK(run.failure(with_number(run.good, state_name, 1, -1.0F)) == "");  // no second moments
  }
}

TEST_CASE("checksums that do not fit are refused, whatever else is right") {
  SavedRun run;
  const ForgedFile good = ForgedFile::from(run.good);
  const auto bytes_with_sum = [&](const std::string& sum) {
    return ForgedFile::from(run.good).set(detail::header_checksum_key, sum).bytes();
  };
  for (const char* sum : {"00000000", "0123456789", "", "ABCDEFGH"}) {
    const std::string bytes = bytes_with_sum(sum);
    CHECK(run.failure(bytes) == "the header's CRC-32C is " +
                                    detail::header_checksum(ForgedFile::from(bytes).header) +
                                    ", expected '" + sum + "'");
  }
  ForgedFile changed = good;
  changed.put("lm_head.bias", 0, 0.25F);
  const auto part = [](const ForgedFile& file) {
    return detail::sum_text(
        crc32c(std::as_bytes(std::span(file.data)).subspan(712, 5 * sizeof(float))));
  };
  CHECK(run.failure(changed.bytes()) == "tensor 'lm_head.bias': its CRC-32C is " + part(changed) +
                                            ", expected '" + part(good) + "'");
  ForgedFile state = good;
  state.put(state_name, 5, 0.25F);
  CHECK(run.failure(state.bytes()).starts_with("tensor 'optimizer.state': its CRC-32C is "));
  // A short list of sums, sealed as the header wants it.
  ForgedFile fewer = good;
  const std::string sums = good.json()["__metadata__"][std::string(detail::tensor_sums_key)];
  fewer.replace(sums, sums.substr(8));
  fewer.set(detail::header_checksum_key, detail::header_checksum(fewer.header));
  CHECK(run.failure(fewer.bytes()) ==
        "metadata 'octavo.tensor_crc32c' has 144 digits, expected 8 for each of 19 tensors");
}

TEST_CASE("a checkpoint of another model is the caller's mistake, and changes nothing") {
  SavedRun run;
  const MemorySource source("x", std::as_bytes(std::span(run.good)));
  const CheckpointFile file(source);
  const auto message = [&](auto& trainer) {
    const std::string before = octavo_test::state_bytes(trainer);
    std::string what;
    try {
      file.load(trainer);
    } catch (const ConfigError& error) {
      what = error.what();
    }
    CHECK(octavo_test::state_bytes(trainer) == before);
    return what;
  };
  Trainer<double> real(full_shape, run.saved.options(), run.threads);
  const std::string start = "cannot load 'x': a checkpoint's ";
  CHECK(message(real) == start + "scalar must be the trainer's: got float, expected double");
  Trainer<float> small(octavo_test::least_shape, run.saved.options(), run.threads);
  const auto [has, wants] = describe_differences(full_shape, octavo_test::least_shape);
  CHECK(message(small) ==
        start + "configuration must be the trainer's: got " + has + ", expected " + wants);
  ModelConfig other = full_shape;
  other.norm.epsilon = 1e-6;
  Trainer<float> another(other, run.saved.options(), run.threads);
  CHECK(message(another) == start +
                                "configuration must be the trainer's: got norm-epsilon 1e-05, "
                                "expected norm-epsilon 1e-06");
  TrainingOptions options = run.saved.options();
  options.optimizer = Lion{};
  Trainer<float> lion(full_shape, options, run.threads);
  CHECK(message(lion) == start + "optimizer must be the trainer's: got adamw, expected lion");
  options = run.saved.options();
  options.freeze = "attention";
  Trainer<float> frozen(full_shape, options, run.threads);
  CHECK(message(frozen) ==
        start + "frozen tensors must be the trainer's: got '', expected 'attention'");
  options = run.saved.options();
  options.train_last = 1;
  Trainer<float> last(full_shape, options, run.threads);
  CHECK(message(last) == start + "train_last must be the trainer's: got 0, expected 1");
}

TEST_CASE("model files are checked as checkpoints are") {
  const std::string good = model_bytes<float>();
  REQUIRE(model_failure(good) == "");
  const auto with = [&](auto change) {
    ForgedFile file = ForgedFile::from(good);
    change(file);
    return model_failure(file.seal().bytes());
  };
  SavedRun run;
  CHECK(run.failure(good) == "metadata 'octavo.kind': got 'model', expected 'checkpoint'");
  CHECK(with([](auto& file) { file.set("octavo.kind", "optimizer"); }) ==
        "metadata 'octavo.kind': got 'optimizer', expected 'model' or 'checkpoint'");
  CHECK(with([](auto& file) { file.set("octavo.kind", "checkpoint"); }) ==
        "tensor 'optimizer.state' is missing");
  CHECK(with([](auto& file) { file.set("trained_length", "4"); }) ==
        "metadata 'trained_length': got '4', expected 1 to 3");
  CHECK(with([](auto& file) { file.remove("trained_length"); }) ==
        "the metadata has no entry 'trained_length'");
  CHECK(with([](auto& file) { file.set("vocabulary", "3"); }) ==
        "metadata 'alphabet': vocabulary: got 3 tokens, expected at least 5");
  CHECK(with([](auto& file) { file.replace("lm_head.weight", "lm_tail.weight"); }) ==
        "tensor 'lm_head.weight' is missing");
  CHECK(with([](auto& file) { file.replace("\"F32\"", "\"I32\""); }) ==
        "tensor 'transformer.wte.weight': its dtype is I32, expected F32 or F64");
  CHECK(with([](auto& file) { file.put("lm_head.weight", 7, not_a_number); }) ==
        "tensor 'lm_head.weight': number 7 is not finite");
  // The model of a checkpoint: its own state must be there, and no other tensor in its place.
  CHECK(model_failure(run.good) == "");
  ForgedFile other = ForgedFile::from(run.good);
  CHECK(model_failure(other.replace("optimizer.state", "optimizer.stale").seal().bytes()) ==
        "tensor 'optimizer.state' is missing");
  const std::string real = model_bytes<double>();
  CHECK(model_failure<double>(real) == "");
  CHECK(model_failure(real) == "");
  CHECK(model_failure(with_number(real, "lm_head.weight", 3, -1e39)) ==
        "tensor 'lm_head.weight': number 3 is too large for float");
  CHECK(model_failure<double>(with_number(real, "lm_head.weight", 3, 1 / 0.0)) ==
        "tensor 'lm_head.weight': number 3 is not finite");
}

TEST_CASE("paths that lead to no regular file are refused by name, and never hang") {
  namespace fs = std::filesystem;
  const fs::path folder = octavo_test::temporary_path("kinds");
  fs::create_directory(folder);
  const auto path = [&](const char* name) { return (folder / name).string(); };
  const auto expected = [](const std::string& at, const std::string& what) {
    return "cannot open " + printable(at) + ": " + what;
  };
  CHECK(open_failure(path("none")) == expected(path("none"), "No such file or directory"));
  CHECK(open_failure("") == expected("", "No such file or directory"));
  CHECK(open_failure(folder.string()) ==
        expected(folder.string(), "it is a directory, expected a regular file"));
  CHECK(open_failure("/dev/zero") ==
        expected("/dev/zero", "it is a device, expected a regular file"));
  REQUIRE(::mkfifo(path("fifo").c_str(), 0600) == 0);
  CHECK(open_failure(path("fifo")) ==
        expected(path("fifo"), "it is a FIFO, expected a regular file"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(path("socket").size() < sizeof(address.sun_path));
  std::strcpy(address.sun_path, path("socket").c_str());
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  // A socket in a folder cannot be opened at all.
  CHECK(open_failure(path("socket")) == expected(path("socket"), "No such device or address"));
  ::close(socket);
  fs::create_symlink(path("loop"), path("loop"));
  CHECK(open_failure(path("loop")) == expected(path("loop"), "Too many levels of symbolic links"));
  CHECK(open_failure(path("none/none")) ==
        expected(path("none/none"), "No such file or directory"));
  const std::string long_name = path(std::string(300, 'a').c_str());
  CHECK(open_failure(long_name) == expected(long_name, "File name too long"));
  std::ofstream(path("file")) << "{}";
  CHECK(open_failure(path("file")) == "");
  fs::create_symlink(path("file"), path("link"));
  CHECK(open_failure(path("link")) == "");
  CHECK(open_failure(path("file/none")) == expected(path("file/none"), "Not a directory"));
  fs::remove_all(folder);
}

TEST_CASE("moments that could not be loaded again are not saved") {
  const octavo_test::Folder folder;
  const auto refused = [&](const AnyOptimizer& optimizer, auto change) {
    octavo_test::SmallRun run;
    ThreadPool threads(1);
    Trainer<float> trainer(octavo_test::SmallRun::config, {.sequence = 4, .optimizer = optimizer},
                           threads);
    const std::string path = folder / "c.safetensors";
    CHECK_NOTHROW(save_checkpoint(path, trainer, run.tokenizer, run.corpus));
    const auto state = trainer.optimizer_state();
    change(std::span(reinterpret_cast<float*>(state.data()), state.size() / sizeof(float)));
    const auto before = folder.contents();
    CHECK_THROWS_AS(save_checkpoint(path, trainer, run.tokenizer, run.corpus), Diverged);
    CHECK(folder.contents() == before);
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  refused(AdamW{}, [](std::span<float> moments) { moments.front() = nan; });
  refused(AdamW{}, [](std::span<float> moments) { moments.back() = -1; });
  refused(Lion{}, [](std::span<float> moments) { moments.back() = nan; });
  refused(AdamW8bit{}, [](std::span<float> moments) { moments.back() = nan; });
}

TEST_CASE("a state of moments alone is a tensor of the weights' type, others are bytes") {
  const auto adamw = detail::state_form<float>(AdamW{}, {100, 3});
  CHECK(adamw.dtype == "F32");
  CHECK(adamw.sizes == std::vector<Index>{2, 100});
  CHECK(detail::state_form<double>(Lion{}, {100, 3}).dtype == "F64");
  CHECK(detail::state_form<double>(Lion{}, {100, 3}).sizes == std::vector<Index>{1, 100});
  const auto codes = detail::state_form<float>(AdamW8bit{}, {100, 3});
  CHECK(codes.dtype == "U8");
  CHECK(codes.sizes == std::vector<Index>{static_cast<Index>(
                           optimizer_state_bytes<float>(AdamW8bit{}, {100, 3}))});
}

TEST_CASE("the first number that an optimizer cannot have left is found, in any piece") {
  constexpr Index parameters = 3000;
  std::vector<float> moments(2 * parameters, 0.5f);
  const auto first = [&] {
    return detail::first_impossible<float>(
        AdamW{}, {parameters, 1}, [&](std::size_t byte, std::span<std::byte> bytes) {
          std::memcpy(bytes.data(), std::as_bytes(std::span(moments)).data() + byte, bytes.size());
        });
  };
  CHECK(!first());
  moments[0] = -1;  // the first moment has a sign
  CHECK(!first());
  moments.back() = -1;
  CHECK(first() == 2 * parameters - 1);
  moments[2500] = not_a_number;
  CHECK(first() == 2500);
}
