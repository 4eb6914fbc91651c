// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/files/read_file.hpp>

namespace octavo_test {

/// Files by name.
using Contents = std::map<std::string, std::string>;

inline bool is_leftover(const std::string& name) { return name.find(".tmp.") != name.npos; }

inline bool has_leftovers(const Contents& contents) {
  for (const auto& [name, bytes] : contents) {
    if (is_leftover(name)) return true;
  }
  return false;
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    static int made = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("octavo_" + std::to_string(::getpid()) + "_" + std::to_string(made++));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  /// The files but the lock, not those of the folders in it.
  Contents contents() const {
    Contents found;
    for (const auto& [name, bytes] : all_contents()) {
      if (name.find('/') == name.npos) found[name] = bytes;
    }
    return found;
  }

  /// Those of the folders in it as well.
  Contents all_contents() const {
    Contents found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      const std::string name = entry.path().lexically_relative(path_).string();
      if (entry.is_regular_file() && name != ".lock")
        found[name] = octavo::read_file(entry.path().string());
    }
    return found;
  }

  /// Makes all_contents() what is asked for.
  void fill(const Contents& wanted) const {
    for (const auto& [name, bytes] : all_contents()) {
      if (!wanted.contains(name)) std::filesystem::remove(path_ / name);
    }
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::error_code not_empty;
      if (entry.is_directory()) std::filesystem::remove(entry.path(), not_empty);
    }
    for (const auto& [name, bytes] : wanted) {
      std::filesystem::create_directories((path_ / name).parent_path());
      std::ofstream(path_ / name, std::ios::binary) << bytes;
    }
  }

 private:
  std::filesystem::path path_;
};

/// Where a run is.
struct Snapshot {
  std::vector<float> weights;
  std::vector<std::byte> moments;
  octavo::RunState state;

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// The smallest run: 4 numbers wide, on the sample_text.
class SmallRun {
 public:
  static constexpr octavo::ModelConfig config{.vocabulary = 35,
                                              .context = 4,
                                              .layers = 1,
                                              .width = 4,
                                              .attention = {.heads = 2},
                                              .feed_forward = {.d_ff = 3}};

  explicit SmallRun(octavo::Index steps = 0) { train(steps); }

  void train(octavo::Index steps) {
    for (octavo::Index i = 0; i < steps; ++i) trainer.step(tokens_.view());
  }

  Snapshot now() const {
    const auto weights = trainer.weights();
    const auto moments = trainer.optimizer_state();
    return {{weights.begin(), weights.end()}, {moments.begin(), moments.end()}, trainer.state()};
  }

  void load(const std::string& path, octavo::FileSystem& files = octavo::real_file_system()) {
    const octavo::FileSource source(path, files);
    octavo::CheckpointFile(source).load(trainer);
  }

  std::string save(octavo::CheckpointFolder& folder) const {
    return folder.save(trainer, tokenizer, corpus);
  }
  void save_best(octavo::CheckpointFolder& folder) const {
    folder.save_best(trainer, tokenizer, corpus);
  }
  void save_model(const std::string& path,
                  octavo::FileSystem& files = octavo::real_file_system()) const {
    octavo::save_model<float>(path, octavo::standard_model(config), 4, tokenizer, trainer.weights(),
                              files);
  }

  octavo::CharacterTokenizer tokenizer = octavo::CharacterTokenizer::from_text(octavo::sample_text);
  octavo::CorpusIdentity corpus{"soliloquy", octavo::sample_text.size(), "0123"};

 private:
  octavo::TokenStore tokens_ = octavo::tokenize(tokenizer, octavo::sample_text);
  octavo::ThreadPool threads_{1};

 public:
  octavo::Trainer<float> trainer{config, {.steps = 100, .sequence = 4, .warmup = 2}, threads_};
};

/// The newest valid run of a folder, as another process would find it; none if there is none.
inline std::optional<Snapshot> newest_run(const std::string& folder) {
  SmallRun other;
  try {
    other.load(octavo::newest_valid_checkpoint(folder, {}).path);
  } catch (const octavo::Error& error) {
    if (error.code() == octavo::ErrorCode::no_input) return std::nullopt;
    throw;
  }
  return other.now();
}

}  // namespace octavo_test
