// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of data/: includes everything in that folder.

#include <octavo/data/batch_sampler.hpp>
#include <octavo/data/document_borders.hpp>
#include <octavo/data/documents.hpp>
#include <octavo/data/encode_text.hpp>
#include <octavo/data/labelled_tokens.hpp>
#include <octavo/data/packed_data.hpp>
#include <octavo/data/packed_rows.hpp>
#include <octavo/data/sample_text.hpp>
#include <octavo/data/shuffled_rows.hpp>
#include <octavo/data/text_entropy.hpp>
#include <octavo/data/text_files.hpp>
#include <octavo/data/text_pieces.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/data/token_file.hpp>
#include <octavo/data/token_file_writer.hpp>
#include <octavo/data/token_store.hpp>
#include <octavo/data/token_view.hpp>
#include <octavo/data/tokenize.hpp>
