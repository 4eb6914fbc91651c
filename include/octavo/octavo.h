/* SPDX-License-Identifier: MIT */
#ifndef OCTAVO_OCTAVO_H
#define OCTAVO_OCTAVO_H

/* Octavo for C, and for languages that call C: load, train, generate, save. Link the shared library
 * octavo_c (CMake: octavo::c), or compile one C++ file that includes <octavo/c/functions.hpp>.
 *
 * Options are a text of pairs NAME=VALUE with spaces between them, such as
 * "layers=2 width=64 heads=2 ff=128 lr=1e-3 tied". The names are those of `train_full --help`
 * without the dashes; a name without a value means yes. NULL or "" sets none. Texts are UTF-8.
 *
 * Functions that can fail return NULL or a status that is not 0 (an ErrorCode of
 * octavo/base/error.hpp); octavo_error() then has the reason. An object is used by one thread at a
 * time; different objects are independent. Results do not depend on the number of threads. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A model with its weights and its tokenizer. */
typedef struct octavo_model octavo_model;
/* A training run: a model, a text, an optimizer. */
typedef struct octavo_trainer octavo_trainer;

/* "major.minor.patch". */
const char *octavo_version(void);

/* Why the last function that failed on this thread did so, and what to do about it; "" if none has
 * failed. Valid until the next one fails. */
const char *octavo_error(void);

/* Opens a model file or checkpoint of Octavo, a Hugging Face folder or a GGUF file. Matrices stay
 * in the number type of the file. Options: threads (as many as pay), context (the positions that
 * generation sees: the trained length, at most 4096). */
octavo_model *octavo_load(const char *path, const char *options);

/* Writes the model as a model file of Octavo, atomically. */
int octavo_save(const octavo_model *model, const char *path);

void octavo_free_model(octavo_model *model);

/* -1 for NULL, here and below. */
int64_t octavo_parameter_count(const octavo_model *model);
int64_t octavo_vocabulary_size(const octavo_model *model);
/* Positions that generation sees. */
int64_t octavo_context(const octavo_model *model);

/* Receives a piece of a generated text: whole UTF-8 characters, without a 0 at the end. A result
 * that is not 0 ends the text. */
typedef int (*octavo_write)(void *user, const char *text, size_t bytes);

/* Continues the prompt until a token ends the text. `write` must not call functions of the model.
 * Options: tokens (at most so many: 200),
 * temperature (0.8; 0: always the likeliest token), top-k, top-p, min-p, repetition-penalty,
 * repetition-window, seed (1). Equal seeds give equal texts. */
int octavo_generate(octavo_model *model, const char *prompt, const char *options,
                    octavo_write write, void *user);

/* The mean negative log-likelihood of the tokens of a text, in nats. */
int octavo_score(octavo_model *model, const char *text, size_t bytes, double *nats_per_token);

/* Prepares the training of a new model on a text. Without options it is a model of 2 layers of width
 * 128. Options: those that `train_full --help` lists under Model, Layers, Training and Memory, except
 * for those of several processes and those without a value but tied, gated, qk-norm, zero-init,
 * recompute, recompute-logits and fused-update; steps (1000); tokenizer (char, byte, or bpe with vocab=N); validation
 * (the last share of the text, for octavo_evaluate: 0.1); threads. The memory is allocated here,
 * once. */
octavo_trainer *octavo_train(const char *text, size_t bytes, const char *options);

/* The same from a model that exists: its weights, configuration and tokenizer. Options: those of
 * training and memory; lora-rank and the like add adapters, which then train alone. */
octavo_trainer *octavo_fine_tune(const octavo_model *model, const char *text, size_t bytes,
                                 const char *options);

void octavo_free_trainer(octavo_trainer *trainer);

/* Bytes of the one block that holds weights, gradients, optimizer state and activations. */
int64_t octavo_planned_bytes(const octavo_trainer *trainer);
int64_t octavo_steps_done(const octavo_trainer *trainer);

/* One step. loss, unless NULL: in nats per token, before the update. After an error with status 1
 * (the loss is not finite) the weights are those before the step. */
int octavo_step(octavo_trainer *trainer, double *loss);

/* The mean loss over the validation text, in nats per token. */
int octavo_evaluate(octavo_trainer *trainer, double *loss);

/* A copy of the model as it is now; it does not need the trainer. */
octavo_model *octavo_model_of(octavo_trainer *trainer);

/* Saves the run, atomically; octavo_resume continues one of the same text and options, bit for
 * bit. */
int octavo_save_checkpoint(const octavo_trainer *trainer, const char *path);
int octavo_resume(octavo_trainer *trainer, const char *path);

#ifdef __cplusplus
}
#endif

#endif
