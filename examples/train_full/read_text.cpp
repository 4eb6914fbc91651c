// SPDX-License-Identifier: MIT
#include "train_full/read_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <octavo/interop/model_source.hpp>
#include <octavo/runs.hpp>

#include "support/program.hpp"
#include "train_full/choosing.hpp"
#include "train_full/download.hpp"
#include "train_full/input_files.hpp"
#include "train_full/reading_line.hpp"

namespace support {

void spare_what_is_read(const FullOptions& options, const std::string& from,
                        const octavo::ResumedRun* resumed) {
  spare_run(options.corpus.token_file, options.saving.folder);
  std::vector<std::string> inputs = options.corpus.data;
  inputs.insert(inputs.end(), options.corpus.validation.begin(), options.corpus.validation.end());
  spare_texts(inputs, options.saving.folder);
  inputs.push_back(from);
  if (resumed != nullptr) inputs.push_back(resumed->path());
  octavo::require_not_input("--memory-report", options.memory_report.drawing, inputs, true);
}

Text read_text(const FullCommandLine& command_line, const FullOptions& options,
               const octavo::ResumedRun* resumed) {
  if (options.from != nullptr && !options.from->tokenizer()) {
    throw octavo::Error(octavo::ErrorCode::bad_data,
                        "--from: the model has no tokenizer that text can be read with",
                        "name a model file, a checkpoint, GGUF, or a folder with a tokenizer");
  }
  octavo::CorpusOptions corpus = options.corpus;
  if (corpus.token_file.empty()) corpus.token_file = options.saving.folder + "/tokens.bin";
  if (corpus.data.empty() && options.wants_shakespeare) {
    if (const auto path = find_shakespeare(options.dry_run)) corpus.data = {*path};
  }
  ReadingLine line;
  if (octavo::means_rows(corpus.documents)) {
    octavo::ChatCorpusReader reader(corpus, line.callbacks(), resumed);
    const bool given = resumed != nullptr || command_line.gives("sequence");
    return {std::nullopt, reader.read([&](octavo::Index longest) {
              if (given) return options.training.sequence;
              return octavo::chosen_sequence(longest,
                                             std::min<octavo::Index>(options.config.context, 1024));
            })};
  }
  octavo::CorpusReader reader(corpus, line.callbacks(), resumed);
  if (reader.is_large()) {
    catch_signals();
    tell_bus_errors();
  }
  auto recipe = recipe_for(command_line, options, reader.text_bytes());
  if (recipe) reader.set_tokenizer(recipe->tokenizer, recipe->vocabulary);
  return {std::move(recipe), reader.read()};
}

}  // namespace support
