// SPDX-License-Identifier: MIT
// What a header can say of the main types by their names alone.
// refused with -DWHOLE: incomplete type|undefined template
// refused with -DNUMBER=int: constraint failure|constraints not satisfied for class template
// 'Trainer'

#include <octavo/fwd.hpp>

#if !defined(NUMBER)
#define NUMBER float
#endif

struct Mine {
  octavo::Trainer<NUMBER>& trainer;
  octavo::TrainingStep<double>* step = nullptr;
  octavo::Transformer<float>* model = nullptr;
  octavo::Generator<float>* generator = nullptr;
  octavo::Scorer<float>* scorer = nullptr;
  octavo::ThreadPool* threads = nullptr;
  octavo::AnyTokenizer* tokenizer = nullptr;
};

void train(octavo::Trainer<float>& trainer, const octavo::TrainingOptions& options,
           const octavo::ModelConfig& config, octavo::TokenView tokens);

// What the names stand for is the same where everything is included.
#if defined(WHOLE)
static_assert(sizeof(octavo::Trainer<float>) > 0);
#else
#include <octavo/octavo.hpp>
static_assert(sizeof(octavo::Trainer<float>) > 0);
static_assert(
    std::same_as<octavo::Trainer<float>,
                 octavo::Trainer<float, octavo::ModelConfig, octavo::FeedForward<float> > >);
#endif

int main() {}
