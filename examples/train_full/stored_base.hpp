// SPDX-License-Identifier: MIT
// The base of a run of adapters, whose weights stay in the number types of their file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <octavo/interop/model_source.hpp>
#include <octavo/runs.hpp>

#include "train_full/options.hpp"

namespace support {

class StoredBase {
 public:
  /// `source` must outlive it.
  StoredBase(const octavo::ModelSource& source, const std::string& path)
      : source_(source), path_(std::filesystem::absolute(path).lexically_normal().string()) {}

  const std::string& path() const noexcept { return path_; }
  /// Of its weights in memory.
  std::size_t bytes() const { return source_.stored_bytes(); }
  /// Reads it the first time.
  std::span<const octavo::Weight<float>> parameters() {
    if (!weights_) weights_.emplace(source_.load_stored());
    return weights_->parameters();
  }

 private:
  const octavo::ModelSource& source_;
  std::string path_;
  std::optional<octavo::StoredWeights<float>> weights_;
};

/// The model that a run begins with, or whose adapters it trains: `from`, or that of the resumed
/// run, or with a resumed run `given`, its base; empty: none. ConfigError if the resumed run has
/// all weights.
std::string path_of_weights(const std::string& from, const std::string& given,
                            const octavo::ResumedRun* resumed);

/// Leaves the weights of `from`, at `path`, in the number types of their file if adapters of them
/// train. `base`: the one of an earlier call, or null, and then made.
void leave_base_stored(FullOptions& options, const octavo::ModelSource& from,
                       const std::string& path, std::shared_ptr<StoredBase>& base);

/// What would make a budget suffice that is too small for a base.
std::string hint_of_base(const StoredBase& base);

}  // namespace support
