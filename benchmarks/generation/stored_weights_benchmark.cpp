// SPDX-License-Identifier: MIT
// Tokens a second with weights in the number types of files: a prompt of 128 tokens read at once,
// as a share of the multiply-adds, and tokens read one by one, as a share of the bytes that the
// machine reads, both measured in the same run. Random weights: as numbers, in groups of lines, in
// lines as a file has them, and in a mapped file.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

#include <octavo/files.hpp>
#include <octavo/octavo.hpp>

#include "machine_limits.hpp"

namespace {

using octavo::Index;
using octavo::StoredLayout;
using octavo::StoredType;

struct Shape {
  const char* name;
  octavo::ModelConfig config;
};
const Shape shapes[] = {{"gpt2_124m", octavo::presets::gpt2},
                        {"smollm2_135m", octavo::families::smollm2_135m},
                        {"llama_1b", octavo::families::llama_3_2_1b}};

/// Where matrices are: as numbers, in groups of lines, in lines as in a file, or in lines in a
/// mapped file.
enum class Place { numbers, groups, lines, mapped };
struct Way {
  std::string name;
  StoredType type;
  Place place;
  StoredLayout layout() const {
    return place == Place::groups ? StoredLayout::grouped : StoredLayout::lines;
  }
};

std::vector<Way> every_way() {
  std::vector<Way> ways{{"numbers", StoredType::f32, Place::numbers}};
  for (int i = 0; i <= static_cast<int>(StoredType::iq4_xs); ++i) {
    const auto type = static_cast<StoredType>(i);
    std::string name(octavo::name_of(type));
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    ways.push_back({name, type, Place::groups});
    ways.push_back({name + "_lines", type, Place::lines});
    ways.push_back({name + "_mapped", type, Place::mapped});
  }
  return ways;
}
const std::vector<Way> ways = every_way();

/// The bytes of a matrix: as a scale or a number of 16 bits of about 2^-10; as whole numbers
/// anything.
void fill(std::span<std::byte> bytes, StoredType type, std::mt19937& random) {
  constexpr std::size_t most = std::size_t{1} << 20;  // then again
  for (std::size_t at = 0; at + 2 <= std::min(bytes.size(), most); at += 2) {
    const std::uint16_t half = type == StoredType::bf16 ? 0x3a80 : 0x1400;
    const auto two = static_cast<std::uint16_t>(half + random() % 64u);
    std::memcpy(bytes.data() + at, &two, sizeof(two));
  }
  for (std::size_t at = most; at < bytes.size(); ++at) bytes[at] = bytes[at - most];
}

/// A file of random matrices, deleted when it is no longer mapped.
std::shared_ptr<const octavo::MappedFile> random_file(std::size_t bytes, StoredType type) {
  const std::string name = (std::filesystem::temp_directory_path() /
                            octavo::detail::concat({"octavo_stored_weights_", ::getpid()}))
                               .string();
  {
    std::ofstream file(name, std::ios::binary);
    std::vector<std::byte> piece(std::size_t{1} << 20);
    std::mt19937 random(1);
    fill(piece, type, random);
    for (std::size_t done = 0; done < bytes; done += piece.size()) {
      file.write(reinterpret_cast<const char*>(piece.data()),
                 static_cast<std::streamsize>(std::min(piece.size(), bytes - done)));
    }
  }
  auto mapped = std::make_shared<const octavo::MappedFile>(name);
  std::filesystem::remove(name);
  mapped->expect_all();
  return mapped;
}

/// Random weights. In a file matrices follow one another with a gap of 32 bytes, as in GGUF.
octavo::StoredWeights<float> random_weights(const octavo::ParameterList& parameters,
                                            const Way& way) {
  std::vector<std::optional<octavo::StoredMatrix>> matrices;
  std::size_t bytes = 32;
  for (const octavo::Parameter& parameter : parameters) {
    const bool table =
        parameter.name == "embedding.tokens.weight" || parameter.name == "head.weight";
    matrices.emplace_back();
    if (way.place == Place::numbers || !(parameter.is_map() || table)) continue;
    matrices.back() = {way.type, way.layout(), nullptr, table ? parameter.rows : parameter.columns,
                       table ? parameter.columns : parameter.rows};
    bytes += octavo::stored_matrix_bytes(way.type, way.layout(), matrices.back()->lines,
                                         matrices.back()->length) +
             32;
  }
  std::shared_ptr<const octavo::MappedFile> file;
  if (way.place == Place::mapped) file = random_file(bytes, way.type);
  octavo::StoredWeightsPlan plan;
  const std::byte* next = file ? file->bytes().data() + 32 : nullptr;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!matrices[i]) {
      plan.add_numbers(parameters[i]);
      continue;
    }
    octavo::StoredMatrix& matrix = *matrices[i];
    if (file) {
      matrix.data = next;
      next += octavo::stored_matrix_bytes(way.type, way.layout(), matrix.lines, matrix.length) + 32;
    }
    plan.add_matrices({&matrix, 1});
  }
  octavo::StoredWeights<float> weights(plan, file);
  std::mt19937 random(1);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    for (float& number : weights.numbers(i)) {
      number = 0x1p-20f * static_cast<float>(random() % 65536u);
    }
    if (matrices[i] && !file) fill(weights.matrix_bytes(i, 0), way.type, random);
  }
  return weights;
}

