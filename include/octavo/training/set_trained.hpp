// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/name_patterns.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/training/training_options.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

constexpr void check_train_last(Index blocks, Index layers) {
  require(blocks >= 0 && blocks <= layers, [&] {
    return concat({"train_last is ", blocks, ", expected 0 to ", layers, ", the model's blocks"});
  });
}

constexpr void check_trained_count(Index count) {
  require(count > 0, "freeze: nothing is left to train");
}

/// found(pattern): whether a tensor's name contains it.
template <typename Found>
OCTAVO_SETUP constexpr void check_patterns(const TrainingOptions& options, bool adapters,
                                           Found found) {
  const auto check = [&](std::string_view option, const NamePatterns& patterns) {
    patterns.for_each([&](std::string_view pattern) {
      require(found(pattern), [&] {
        return concat({option, ": no tensor's name contains ", printable(pattern)});
      });
    });
  };
  check("freeze", options.freeze);
  check("train_too", options.train_too);
  if (adapters || options.train_too.text().empty()) return;
  throw ConfigError("train_too: the model has no adapters, so that everything trains already",
                    "set lora_rank, or say with freeze what does not train");
}

constexpr void check_between_steps(std::size_t bytes) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  require(std::uint64_t{bytes} <= most, [&] {
    return concat({"between_steps_bytes is ", bytes, ", expected at most 2^62"});
  });
}

}  // namespace detail

/// Marks the tensors that are frozen under these options, and those outside the block. ConfigError
/// if a pattern matches no tensor, if train_last exceeds the number of blocks, or if nothing is
/// left to train.
inline void set_trained(ParameterList& parameters, const TrainingOptions& options, Index layers) {
  detail::check_train_last(options.train_last, layers);
  const auto any = [&](auto wanted) {
    return std::any_of(parameters.begin(), parameters.end(),
                       [&](const Parameter& tensor) { return wanted(tensor.name); });
  };
  const bool adapters = any([](std::string_view name) { return is_adapter(name); });
  detail::check_patterns(options, adapters, [&](std::string_view pattern) {
    return any([&](std::string_view name) { return NamePatterns::matches(name, pattern); });
  });
  parameters.set_trained([&](const Parameter& tensor) {
    return options.trains(tensor.name, tensor.block, layers, adapters);
  });
  detail::check_trained_count(parameters.trained_count());
  parameters.set_outside([&](const Parameter& tensor) {
    return options.stored_base && !tensor.trains() && !is_adapter(tensor.name);
  });
}

}  // namespace OCTAVO_NAMESPACE
