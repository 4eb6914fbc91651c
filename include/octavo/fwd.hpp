// SPDX-License-Identifier: MIT
#pragma once

// The names of the main types, for headers that hold references or pointers to them:
// `octavo::Trainer<float>&` needs only this header. Default template arguments are only here.

#include <octavo/base/config.hpp>
#include <octavo/numeric/scalar.hpp>

namespace OCTAVO_NAMESPACE {

class Arena;
class MemoryPlan;
class ThreadPool;
class Worker;

class AnyTokenizer;
class BpeTokenizer;
class ByteTokenizer;
class CharacterTokenizer;
class SentencePieceTokenizer;
class TokenStore;
class TokenView;

class Error;
class ModelSource;
struct ModelConfig;
struct RunResult;
struct RunState;
struct Sampling;
struct StepResult;
struct TrainingCallbacks;
struct TrainingOptions;

template <Scalar T>
class FeedForward;

// T: float or double. Config: ModelConfig or a FixedConfig. Part: a Layer from width to width,
// which replaces the feed-forward part, or a TransformerBlock. Violations are reported where the
// class is used.

template <Scalar T, typename Config = ModelConfig, typename Part = FeedForward<T>>
class Transformer;
template <Scalar T, typename Config = ModelConfig, typename Part = FeedForward<T>>
class TrainingStep;
template <Scalar T, typename Config = ModelConfig, typename Part = FeedForward<T>>
class Trainer;
template <Scalar T, typename Config = ModelConfig, typename Part = FeedForward<T>>
class Generator;
template <Scalar T, typename Config = ModelConfig, typename Part = FeedForward<T>>
class Scorer;

namespace detail {

template <typename Model>
struct RunsOf;
template <Scalar T, typename Config, typename Part>
struct RunsOf<Transformer<T, Config, Part>> {
  using Training = Trainer<T, Config, Part>;
};

}  // namespace detail

/// The trainer of a model: with `using Model = Transformer<float, ModelConfig, MyBlock<float>>`
/// this is Trainer<float, ModelConfig, MyBlock<float>>.
template <typename Model>
using TrainerOf = typename detail::RunsOf<Model>::Training;

}  // namespace OCTAVO_NAMESPACE
