// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
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
  std::string name;  ///< full name, as in files: "transformer.h.0.attn.c_attn.weight"
  Index rows = 0;    ///< 0 for a vector
  Index columns = 0;
  Index offset = 0;  ///< numbers before it in the model's flat block
  InitialValue initial = InitialValue::zeros;
  bool decays = false;
  /// Multiplies the learning rate for this tensor; 0 freezes it.
  double learning_rate_factor = 1;
  Index number = 0;  ///< index in the list

  Index count() const noexcept { return (rows == 0 ? 1 : rows) * columns; }
};

/// All parameters of a model in memory order, without gaps, so that an optimizer is one pass over
/// flat memory.
class ParameterList {
 public:
  /// Appends the tensors of a part; `prefix` precedes every name. ConfigError for a name that
  /// occurs already.
  void append(std::string_view prefix, const ParameterTable& part) {
    const Index base = count_;
    for (Index i = 0; i < part.size(); ++i) {
      const ParameterEntry& entry = part[i];
      std::string name = detail::concat({prefix, entry.path.joined()});
      const auto same = [&](const Parameter& other) { return other.name == name; };
      require(std::none_of(parameters_.begin(), parameters_.end(), same), [&] {
        return detail::concat({"two tensors have the name ", printable(name)});
      });
      parameters_.push_back({std::move(name), entry.rows, entry.columns, base + entry.offset,
                             entry.initial, entry.decays(), 1.0,
                             static_cast<Index>(parameters_.size())});
    }
    count_ += part.count();
  }

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
  void set_learning_rate_factor_of(std::size_t number, double factor) {
    check_factor(factor);
    parameters_.at(number).learning_rate_factor = factor;
  }

  /// One tensor of a flat block (values, gradients or moments) as an Eigen map; a vector is one
  /// row. ConfigError for an unknown name or a block of another size.
  template <typename T>
  EigenMap<T> map(std::span<T> block, std::string_view name) const {
    const Parameter& parameter = find(name);
    require_equal("parameters: numbers in the block", static_cast<Index>(block.size()), count_);
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
};

}  // namespace OCTAVO_NAMESPACE
