// SPDX-License-Identifier: MIT
#include "train_full/stored_base.hpp"

#include <memory>

#include "support/program.hpp"

namespace support {

std::string path_of_weights(const std::string& from, const std::string& given,
                            const octavo::ResumedRun* resumed) {
  if (resumed == nullptr) {
    octavo::require(given.empty() || !from.empty(), "--base: it needs --from or --resume");
    return from;
  }
  octavo::require(from.empty() || given.empty(), "--base: with --resume, --from names the same");
  const octavo::BaseIdentity& base = resumed->info().base;
  octavo::require((from.empty() && given.empty()) || base.exists(), [&] {
    return std::string(from.empty() ? "--base" : "--from") +
           ": the run of --resume already has weights";
  });
  if (!from.empty()) return from;
  if (!given.empty()) return given;
  if (!base.exists() || std::filesystem::exists(base.path)) return base.path;
  throw octavo::Error(
      octavo::ErrorCode::no_input,
      "--resume: the base of the run's adapters is not at " + octavo::printable(base.path),
      "say with --base where it is");
}

void leave_base_stored(FullOptions& options, const octavo::ModelSource& from,
                       const std::string& path, std::shared_ptr<StoredBase>& base) {
  if (options.config.lora.rank == 0 || options.double_precision) return;
  options.training.stored_base = true;
  if (base == nullptr) base = std::make_shared<StoredBase>(from, path);
  options.base = base;
  options.corpus.program_bytes += options.base->bytes();
}

std::string hint_of_base(const StoredBase& base) {
  return octavo::readable_bytes(base.bytes()) +
         " are the base, which may have a smaller type: convert " + shell_word(base.path()) +
         " base.gguf --type q8_0 (or q4_0), then --from base.gguf";
}

}  // namespace support
