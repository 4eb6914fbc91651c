// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/config.hpp>
#include <octavo/fwd.hpp>
#include <octavo/tensor/parameter_list.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/transformer.hpp>

namespace OCTAVO_NAMESPACE {

namespace detail {

template <typename Part>
inline constexpr bool is_standard_part = false;
template <Scalar T>
inline constexpr bool is_standard_part<FeedForward<T>> = true;

template <typename Part>
constexpr std::string_view part_name() {
  if constexpr (is_standard_part<Part>) {
    return "";
  } else {
    static_assert(
        requires {
          { Part::name } -> std::convertible_to<std::string_view>;
        },
        "a part of your own needs a name in files: static constexpr std::string_view name = "
        "\"...\"");
    static_assert(!std::string_view(Part::name).empty(), "the part's name in files is empty");
    return Part::name;
  }
}

}  // namespace detail

/// The description of a model in files, made from any Transformer. A part of the user's own needs a
/// static `name`, which is stored in files to identify the part.
struct ModelDescription {
  ModelConfig config;
  std::string_view part;  ///< name of the user's own part; empty: none
  ParameterList parameters;

  template <Scalar T, typename Config, typename Part>
  ModelDescription(const Transformer<T, Config, Part>& model)
      : config(model.config()), part(detail::part_name<Part>()), parameters(model.parameters()) {}
};

/// Describes a kind of model, given a configuration, for example from a file.
using ModelKind = ModelDescription (*)(const ModelConfig&);

namespace detail {

template <typename Model>
struct KindOf;
template <Scalar T, typename Config, typename Part>
struct KindOf<Transformer<T, Config, Part>> {
  static ModelDescription describe(const ModelConfig& config) {
    return Transformer<T, ModelConfig, Part>{config};
  }
};

}  // namespace detail

/// `model_kind<Transformer<float, ModelConfig, MyBlock<float>>>`: the kind for files of models with
/// this part, of any configuration, in float or double.
template <typename Model>
inline constexpr ModelKind model_kind = &detail::KindOf<Model>::describe;

/// The kind of models without a part of the user's own.
inline constexpr ModelKind standard_model = model_kind<Transformer<float>>;

}  // namespace OCTAVO_NAMESPACE
