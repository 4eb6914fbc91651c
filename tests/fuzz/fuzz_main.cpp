// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer: on -runs=N random inputs, the same ones every time, or on
// the files and folders given.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <octavo/files/read_file.hpp>

#include "fuzz/fuzz.hpp"

namespace {

constexpr std::size_t largest_input = 4096;
constexpr const char* failed_input = "failed_input";

fuzz::Choices choices(1);

/// False, with a line on standard error and the input in a file, where the target finds a defect.
bool holds(std::string_view input) {
  // A copy of exactly its size, so that reading beyond it is seen.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  try {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "defect: %s\n  the input is in %s\n", error.what(), failed_input);
    std::ofstream(failed_input, std::ios::binary) << input;
    return false;
  }
}

/// Inputs in chains that begin with nothing, each made from the one before it.
bool holds_for_random_inputs(long runs) {
  std::string input;
  for (long run = 0; run < runs; ++run) {
    std::size_t size = choices.one_in(8) ? 0 : input.size();
    input.resize(largest_input);
    const auto seed = static_cast<unsigned>(choices.below(std::size_t{1} << 32));
    size = LLVMFuzzerCustomMutator(reinterpret_cast<std::uint8_t*>(input.data()), size,
                                   input.size(), seed);
    input.resize(size);
    if (!holds(input)) return false;
  }
  return true;
}

bool holds_for_files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return holds(octavo::read_file(path.string()));
  bool all = true;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) all = holds(octavo::read_file(entry.path().string())) && all;
  }
  return all;
}

}  // namespace

/// Overwrites, inserts or removes a few bytes.
std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size, std::size_t most) {
  const std::size_t at = choices.below(size + 1);
  const std::size_t count = 1 + choices.below(8);
  if (size > 0 && choices.one_in(3)) {
    const std::size_t removed = std::min(count, size - at);
    std::copy(bytes + at + removed, bytes + size, bytes + at);
    return size - removed;
  }
  if (choices.one_in(2) && size + count <= most) {
    std::copy_backward(bytes + at, bytes + size, bytes + size + count);
    size += count;
  }
  for (std::size_t i = at; i < std::min(at + count, size); ++i) {
    bytes[i] = static_cast<std::uint8_t>(choices.one_in(2) ? choices.below(256)
                                                           : 0x20 + choices.below(0x5f));
  }
  return size;
}

int main(int argc, char** argv) {
  bool all = true;
  for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc)) {
    constexpr std::string_view runs_option = "-runs=";
    if (argument.starts_with(runs_option)) {
      long runs = 0;
      std::from_chars(argument.data() + runs_option.size(), argument.data() + argument.size(),
                      runs);
      all = holds_for_random_inputs(runs) && all;
    } else if (!argument.starts_with('-')) {  // libFuzzer's other options mean nothing here
      all = holds_for_files(argument) && all;
    }
  }
  return all ? 0 : 1;
}
