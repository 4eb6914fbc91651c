// SPDX-License-Identifier: MIT
// A report of a run's memory for the user.
#pragma once

#include <cstddef>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>

namespace support {

/// The most memory of a process besides its plan: program, C++ library, stacks. Small runs need the
/// most: in large runs the memory of the start has been returned before the plan is in use.
inline constexpr std::size_t process_overhead = 3'400'000;

struct MemoryReportOption {
  bool wanted = false;
  std::string drawing;  ///< an SVG file to write; empty: none
};

/// --memory-report [FILE.svg]
void add_memory_report(CLI::App& app, MemoryReportOption& option);

/// Before the run: prints the plan byte by byte and writes the drawing. `text_bytes`: tokens, in
/// addition to the plan; `learning_bytes`: for learning byte pairs, released before the plan's
/// block is allocated. Does nothing unless requested.
void report_plan(const MemoryReportOption& option, const octavo::MemoryPlan& plan,
                 std::size_t text_bytes, const std::string& title, std::size_t learning_bytes = 0);

/// After the run: prints the plan against the process's peak, and other resident memory by name.
void report_process(const MemoryReportOption& option, std::size_t planned);

}  // namespace support
