// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string_view>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The number type of weights, activations and gradients.
template <typename T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double>;

/// The scalar's name in safetensors files: "F32" or "F64".
template <Scalar T>
inline constexpr std::string_view scalar_name = std::same_as<T, float> ? "F32" : "F64";

}  // namespace OCTAVO_NAMESPACE
