// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <octavo/checkpoint/model_file.hpp>
#include <octavo/training/trainer.hpp>

// The tensors of a run's file that are not the model's.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// The layout of an optimizer's state in a file: moments of the weights' scalar type as [moments,
/// parameters], or as [numbers] if a moment does not cover all parameters; otherwise bytes.
struct StateForm {
  std::string_view dtype;
  std::vector<Index> sizes;
};

template <Scalar T>
StateForm state_form(const AnyOptimizer& optimizer, const TrainedSizes& sizes) {
  Index moments = 0, numbers = 0;
  bool scalars = true;
  for_each_state_section(optimizer, sizes, [&](const StateSection& section) {
    ++moments;
    numbers += section.count;
    scalars = scalars && section.number == StateSection::Number::scalar;
  });
  if (!scalars) return {"U8", {static_cast<Index>(optimizer_state_bytes<T>(optimizer, sizes))}};
  if (numbers == moments * sizes.count) return {scalar_name<T>, {moments, sizes.count}};
  return {scalar_name<T>, {numbers}};
}

template <typename N>
bool could_be_moment(N number, MomentRange range) {
  return std::isfinite(number) && (range == MomentRange::finite || number >= 0);
}

/// The index of the first number in the state that is not valid; nothing if all are valid.
/// Quantized codes are not counted, because every value is valid. read(byte, bytes) fills `bytes`
/// from the state's byte `byte` on.
template <Scalar T, typename Read>
std::optional<Index> first_impossible(const AnyOptimizer& optimizer, const TrainedSizes& sizes,
                                      Read read) {
  std::optional<Index> first;
  std::size_t byte = 0;
  Index before = 0;
  const auto look = [&]<typename N>(std::type_identity<N>, const StateSection& section) {
    std::array<N, 4096 / sizeof(N)> piece;
    for (Index done = 0; done < section.count && !first; done += std::ssize(piece)) {
      const auto part = std::span(piece).first(
          static_cast<std::size_t>(std::min<Index>(std::ssize(piece), section.count - done)));
      read(byte + bytes_of<N>(done), std::as_writable_bytes(part));
      const auto bad = std::find_if_not(part.begin(), part.end(), [&](N number) {
        return could_be_moment(number, section.range);
      });
      if (bad != part.end()) first = before + done + (bad - part.begin());
    }
    before += section.count;
  };
  for_each_state_section(optimizer, sizes, [&](const StateSection& section) {
    if (section.number == StateSection::Number::scalar) look(std::type_identity<T>{}, section);
    if (section.number == StateSection::Number::float32) look(std::type_identity<float>{}, section);
    byte += section.bytes<T>();
  });
  return first;
}

/// The state of a run's optimizer as one tensor; if processes have shares of it, the others send
/// theirs while it is written.
template <Scalar T, typename Step>
TensorToWrite state_to_write(const Step& step, const StateForm& form) {
  TensorToWrite tensor{std::string(optimizer_state_name), form.dtype, form.sizes,
                       step.optimizer_state()};
  if (!step.shards().divided()) return tensor;
  tensor.encoded_bytes =
      optimizer_state_bytes<T>(step.options().optimizer, step.parameters().trained());
  tensor.encode = [&step](const TensorToWrite& whole, const ByteSink& sink) {
    WholeStateReader reader(step);
    constexpr std::size_t most = 4096;
    std::array<std::byte, most> piece;
    for (std::size_t first = 0; first < whole.encoded_bytes; first += most) {
      const auto bytes = std::span(piece).first(std::min(most, whole.encoded_bytes - first));
      reader.read(first, bytes);
      sink(bytes);
    }
  };
  return tensor;
}

/// The momentum of a DiLoCo run's outer steps.
template <Scalar T, typename Step>
TensorToWrite outer_momentum_to_write(const Step& step) {
  const std::span<T> momentum = step.outer_momentum();
  return {std::string(outer_momentum_name),
          scalar_name<T>,
          {std::ssize(momentum)},
          std::as_bytes(momentum)};
}

/// Replaces the weights of trained tensors by their averages, and appends the weights themselves.
/// Before the first update they are the averages.
template <typename Trainer>
void add_averages(std::vector<TensorToWrite>& tensors, const Trainer& trainer) {
  std::size_t next = 0;
  for (const Parameter& parameter : trainer.parameters()) {
    if (parameter.outside) continue;
    const std::size_t place = next++;
    if (!parameter.trains()) continue;
    TensorToWrite& average = tensors[place];
    TensorToWrite weights = average;
    weights.name = training_name(parameter);
    if (trainer.state().steps_done > 0) {
      average.bytes = std::as_bytes(
          trainer.averages().subspan(static_cast<std::size_t>(parameter.gradient_offset),
                                     static_cast<std::size_t>(parameter.count())));
    }
    tensors.push_back(std::move(weights));
  }
}

/// The reverse, from a file.
template <Scalar T, typename Trainer>
void read_averages(const SafetensorsReader& file, Trainer& trainer) {
  for (const Parameter& parameter : trainer.parameters()) {
    if (!parameter.trains()) continue;
    const auto count = static_cast<std::size_t>(parameter.count());
    read_tensor<T>(
        file, gpt2_name(parameter.name),
        trainer.averages().subspan(static_cast<std::size_t>(parameter.gradient_offset), count));
    read_tensor<T>(file, training_name(parameter),
                   trainer.weights().subspan(static_cast<std::size_t>(parameter.offset), count));
  }
}

}  // namespace detail

}  // namespace OCTAVO_NAMESPACE
