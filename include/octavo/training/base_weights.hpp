// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/files/xxh64.hpp>
#include <octavo/kernels/weight.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/tensor/lora_config.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/tensor/stored_matrix.hpp>

// A training run whose frozen tensors are those of a base outside its memory.
namespace OCTAVO_NAMESPACE {

namespace detail {

/// Writes the numbers of a weight of the base, stored or not, to numbers [parameter.count()].
template <Scalar T>
void copy_numbers(const Parameter& parameter, const Weight<T>& weight, std::span<T> numbers) {
  if (weight.stored.empty()) {
    std::copy_n(weight.numbers, parameter.count(), numbers.begin());
    return;
  }
  if (!parameter.is_map()) {
    for (Index i = 0; i < parameter.rows; ++i) {
      weight.kernels->copy_row(weight.stored.front(), i, numbers.data() + i * parameter.columns);
    }
    return;
  }
  std::vector<T> line(static_cast<std::size_t>(parameter.rows));
  Index column = 0;
  for (const StoredMatrix& map : weight.stored) {
    for (Index j = 0; j < map.lines; ++j, ++column) {
      weight.kernels->copy_row(map, j, line.data());
      for (std::size_t i = 0; i < line.size(); ++i) {
        numbers[i * static_cast<std::size_t>(parameter.columns) +
                static_cast<std::size_t>(column)] = line[i];
      }
    }
  }
}

/// ConfigError unless a weight of the base has the numbers of the parameter.
template <Scalar T>
void check_base(const Parameter& parameter, const Weight<T>& weight) {
  const auto right = [&] {
    if (weight.stored.empty()) return weight.numbers != nullptr;
    Index lines = 0;
    for (const StoredMatrix& matrix : weight.stored) {
      if (matrix.length != (parameter.is_map() ? parameter.rows : parameter.columns)) return false;
      lines += matrix.lines;
    }
    return lines == (parameter.is_map() ? parameter.columns : parameter.rows);
  };
  require(right(), [&] {
    return concat({"base: the weights of ", printable(parameter.name), " have another size"});
  });
}

}  // namespace detail

/// Identifies the base of a run whose trainer has none of its numbers.
struct BaseIdentity {
  std::string path = {};         ///< where it was; not compared
  std::string fingerprint = {};  ///< of its frozen weights as stored, see base_fingerprint

  bool exists() const noexcept { return !fingerprint.empty(); }
};

/// The hash of all weights outside the block, names, types and bytes, as 16 hexadecimal digits; the
/// same for equal weights, whatever file they are from. weights: [parameters.size()].
template <Scalar T>
OCTAVO_SETUP std::string base_fingerprint(const ParameterList& parameters,
                                          std::span<const Weight<T>> weights) {
  std::uint64_t hash = 0;
  const auto add = [&](std::span<const std::byte> bytes) { hash = xxh64(bytes, hash); };
  for (const Parameter& parameter : parameters) {
    if (!parameter.outside) continue;
    const Weight<T>& weight = weights[static_cast<std::size_t>(parameter.index)];
    add(std::as_bytes(std::span(parameter.name)));
    if (weight.stored.empty()) {
      add(std::as_bytes(std::span(weight.numbers, static_cast<std::size_t>(parameter.count()))));
    }
    for (const StoredMatrix& matrix : weight.stored) {
      const std::array<Index, 5> form{static_cast<Index>(matrix.type),
                                      static_cast<Index>(matrix.layout), matrix.lines,
                                      matrix.length, matrix.pairs};
      add(std::as_bytes(std::span(form)));
      add({matrix.data,
           stored_matrix_bytes(matrix.type, matrix.layout, matrix.lines, matrix.length)});
    }
  }
  std::string digits(16, '0');
  for (std::size_t i = digits.size(); i-- > 0; hash /= 16)
    digits[i] = "0123456789abcdef"[hash % 16];
  return digits;
}

/// Where the parameters of a model are, one by one: in `base` if they are outside the block, and
/// otherwise in `weights` [parameters.count()], into which the numbers of the base are copied if it
/// has them. `base`: the parameters of the model, or of the model without adapters, in order.
/// ConfigError if it is of another model.
template <Scalar T>
OCTAVO_SETUP std::vector<Weight<T>> weights_with_base(const ParameterList& parameters,
                                                      std::span<const Weight<T>> base,
                                                      std::span<T> weights) {
  const auto adapters = std::count_if(parameters.begin(), parameters.end(),
                                      [](const auto& tensor) { return is_adapter(tensor.name); });
  const Index tensors = static_cast<Index>(parameters.size());
  const bool whole = std::ssize(base) == tensors;
  require(whole || std::ssize(base) == tensors - adapters, [&] {
    return detail::concat({"base: got ", base.size(), " tensors, expected ", tensors - adapters,
                           ", those of the model without adapters"});
  });
  std::vector<Weight<T>> all;
  all.reserve(parameters.size());
  std::size_t next = 0;
  for (const Parameter& parameter : parameters) {
    const bool there = whole || !is_adapter(parameter.name);
    const Weight<T> weight = there ? base[next++] : Weight<T>{};
    if (there) detail::check_base<T>(parameter, weight);
    if (parameter.outside) {
      all.push_back(weight);
      continue;
    }
    const std::span<T> numbers = weights.subspan(static_cast<std::size_t>(parameter.offset),
                                                 static_cast<std::size_t>(parameter.count()));
    if (there) detail::copy_numbers<T>(parameter, weight, numbers);
    all.push_back({numbers.data(), {}, nullptr});
  }
  return all;
}

}  // namespace OCTAVO_NAMESPACE
