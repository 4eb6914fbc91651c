// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of checkpoint/: includes everything in that folder.

#include <octavo/checkpoint/base_metadata.hpp>
#include <octavo/checkpoint/chat_metadata.hpp>
#include <octavo/checkpoint/checkpoint_folder.hpp>
#include <octavo/checkpoint/earlier_runs.hpp>
#include <octavo/checkpoint/field_metadata.hpp>
#include <octavo/checkpoint/metadata_words.hpp>
#include <octavo/checkpoint/model_file.hpp>
#include <octavo/checkpoint/model_metadata.hpp>
#include <octavo/checkpoint/named_checkpoint.hpp>
#include <octavo/checkpoint/parameter_tensors.hpp>
#include <octavo/checkpoint/rollback_target.hpp>
#include <octavo/checkpoint/sentence_piece_metadata.hpp>
#include <octavo/checkpoint/state_tensors.hpp>
#include <octavo/checkpoint/tensor_layout.hpp>
#include <octavo/checkpoint/tokenizer_metadata.hpp>
#include <octavo/checkpoint/trained_model.hpp>
#include <octavo/checkpoint/training_checkpoint.hpp>
#include <octavo/checkpoint/training_metadata.hpp>
