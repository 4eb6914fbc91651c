// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of interop/: includes everything in that folder.

#include <octavo/interop/added_tokens.hpp>
#include <octavo/interop/chat_template_file.hpp>
#include <octavo/interop/gguf_adapter.hpp>
#include <octavo/interop/gguf_config.hpp>
#include <octavo/interop/gguf_families.hpp>
#include <octavo/interop/gguf_model.hpp>
#include <octavo/interop/gguf_parameters.hpp>
#include <octavo/interop/gguf_positions.hpp>
#include <octavo/interop/gguf_tokens.hpp>
#include <octavo/interop/gpt2_config.hpp>
#include <octavo/interop/hf_config.hpp>
#include <octavo/interop/hf_families.hpp>
#include <octavo/interop/hf_llama_config.hpp>
#include <octavo/interop/hf_positions.hpp>
#include <octavo/interop/hf_tensor_names.hpp>
#include <octavo/interop/hf_tensors.hpp>
#include <octavo/interop/hugging_face_folder.hpp>
#include <octavo/interop/lora_tensors.hpp>
#include <octavo/interop/model_source.hpp>
#include <octavo/interop/peft_adapter.hpp>
#include <octavo/interop/peft_config.hpp>
#include <octavo/interop/pretrained_config.hpp>
#include <octavo/interop/save_pretrained.hpp>
#include <octavo/interop/sentence_piece_file.hpp>
#include <octavo/interop/stored_tensor.hpp>
#include <octavo/interop/token_table.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/interop/tokenizer_json.hpp>
#include <octavo/interop/tokenizer_json_parts.hpp>
#include <octavo/interop/tokenizer_json_text.hpp>
#include <octavo/interop/vocabulary_files.hpp>
