// SPDX-License-Identifier: MIT
// Folders of Hugging Face's format to read and to spoil.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/files/read_file.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/save_pretrained.hpp>

#include "checkpoint/forged_file.hpp"

namespace octavo_test {

/// The smallest GPT-2 in which no two sizes are the same but those that must be.
inline constexpr octavo::ModelConfig gpt2_shape{
    .vocabulary = 11,
    .context = 5,
    .layers = 2,
    .width = 4,
    .attention = {.heads = 2},
    .feed_forward = {.d_ff = 6, .activation = octavo::Activation::gelu_tanh},
    .head = {.tied = true}};

/// Weights of which no two are the same, biases and gains among them.
template <octavo::Scalar T>
std::vector<T> gpt2_weights(const octavo::ModelConfig& shape = gpt2_shape) {
  std::vector<T> weights(static_cast<std::size_t>(octavo::parameter_count(shape)));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] =
        static_cast<T>(0.01f * static_cast<float>(i % 97) - 0.5f + 1e-5f * static_cast<float>(i));
  }
  return weights;
}

/// A folder of files in memory and, from time to time, on the disk, where all of them have the same
/// place.
class TestFolder {
 public:
  std::map<std::string, std::string> files;

  TestFolder() : path_(temporary_path("folder")) { clear(); }
  TestFolder(const TestFolder&) = default;
  TestFolder& operator=(const TestFolder&) = default;
  ~TestFolder() { clear(); }

  const std::string& path() const noexcept { return path_; }

  /// One that holds a GPT-2.
  static TestFolder good(octavo::StoredType type = octavo::StoredType::f32) {
    TestFolder folder;
    HastyFileSystem hasty;
    const std::vector<float> weights = gpt2_weights<float>();
    octavo::save_pretrained<float>(folder.path_, octavo::standard_model(gpt2_shape),
                                   {gpt2_shape, 3, 1, 2}, weights, type, hasty);
    folder.take();
    return folder;
  }

  /// The files as they are on the disk.
  void take() {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      files[entry.path().filename().string()] = octavo::read_file(entry.path().string());
    }
  }

  void put() const {
    clear();
    std::filesystem::create_directory(path_);
    for (const auto& [name, bytes] : files) {
      std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
    }
  }

  /// What is said about the folder, without its path; empty if it loads.
  std::string failure() const {
    put();
    try {
      octavo::load_pretrained<float>(path_);
      octavo::HuggingFaceFolder(path_).verify();
      return {};
    } catch (const octavo::Error& error) {
      std::string message = error.what();
      for (std::size_t at; (at = message.find(path_ + "/")) != message.npos;) {
        message.erase(at, path_.size() + 1);
      }
      return message;
    }
  }

  /// The first place in a file where `from` stands gets `to` instead.
  TestFolder& replace(const std::string& file, std::string_view from, std::string_view to) {
    std::string& bytes = files.at(file);
    const std::size_t at = bytes.find(from);
    REQUIRE_MESSAGE(at != bytes.npos, std::string(from));
    bytes.replace(at, from.size(), to);
    return *this;
  }

  /// The same in the header of a safetensors file, which is sealed again.
  TestFolder& forge(std::string_view from, std::string_view to,
                    const std::string& file = "model.safetensors") {
    ForgedFile forged = ForgedFile::from(files.at(file));
    files[file] = forged.replace(from, to).seal().bytes();
    return *this;
  }

 private:
  void clear() const { std::filesystem::remove_all(path_); }

  std::string path_;
};

}  // namespace octavo_test
