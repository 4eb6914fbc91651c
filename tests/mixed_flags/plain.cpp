// SPDX-License-Identifier: MIT
// Compiled without flags for the processor.
#include <cstdio>

#include "train.hpp"

std::uint64_t bits_of_wide_file();

int main(int argc, char**) {
  octavo::ThreadPool threads(2);
  const std::uint64_t bits = trained_bits<float>(threads);
  std::printf("%s\n", std::string(name_of(octavo::isa_in_use())).c_str());
  // Only where the machine has the instructions that the other file is compiled for.
  if (argc == 1 && __builtin_cpu_supports("avx512vl")) return bits == bits_of_wide_file() ? 0 : 1;
  return 0;
}
