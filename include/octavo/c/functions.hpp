// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <octavo/base/version.hpp>
#include <octavo/c/failure.hpp>
#include <octavo/c/model.hpp>
#include <octavo/c/option_text.hpp>
#include <octavo/c/trainer.hpp>
#include <octavo/octavo.h>

// The functions of octavo.h, which every file that includes this header contains: compile it in one
// file of a program, or link the shared library octavo_c.

/// See octavo.h.
struct octavo_model {
  octavo::OwnedModel model;
};
/// See octavo.h.
struct octavo_trainer {
  octavo::OwnedTrainer trainer;
};

namespace OCTAVO_NAMESPACE::detail {

inline OwnedModel& of(octavo_model* model) { return given(model, "model").model; }
inline const OwnedModel& of(const octavo_model* model) { return given(model, "model").model; }
inline OwnedTrainer& of(octavo_trainer* trainer) { return given(trainer, "trainer").trainer; }
inline const OwnedTrainer& of(const octavo_trainer* trainer) {
  return given(trainer, "trainer").trainer;
}
inline std::string path_of(const char* path) { return &given(path, "path"); }
inline OptionText options_of(const char* options) { return OptionText(text_or_empty(options)); }

}  // namespace OCTAVO_NAMESPACE::detail

#define OCTAVO_C_FUNCTION extern "C" [[gnu::used, gnu::visibility("default")]] inline

OCTAVO_C_FUNCTION const char* octavo_version() { return octavo::version_string; }
OCTAVO_C_FUNCTION const char* octavo_error() { return octavo::LastFailure::text(); }

OCTAVO_C_FUNCTION octavo_model* octavo_load(const char* path, const char* options) {
  using namespace octavo::detail;
  return octavo::object_or_null<octavo_model>(
      [&] { return new octavo_model{octavo::OwnedModel(path_of(path), options_of(options))}; });
}

OCTAVO_C_FUNCTION int octavo_save(const octavo_model* model, const char* path) {
  using namespace octavo::detail;
  return octavo::status_of([&] { of(model).save(path_of(path)); });
}

OCTAVO_C_FUNCTION void octavo_free_model(octavo_model* model) { delete model; }

OCTAVO_C_FUNCTION std::int64_t octavo_parameter_count(const octavo_model* model) {
  using namespace octavo::detail;
  return octavo::number_or_minus_one(
      [&] { return octavo::Transformer<float>(of(model).config()).parameter_count(); });
}
OCTAVO_C_FUNCTION std::int64_t octavo_vocabulary_size(const octavo_model* model) {
  using namespace octavo::detail;
  return octavo::number_or_minus_one([&] { return of(model).config().vocabulary; });
}
OCTAVO_C_FUNCTION std::int64_t octavo_context(const octavo_model* model) {
  using namespace octavo::detail;
  return octavo::number_or_minus_one([&] { return of(model).length(); });
}

OCTAVO_C_FUNCTION int octavo_generate(octavo_model* model, const char* prompt, const char* options,
                                      octavo_write write, void* user) {
  using namespace octavo::detail;
  return octavo::status_of([&] {
    octavo::given(write, "write");
    of(model).generate(
        octavo::text_or_empty(prompt), options_of(options),
        [&](std::string_view text) { return write(user, text.data(), text.size()) == 0; });
  });
}

OCTAVO_C_FUNCTION int octavo_score(octavo_model* model, const char* text, std::size_t bytes,
                                   double* nats_per_token) {
  using namespace octavo::detail;
  return octavo::status_of([&] {
    double& result = octavo::given(nats_per_token, "nats_per_token");
    result = of(model).score(octavo::text_of(text, bytes));
  });
}

OCTAVO_C_FUNCTION octavo_trainer* octavo_train(const char* text, std::size_t bytes,
                                               const char* options) {
  using namespace octavo::detail;
  return octavo::object_or_null<octavo_trainer>([&] {
    const std::string_view all = octavo::text_of(text, bytes);
    return new octavo_trainer{
        octavo::OwnedTrainer(all, octavo::new_run(all, options_of(options)), nullptr)};
  });
}

OCTAVO_C_FUNCTION octavo_trainer* octavo_fine_tune(const octavo_model* model, const char* text,
                                                   std::size_t bytes, const char* options) {
  using namespace octavo::detail;
  return octavo::object_or_null<octavo_trainer>([&] {
    octavo::TextRun run = octavo::further_run(of(model), options_of(options));
    return new octavo_trainer{
        octavo::OwnedTrainer(octavo::text_of(text, bytes), std::move(run), &of(model))};
  });
}

OCTAVO_C_FUNCTION void octavo_free_trainer(octavo_trainer* trainer) { delete trainer; }

OCTAVO_C_FUNCTION std::int64_t octavo_planned_bytes(const octavo_trainer* trainer) {
  using namespace octavo::detail;
  return octavo::number_or_minus_one(
      [&] { return static_cast<std::int64_t>(of(trainer).trainer().plan().total_bytes()); });
}
OCTAVO_C_FUNCTION std::int64_t octavo_steps_done(const octavo_trainer* trainer) {
  using namespace octavo::detail;
  return octavo::number_or_minus_one([&] { return of(trainer).trainer().state().steps_done; });
}

OCTAVO_C_FUNCTION int octavo_step(octavo_trainer* trainer, double* loss) {
  using namespace octavo::detail;
  return octavo::status_of([&] {
    const octavo::StepResult result = of(trainer).step();
    if (loss != nullptr) *loss = result.loss;
  });
}

OCTAVO_C_FUNCTION int octavo_evaluate(octavo_trainer* trainer, double* loss) {
  using namespace octavo::detail;
  return octavo::status_of([&] {
    double& result = octavo::given(loss, "loss");
    result = of(trainer).evaluate();
  });
}

OCTAVO_C_FUNCTION octavo_model* octavo_model_of(octavo_trainer* trainer) {
  using namespace octavo::detail;
  return octavo::object_or_null<octavo_model>(
      [&] { return new octavo_model{of(trainer).model()}; });
}

OCTAVO_C_FUNCTION int octavo_save_checkpoint(const octavo_trainer* trainer, const char* path) {
  using namespace octavo::detail;
  return octavo::status_of([&] { of(trainer).save_checkpoint(path_of(path)); });
}

OCTAVO_C_FUNCTION int octavo_resume(octavo_trainer* trainer, const char* path) {
  using namespace octavo::detail;
  return octavo::status_of([&] { of(trainer).resume(path_of(path)); });
}

#undef OCTAVO_C_FUNCTION
