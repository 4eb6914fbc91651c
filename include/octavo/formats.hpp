// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of formats/: includes everything in that folder.

#include <octavo/formats/encode_numbers.hpp>
#include <octavo/formats/folder_hint.hpp>
#include <octavo/formats/gguf_cursor.hpp>
#include <octavo/formats/gguf_format.hpp>
#include <octavo/formats/gguf_reader.hpp>
#include <octavo/formats/gguf_writer.hpp>
#include <octavo/formats/header_check.hpp>
#include <octavo/formats/header_checksum.hpp>
#include <octavo/formats/hexadecimal.hpp>
#include <octavo/formats/json_lines.hpp>
#include <octavo/formats/json_object.hpp>
#include <octavo/formats/metadata.hpp>
#include <octavo/formats/safetensors_header.hpp>
#include <octavo/formats/safetensors_reader.hpp>
#include <octavo/formats/safetensors_writer.hpp>
#include <octavo/formats/tensor_files.hpp>
#include <octavo/formats/tensor_reader.hpp>
