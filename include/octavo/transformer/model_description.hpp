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

/// A model as files know it. Made from any Transformer; a part of the user's needs a static `name`
/// for it, so that a file can say which part its numbers are of.
struct ModelDescription {
  ModelConfig config;
  std::string_view part;  ///< name of the part that is not GPT-2's; empty: there is none
  ParameterList parameters;

  template <Scalar T, typename Config, typename Part>
  ModelDescription(const Transformer<T, Config, Part>& model)
      : config(model.config()), part(detail::part_name<Part>()), parameters(model.parameters()) {}
};

/// How a kind of model is described when its shape becomes known, from a file.
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

/// `model_kind<Transformer<float, ModelConfig, MyBlock<float>>>`: files of models with that part,
/// of any shape, in float or double.
template <typename Model>
inline constexpr ModelKind model_kind = &detail::KindOf<Model>::describe;

/// Files of models without a part of the user's.
inline constexpr ModelKind standard_model = model_kind<Transformer<float>>;

}  // namespace OCTAVO_NAMESPACE
