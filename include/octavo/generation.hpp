// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of generation/: includes everything in that folder.

#include <octavo/generation/chat.hpp>
#include <octavo/generation/chat_template.hpp>
#include <octavo/generation/generate_text.hpp>
#include <octavo/generation/generation_memory.hpp>
#include <octavo/generation/generator.hpp>
#include <octavo/generation/prompt.hpp>
#include <octavo/generation/sampling.hpp>
#include <octavo/generation/scorer.hpp>
#include <octavo/generation/stop_strings.hpp>
#include <octavo/generation/text_stream.hpp>
#include <octavo/generation/utf8_assembler.hpp>
#include <octavo/generation/visible_text.hpp>
