// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of runs/: includes everything in that folder. Like checkpoint/ it needs
// nlohmann_json.

#include <octavo/runs/answer_examples.hpp>
#include <octavo/runs/answers_file.hpp>
#include <octavo/runs/changed_settings.hpp>
#include <octavo/runs/chat_corpus.hpp>
#include <octavo/runs/chat_data.hpp>
#include <octavo/runs/chat_documents.hpp>
#include <octavo/runs/chat_rows.hpp>
#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/runs/choice_rows.hpp>
#include <octavo/runs/corpus.hpp>
#include <octavo/runs/corpus_options.hpp>
#include <octavo/runs/corpus_reader.hpp>
#include <octavo/runs/corpus_text.hpp>
#include <octavo/runs/recipe.hpp>
#include <octavo/runs/recorded_run.hpp>
#include <octavo/runs/resumed_run.hpp>
#include <octavo/runs/rollback.hpp>
#include <octavo/runs/row_scores.hpp>
#include <octavo/runs/run_budget.hpp>
#include <octavo/runs/run_callbacks.hpp>
#include <octavo/runs/run_files.hpp>
#include <octavo/runs/run_log.hpp>
#include <octavo/runs/run_page.hpp>
#include <octavo/runs/run_saver.hpp>
#include <octavo/runs/run_sentences.hpp>
#include <octavo/runs/sha256.hpp>
#include <octavo/runs/token_cache.hpp>
