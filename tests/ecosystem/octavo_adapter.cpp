// SPDX-License-Identifier: MIT
// octavo_adapter MODEL ADAPTER.gguf FOLDER: an adapter of all of a model's linear maps, with random
// numbers, as a GGUF file and as a folder of PEFT's. llama_cpp.sh uses it.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <octavo/interop/gguf_adapter.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/numeric/random.hpp>

using namespace octavo;

namespace {

/// Uniform in (-most, most).
std::vector<float> some(Index count, double most, std::uint64_t seed) {
  const CounterRandom random(seed, RandomStream::sampling);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto place = static_cast<double>(random.below(i, 1 << 20));
    numbers[i] = static_cast<float>(most * (place / (1 << 19) - 1));
  }
  return numbers;
}

/// Of all maps, with two ranks; alpha is twice the rank.
LoraAdapter adapter_of(const ModelConfig& config) {
  LoraAdapter adapter(config);
  std::uint64_t seed = 1;
  for (const Parameter& parameter : adapter.parameters()) {
    if (!parameter.is_map()) continue;
    Index first = 0;
    for (const Index columns : parameter.maps) {
      if (columns == 0) break;
      const Index rank = 4 + 2 * (first > 0 ? 1 : 0);
      adapter.add<float>(parameter.name, first, columns, static_cast<double>(2 * rank),
                         some(parameter.rows * rank, 0.3, seed),
                         some(rank * columns, 0.05, seed + 1));
      seed += 2;
      first += columns;
    }
  }
  return adapter;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw ConfigError("usage: octavo_adapter MODEL ADAPTER.gguf FOLDER");
    const LoraAdapter adapter = adapter_of(ModelSource(argv[1]).config());
    save_gguf_adapter(argv[2], adapter);
    save_peft_adapter(argv[3], adapter);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "octavo_adapter: %s\n", error.what());
    return 1;
  }
}
