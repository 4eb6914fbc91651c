// SPDX-License-Identifier: MIT
#include "train_full/reading_line.hpp"

#include "support/program.hpp"

namespace support {

octavo::RunCallbacks ReadingLine::callbacks() {
  octavo::RunCallbacks callbacks = run_callbacks([this](const std::string& line) {
    line_.erase();
    print(line + "\n");
  });
  callbacks.reading = [this](std::string_view purpose, std::size_t done, std::size_t all) {
    if (caught_signal() != 0) {
      line_.erase();
      throw Interrupted{caught_signal(), "stopped while reading the text; no tokens are kept"};
    }
    line_.show(purpose, done, all);
  };
  callbacks.learning = [this](const octavo::BpeProgress& now) {
    if (caught_signal() != 0) {
      throw Interrupted{caught_signal(), "stopped while learning byte pairs; none are kept"};
    }
    line_.show("learning byte pairs: " + std::to_string(now.merges) + " of " +
               std::to_string(now.most_merges));
  };
  return callbacks;
}

}  // namespace support
