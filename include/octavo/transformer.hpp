// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of transformer/: includes everything in that folder.

#include <octavo/transformer/block.hpp>
#include <octavo/transformer/extract_adapter.hpp>
#include <octavo/transformer/families.hpp>
#include <octavo/transformer/gpt2_names.hpp>
#include <octavo/transformer/head_memory.hpp>
#include <octavo/transformer/initial_weights.hpp>
#include <octavo/transformer/lora_adapter.hpp>
#include <octavo/transformer/merge_adapters.hpp>
#include <octavo/transformer/model_config.hpp>
#include <octavo/transformer/model_description.hpp>
#include <octavo/transformer/model_tables.hpp>
#include <octavo/transformer/model_weights.hpp>
#include <octavo/transformer/part_check.hpp>
#include <octavo/transformer/phases.hpp>
#include <octavo/transformer/presets.hpp>
#include <octavo/transformer/stored_weights.hpp>
#include <octavo/transformer/trained_tensors.hpp>
#include <octavo/transformer/transformer.hpp>
