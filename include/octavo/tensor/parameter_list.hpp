// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/tensor/eigen_map.hpp>
#include <octavo/tensor/parameter_table.hpp>

namespace OCTAVO_NAMESPACE {

/// One trainable tensor of a model.
struct Parameter {
  std::string name;  ///< full name: "blocks.0.attention.qkv.weight"
  Index rows = 0;    ///< 0 for a vector
  Index columns = 0;
  Index offset = 0;      ///< numbers before it in the model's flat block
  Index number = 0;      ///< numbers before it in the model
  bool outside = false;  ///< its numbers are not in the flat block: see set_outside
  InitialValue initial = InitialValue::zeros;
  bool decays = false;
  /// Multiplies the learning rate for this tensor; 0 freezes it.
  double learning_rate_factor = 1;
  Index index = 0;            ///< its index in the list
  Index block = -1;           ///< -1: before the first block; the number of blocks: after the last
  Index gradient_offset = 0;  ///< trained numbers before it; -1: it is frozen
  Index gradient_index = 0;   ///< trained tensors before it
  Index outside_maps = 0;     ///< trained numbers before it, without the weights of linear maps
  MapColumns maps{};          ///< see ParameterEntry

  Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
  /// Whether it has a gradient and moments.
  bool trains() const noexcept { return gradient_offset >= 0; }
  /// Whether updates change it.
  bool learns() const noexcept { return trains() && learning_rate_factor != 0; }
  /// Whether it is the weight of linear maps, not a table or a vector.
  bool is_map() const noexcept { return maps[0] + maps[1] + maps[2] > 0; }
};

/// All parameters of a model in memory order, without gaps, so that an optimizer is one pass over
/// flat memory.
class ParameterList {
 public:
  /// Appends a tensor of a model's block. ConfigError on a name that the block already has.
  void append(std::string name, const ParameterEntry& entry, Index block = -1) {
    for (std::size_t i = parameters_.size(); i > 0; --i) {
      const Parameter& other = parameters_[i - 1];
      if (other.block != block) break;  // names of different blocks differ by the block's number
      require(other.name != name, [&] {
        return detail::concat({"two tensors have the name ", printable(name)});
      });
    }
    const auto index = static_cast<Index>(parameters_.size());
    parameters_.push_back({std::move(name), entry.rows, entry.columns, count_, count_, false,
                           entry.initial, entry.decays(), 1.0, index, block, trained_.count,
                           trained_.tensors, trained_.count - trained_.in_maps, entry.maps});
    count_ += entry.count();
    trained_.add(entry);
  }
  /// Appends the tensors of a part; `prefix` precedes every name.
  void append(std::string_view prefix, const ParameterTable& part) {
    for (Index i = 0; i < part.size(); ++i) {
      append(detail::concat({prefix, part[i].path.joined()}), part[i]);
    }
  }

  /// Freezes all tensors for which trains(parameter) is false.
  template <typename Trains>
  void set_trained(Trains trains) {
    trained_ = {};
    for (Parameter& parameter : parameters_) {
      const bool trained = trains(std::as_const(parameter));
      parameter.gradient_offset = trained ? trained_.count : -1;
      parameter.gradient_index = trained_.tensors;
      parameter.outside_maps = trained_.count - trained_.in_maps;
      if (trained) trained_.add(parameter);
    }
  }
  /// Leaves all tensors for which outside(parameter) is true out of the flat block, which has the
  /// others without gaps.
  template <typename Outside>
  void set_outside(Outside outside) {
    count_ = 0;
    for (Parameter& parameter : parameters_) {
      parameter.outside = outside(std::as_const(parameter));
      parameter.offset = count_;
      if (!parameter.outside) count_ += parameter.count();
    }
  }
  /// Numbers in all trained tensors.
  Index trained_count() const noexcept { return trained_.count; }
  const TrainedSizes& trained() const noexcept { return trained_; }

  /// Numbers in the flat block.
  Index count() const noexcept { return count_; }
  std::size_t size() const noexcept { return parameters_.size(); }
  auto begin() const noexcept { return parameters_.begin(); }
  auto end() const noexcept { return parameters_.end(); }
  const Parameter& operator[](std::size_t i) const { return parameters_[i]; }
  std::span<const Parameter> span() const noexcept { return parameters_; }

  /// The parameter with this full name. ConfigError if there is none.
  const Parameter& find(std::string_view name) const {
    for (const Parameter& parameter : parameters_) {
      if (parameter.name == name) return parameter;
    }
    throw ConfigError(detail::concat({"there is no parameter ", printable(name)}));
  }

  /// Multiplies the learning rate of every parameter whose name contains `part`; 0 freezes them.
  /// Returns the number of matches, 0 for a misspelt name. ConfigError unless the factor is a
  /// finite number, 0 or more.
  [[nodiscard]] Index set_learning_rate_factor(std::string_view part, double factor) {
    check_factor(factor);
    Index matched = 0;
    for (Parameter& parameter : parameters_) {
      if (parameter.name.find(part) == std::string::npos) continue;
      parameter.learning_rate_factor = factor;
      ++matched;
    }
    return matched;
  }

  /// As above, for one parameter by its index in the list.
  void set_learning_rate_factor_of(std::size_t index, double factor) {
    check_factor(factor);
    parameters_.at(index).learning_rate_factor = factor;
  }

  /// The gradient of a tensor within the gradients of all trained tensors. ConfigError if it is
  /// frozen.
  template <typename T>
  EigenMap<T> gradient_map(std::span<T> block, std::string_view name) const {
    const Parameter& parameter = find(name);
    require_equal("parameters: numbers in the gradients", static_cast<Index>(block.size()),
                  trained_.count);
    require(parameter.trains(), [&] {
      return detail::concat({printable(name), " is frozen: it has no gradient"});
    });
    return EigenMap<T>(block.data() + parameter.gradient_offset,
                       parameter.rows == 0 ? 1 : parameter.rows, parameter.columns);
  }

  /// One tensor of a flat block of values as an Eigen map; a vector is one row. ConfigError if it
  /// is outside the block.
  template <typename T>
  EigenMap<T> map(std::span<T> block, std::string_view name) const {
    const Parameter& parameter = find(name);
    require_equal("parameters: numbers in the block", static_cast<Index>(block.size()), count_);
    require(!parameter.outside, [&] {
      return detail::concat({printable(name), " belongs to the base: it is not among the weights"});
    });
    return EigenMap<T>(block.data() + parameter.offset, parameter.rows == 0 ? 1 : parameter.rows,
                       parameter.columns);
  }

 private:
  static void check_factor(double factor) {
    require(std::isfinite(factor) && factor >= 0,
            "learning-rate factor: expected a finite number, 0 or more");
  }

  std::vector<Parameter> parameters_;
  Index count_ = 0;
  TrainedSizes trained_;
};

}  // namespace OCTAVO_NAMESPACE