void generation(benchmark::State& state, const Shape& shape, const Way& way, bool prompt) {
  octavo::ThreadPool threads(state.range(0));
  const octavo::Transformer<float> model{shape.config};
  const octavo::StoredWeights<float> weights = random_weights(model.parameters(), way);
  constexpr Index length = 128;
  octavo::Generator<float> generator(model, weights, length, threads);
  const std::vector<octavo::Token> tokens(static_cast<std::size_t>(length), 1);
  double read = 0;
  for (auto _ : state) {
    if (generator.used() == length) generator.reset();
    const auto piece = std::span(tokens).first(prompt ? tokens.size() : 1);
    generator.read(piece);
    benchmark::DoNotOptimize(generator.logits().data());
    read += static_cast<double>(piece.size());
  }
  const auto rate = [](double count) {
    return benchmark::Counter(count, benchmark::Counter::kIsRate);
  };
  state.counters["tokens/s"] = rate(read);
  double in_maps = 0;
  for (const octavo::Parameter& parameter : model.parameters()) {
    if (parameter.is_map()) in_maps += static_cast<double>(parameter.count());
  }
  if (prompt) {
    const double flops = 2 * read * in_maps;
    state.counters["of_fma_limit"] =
        rate(flops / octavo_benchmark::fma_limit<float>(state.range(0)));
    return;
  }
  // The token table is read once, by the head that is tied to it.
  double bytes = static_cast<double>(weights.bytes() + weights.bytes_elsewhere());
  if (shape.config.positions.kind == octavo::PositionKind::learned) {
    bytes -= 4.0 * static_cast<double>(shape.config.context * shape.config.width);
  }
  state.counters["of_bandwidth"] =
      rate(read * bytes / octavo_benchmark::bandwidth_limit(state.range(0)));
}

const int registered = [] {
  for (const Shape& shape : shapes) {
    for (const Way& way : ways) {
      const auto block = static_cast<Index>(octavo::block_of(way.type));
      if (shape.config.width % block != 0 || shape.config.feed_forward.d_ff % block != 0) continue;
      for (const bool prompt : {true, false}) {
        benchmark::RegisterBenchmark(
            (std::string(shape.name) + "/" + way.name + (prompt ? "/prompt" : "/one_by_one"))
                .c_str(),
            [&shape, &way, prompt](benchmark::State& state) {
              generation(state, shape, way, prompt);
            })
            ->Arg(1)
            ->Arg(2)
            ->ArgName("threads")
            ->UseRealTime();
      }
    }
  }
  return 0;
}();

}  // namespace
