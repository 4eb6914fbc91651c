// SPDX-License-Identifier: MIT
// Trains a small model of every family on the processes of MPI, and prints hashes of the results:
//   mpirun -n 3 families STEPS THREADS
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <octavo/mpi.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/runs/sha256.hpp>
#include <octavo/training/trainer.hpp>

#include "training/rank_texts.hpp"
#include "transformer/small_families.hpp"

using namespace octavo;

namespace {

struct Variant {
  const char* name;
  TrainingOptions options;
};

/// Each of 12 sequences a step, each of them a leaf.
std::vector<Variant> variants(Index steps) {
  const TrainingOptions common{.steps = steps,
                               .batch = 12,
                               .sequence = 13,
                               .leaves = 12,
                               .learning_rate = 1e-3,
                               .warmup = 5};
  std::vector<Variant> all(7, {"plain", common});
  all[1].name = "dropout, accumulation", all[1].options.dropout = 0.2;
  all[1].options.batch = 3, all[1].options.accumulate = 4, all[1].options.micro_batch = 2;
  all[2].name = "fused", all[2].options.fused_update = true;
  all[3].name = "packed", all[3].options.packed = true;
  all[4].name = "zero 1, 8 bits", all[4].options.zero = 1, all[4].options.optimizer = AdamW8bit{};
  all[5].name = "zero 2", all[5].options.zero = 2;
  all[6].name = "zero 1, muon, fused", all[6].options.zero = 1;
  all[6].options.optimizer = Muon{}, all[6].options.fused_update = true;
  return all;
}

std::string hash_of(const ModelConfig& config, TrainingOptions options, Index workers,
                    Ranks& ranks) {
  ThreadPool threads(workers);
  options.ranks = ranks.count();
  Trainer<float> trainer(config, options, threads);
  trainer.set_ranks(ranks);
  if (options.packed) {
    trainer.run(octavo_test::rank_rows(options.sequence), PackedData(23, options.sequence));
  } else {
    trainer.run(octavo_test::rank_text());
  }
  const auto bytes = std::as_bytes(trainer.weights());
  return sha256(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    MpiRanks ranks(MPI_COMM_WORLD);
    const Index steps = std::atoi(argv[1]), workers = std::atoi(argv[2]);
    for (const auto& family : octavo_test::small_families()) {
      for (const Variant& variant : variants(steps)) {
        const std::string own = hash_of(family.config, variant.options, workers, ranks);
        std::string all(own.size() * static_cast<std::size_t>(ranks.count()), ' ');
        own.copy(&all[own.size() * static_cast<std::size_t>(ranks.rank())], own.size());
        gather_all(ranks, std::as_writable_bytes(std::span(all)), own.size());
        for (std::size_t first = 0; first < all.size(); first += own.size()) {
          if (all.compare(first, own.size(), own) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
        }
        if (ranks.rank() > 0) continue;
        std::printf("%s, %s: %s\n", family.name.c_str(), variant.name, own.c_str());
      }
    }
  }
  MPI_Finalize();
  return 0;
}
