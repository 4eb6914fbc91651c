// SPDX-License-Identifier: MIT
// Progress display while a text is read.
#pragma once

#include <octavo/runs.hpp>

#include "support/live_line.hpp"

namespace support {

/// On a terminal, a line with the progress of reading a text; the destructor removes the line. A
/// caught signal ends the reading.
class ReadingLine {
 public:
  /// The callback for the reader of the text, which this object must outlive.
  octavo::RunCallbacks callbacks();

 private:
  LiveLine line_;
};

}  // namespace support
