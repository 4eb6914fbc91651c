// SPDX-License-Identifier: MIT
#pragma once

// All that trains models on tokens and generates them, with tokenizers of bytes and characters. Not
// part of it, since every compilation would pay for it:
// - octavo/tokenizers.hpp: byte pairs, SentencePiece, any tokenizer of a file
// - octavo/data.hpp: files of texts and of tokens, documents
// - octavo/generation.hpp: chat, stop strings, streams of text
// - octavo/files.hpp: files in general
// - octavo/report.hpp, octavo/runs.hpp: pages and folders of runs
// - octavo/formats.hpp, octavo/checkpoint.hpp, octavo/interop.hpp: model files and checkpoints
// (they
//   need nlohmann_json)
// - octavo/testing.hpp: for authors of layers
#include <octavo/base.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/data/tokenize.hpp>
#include <octavo/generation/generate_text.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/kernels.hpp>
#include <octavo/layers.hpp>
#include <octavo/memory.hpp>
#include <octavo/numeric.hpp>
#include <octavo/optimizers.hpp>
#include <octavo/parallel.hpp>
#include <octavo/tensor.hpp>
#include <octavo/tokenizers/byte_tokenizer.hpp>
#include <octavo/tokenizers/character_tokenizer.hpp>
#include <octavo/training.hpp>
#include <octavo/transformer.hpp>
#if defined(OCTAVO_COMPILED)
#include <octavo/compiled.hpp>
#endif
