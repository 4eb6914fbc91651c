// SPDX-License-Identifier: MIT
#pragma once

// The templates that the library octavo::compiled holds, for float and double. (It also contains
// all functions that are not templates: see OCTAVO_BODIES in base/abi.hpp.) A program that links it
// sees only declarations of these functions and compiles none of them:
//
//   target_link_libraries(my_program PRIVATE octavo::compiled)   # defines OCTAVO_COMPILED
//
// octavo.hpp includes this header; a file that includes single headers instead may include it
// first. Templates that are not in the list (other configurations, the user's own layers and
// optimizers) are compiled where they are used, as without the library.
//
// If the processor flags of library and program differ, all their names differ (base/abi.hpp): the
// linker then reports missing names such as octavo::isa_...::Trainer<float>.
#include <octavo/generation/generator.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/kernels/activate.hpp>
#include <octavo/kernels/attend.hpp>
#include <octavo/kernels/convolve.hpp>
#include <octavo/kernels/cross_entropy.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/gate.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/kernels/orthogonalize.hpp>
#include <octavo/kernels/rotate.hpp>
#include <octavo/kernels/soft_cap.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/optimizers/weight_average.hpp>
#include <octavo/training/trainer.hpp>

// clang-format off
/// Calls apply(declaration) for each.
#define OCTAVO_COMPILED_LIST(apply, T)                                                  \
  apply(decltype(set_zero<T>) set_zero<T>)                                                      \
  apply(decltype(add<T>) add<T>)                                                                \
  apply(decltype(add_numbers<T>) add_numbers<T>)                                                \
  apply(decltype(multiply_elementwise<T>) multiply_elementwise<T>)                              \
  apply(decltype(copy<T>) copy<T>)                                                              \
  apply(decltype(sum_columns<T>) sum_columns<T>)                                                \
  apply(decltype(softmax_cross_entropy<T>) softmax_cross_entropy<T>)                            \
  apply(decltype(softmax_gradient<T>) softmax_gradient<T>)                                      \
  apply(decltype(soft_cap<T>) soft_cap<T>)                                                      \
  apply(decltype(activate<T>) activate<T>)                                                      \
  apply(decltype(activate_with_slope<T>) activate_with_slope<T>)                                \
  apply(decltype(gate<T>) gate<T>)                                                              \
  apply(decltype(gate_backward<T>) gate_backward<T>)                                            \
  apply(decltype(scale_and_shift<T>) scale_and_shift<T>)                                        \
  apply(decltype(normalize<T>) normalize<T>)                                                    \
  apply(decltype(normalize_backward_input<T>) normalize_backward_input<T>)                      \
  apply(decltype(normalize_backward_parameters<T>) normalize_backward_parameters<T>)            \
  apply(decltype(convolve<T>) convolve<T>)                                                      \
  apply(decltype(convolve_next<T>) convolve_next<T>)                                            \
  apply(decltype(convolve_backward_input<T>) convolve_backward_input<T>)                        \
  apply(decltype(convolve_backward_taps<T>) convolve_backward_taps<T>)                          \
  apply(decltype(rotate<T>) rotate<T>)                                                          \
  apply(decltype(matmul<T>) matmul<T>)                                                          \
  apply(decltype(matmul_nt<T>) matmul_nt<T>)                                                    \
  apply(decltype(matmul_tn<T>) matmul_tn<T>)                                                    \
  apply(decltype(matmul_stored<T>) matmul_stored<T>)                                            \
  apply(decltype(matmul_stored_nt<T>) matmul_stored_nt<T>)                                      \
  apply(decltype(attend<T>) attend<T>)                                                          \
  apply(decltype(attend_backward<T>) attend_backward<T>)                                        \
  apply(decltype(global_norm<T>) global_norm<T>)                                                \
  apply(decltype(sum_norm_chunks<T>) sum_norm_chunks<T>)                                        \
  apply(decltype(update_averages<T>) update_averages<T>)                                        \
  apply(decltype(detail::update_with<AdamW, T>) detail::update_with<AdamW, T>)                  \
  apply(decltype(detail::update_with<Adam, T>) detail::update_with<Adam, T>)                    \
  apply(decltype(detail::update_with<Lion, T>) detail::update_with<Lion, T>)                    \
  apply(decltype(orthogonalize<T>) orthogonalize<T>)                                            \
  apply(decltype(detail::update_with<Muon, T>) detail::update_with<Muon, T>)                    \
  apply(decltype(detail::update_with<Sgd, T>) detail::update_with<Sgd, T>)                      \
  apply(decltype(detail::update_with<AdamW8bit, T>) detail::update_with<AdamW8bit, T>)          \
  apply(TrainingStep<T>::TrainingStep(const Model&, const TrainingOptions&, ThreadPool&))         \
  apply(TrainingStep<T>::TrainingStep(const Model&, const TrainingOptions&, ThreadPool&,          \
                                       std::span<std::byte>))                                      \
  apply(double TrainingStep<T>::compute_gradients())                                              \
  apply(double TrainingStep<T>::update(double))                                                   \
  apply(StepResult TrainingStep<T>::train(double))                                                \
  apply(double TrainingStep<T>::add_losses(double, Index, Index))                                 \
  apply(void TrainingStep<T>::compute_losses(Index, Index, Index))                                \
  apply(Trainer<T>::Trainer(const Model&, const TrainingOptions&, ThreadPool&))                   \
  apply(Trainer<T>::Trainer(const Model&, const TrainingOptions&, ThreadPool&,                    \
                             std::span<std::byte>))                                                \
  apply(Trainer<T>::Trainer(const ModelConfig&, const TrainingOptions&, ThreadPool&))               \
  apply(StepResult Trainer<T>::step(TokenView))                                                   \
  apply(double Trainer<T>::evaluate(TokenView, Index))                                            \
  apply(RunResult Trainer<T>::run(TokenView, TokenView, const TrainingCallbacks&))                \
  apply(Generator<T>::Generator(const Model&, ModelWeights<T>, Index, ThreadPool&, Index,      \
                                 Sliding))                                                         \
  apply(Generator<T>::Generator(const Model&, ModelWeights<T>, Index, ThreadPool&,             \
                                 std::span<std::byte>, Index, Sliding))                            \
  apply(void Generator<T>::reset())                                                               \
  apply(void Generator<T>::read(std::span<const Token>, Index))                                   \
  apply(Token Generator<T>::choose(const Sampling&, const CounterRandom&, std::uint64_t, Index))  \
  apply(void Generator<T>::advance(std::span<CachedRows>, std::span<const Token>))                \
  apply(Scorer<T>::Scorer(const Model&, ModelWeights<T>, Index, ThreadPool&))                  \
  apply(TextScore Scorer<T>::score(TokenView, Index))                                             \
  apply(EigenMap<const T> Scorer<T>::hidden(TokenView))                                           \
  apply(void Scorer<T>::run(TokenView, Index, Index))
// clang-format on

namespace OCTAVO_NAMESPACE {

// Compilers instantiate members that are defined inside their class, because these are inline, even
// if `extern template` declares them elsewhere. The members in this list are therefore defined
// after their classes.
#if defined(OCTAVO_COMPILING)  // a source of the library, for float or for double
#define OCTAVO_INSTANTIATE(...) template __VA_ARGS__;
OCTAVO_COMPILED_LIST(OCTAVO_INSTANTIATE, OCTAVO_COMPILING)
#undef OCTAVO_INSTANTIATE
#elif defined(OCTAVO_COMPILED)
#define OCTAVO_DECLARE(...) extern template __VA_ARGS__;
OCTAVO_COMPILED_LIST(OCTAVO_DECLARE, float)
OCTAVO_COMPILED_LIST(OCTAVO_DECLARE, double)
#undef OCTAVO_DECLARE
#endif

}  // namespace OCTAVO_NAMESPACE

#undef OCTAVO_COMPILED_LIST
