// SPDX-License-Identifier: MIT
#pragma once

// What the library octavo::compiled holds, for float and double. A program that links it sees
// declarations in the place of these functions' bodies, and compiles none of them:
//
//   target_link_libraries(my_program PRIVATE octavo::compiled)   # defines OCTAVO_COMPILED
//
// octavo.hpp includes this header; a file that includes single headers instead may include it
// first. What is not in the list (other configurations, layers and optimizers of the user's own) is
// compiled where it is used, as without the library.
//
// A library and a program whose flags for the processor differ have different names for everything
// (base/abi.hpp): the linker then misses octavo::isa_...::Trainer<float> and the like.
#include <octavo/generation/generator.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/training/trainer.hpp>

// clang-format off
/// Calls function(declaration) for the functions, and member(declaration) for the members.
#define OCTAVO_COMPILED_LIST(function, member, T)                                                  \
  function(decltype(set_zero<T>) set_zero<T>)                                                      \
  function(decltype(add<T>) add<T>)                                                                \
  function(decltype(multiply_elementwise<T>) multiply_elementwise<T>)                              \
  function(decltype(copy<T>) copy<T>)                                                              \
  function(decltype(sum_columns<T>) sum_columns<T>)                                                \
  function(decltype(softmax_cross_entropy<T>) softmax_cross_entropy<T>)                            \
  function(decltype(activate<T>) activate<T>)                                                      \
  function(decltype(activate_with_slope<T>) activate_with_slope<T>)                                \
  function(decltype(scale_and_shift<T>) scale_and_shift<T>)                                        \
  function(decltype(normalize<T>) normalize<T>)                                                    \
  function(decltype(normalize_backward_input<T>) normalize_backward_input<T>)                      \
  function(decltype(normalize_backward_parameters<T>) normalize_backward_parameters<T>)            \
  function(decltype(matmul<T>) matmul<T>)                                                          \
  function(decltype(matmul_nt<T>) matmul_nt<T>)                                                    \
  function(decltype(matmul_tn<T>) matmul_tn<T>)                                                    \
  function(decltype(attend<T>) attend<T>)                                                          \
  function(decltype(attend_backward<T>) attend_backward<T>)                                        \
  function(decltype(global_norm<T>) global_norm<T>)                                                \
  function(decltype(detail::update_with<AdamW, T>) detail::update_with<AdamW, T>)                  \
  function(decltype(detail::update_with<Adam, T>) detail::update_with<Adam, T>)                    \
  function(decltype(detail::update_with<Lion, T>) detail::update_with<Lion, T>)                    \
  function(decltype(detail::update_with<Sgd, T>) detail::update_with<Sgd, T>)                      \
  function(decltype(detail::update_with<AdamW8bit, T>) detail::update_with<AdamW8bit, T>)          \
  member(TrainingStep<T>::TrainingStep(const Model&, const StepOptions&, ThreadPool&))             \
  member(TrainingStep<T>::TrainingStep(const Model&, const StepOptions&, ThreadPool&,              \
                                       std::span<std::byte>))                                      \
  member(double TrainingStep<T>::compute_gradients())                                              \
  member(double TrainingStep<T>::update(double))                                                   \
  member(StepResult TrainingStep<T>::train(double))                                                \
  member(double TrainingStep<T>::add_losses(double, Index, Index))                                 \
  member(Trainer<T>::Trainer(const Model&, const TrainingOptions&, ThreadPool&))                   \
  member(Trainer<T>::Trainer(const Model&, const TrainingOptions&, ThreadPool&,                    \
                             std::span<std::byte>))                                                \
  member(Trainer<T>::Trainer(const Model::Configuration&, const TrainingOptions&, ThreadPool&))    \
  member(StepResult Trainer<T>::step(TokenView))                                                   \
  member(double Trainer<T>::evaluate(TokenView, Index))                                            \
  member(RunResult Trainer<T>::run(TokenView, TokenView, const TrainingCallbacks&))                \
  member(Generator<T>::Generator(const Model&, std::span<const T>, Index, ThreadPool&, Index,      \
                                 Sliding))                                                         \
  member(Generator<T>::Generator(const Model&, std::span<const T>, Index, ThreadPool&,             \
                                 std::span<std::byte>, Index, Sliding))                            \
  member(void Generator<T>::reset())                                                               \
  member(void Generator<T>::read(std::span<const Token>, Index))                                   \
  member(Token Generator<T>::choose(const Sampling&, const CounterRandom&, std::uint64_t, Index))  \
  member(void Generator<T>::advance(std::span<CachedRows>, std::span<const Token>))                \
  member(Scorer<T>::Scorer(const Model&, std::span<const T>, Index, ThreadPool&))                  \
  member(TextScore Scorer<T>::score(TokenView, Index))                                             \
  member(EigenMap<const T> Scorer<T>::hidden(TokenView))                                           \
  member(void Scorer<T>::run(TokenView, Index, Index))
// clang-format on

namespace OCTAVO_NAMESPACE {

// A compiler instantiates members that are defined within their class, which are inline, even where
// `extern template` says that they are elsewhere. The declaration of a specialization keeps it from
// doing so; its symbol is that of the library's instantiation.
#if defined(OCTAVO_COMPILING)  // a source of the library, for float or for double
#define OCTAVO_INSTANTIATE(...) template __VA_ARGS__;
OCTAVO_COMPILED_LIST(OCTAVO_INSTANTIATE, OCTAVO_INSTANTIATE, OCTAVO_COMPILING)
#undef OCTAVO_INSTANTIATE
#elif defined(OCTAVO_COMPILED)
#define OCTAVO_FUNCTION(...) extern template __VA_ARGS__;
#define OCTAVO_MEMBER(...) \
  template <>              \
  __VA_ARGS__;
OCTAVO_COMPILED_LIST(OCTAVO_FUNCTION, OCTAVO_MEMBER, float)
OCTAVO_COMPILED_LIST(OCTAVO_FUNCTION, OCTAVO_MEMBER, double)
#undef OCTAVO_FUNCTION
#undef OCTAVO_MEMBER
#endif

}  // namespace OCTAVO_NAMESPACE

#undef OCTAVO_COMPILED_LIST
