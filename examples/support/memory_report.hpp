// SPDX-License-Identifier: MIT
// What a run's memory is made of, for people.
#pragma once

#include <cstddef>
#include <string>

#include <CLI/CLI.hpp>

#include <octavo/octavo.hpp>

namespace support {

/// What a process needs besides its plan, at most: program, C++ library, stacks. Small runs need
/// most: in large ones what starts the program has been given back when the plan is in use.
inline constexpr std::size_t process_overhead = 2'600'000;

struct MemoryReportOption {
  bool wanted = false;
  std::string drawing;  ///< an SVG file to write; empty: none
};

/// --memory-report [FILE.svg]
void add_memory_report(CLI::App& app, MemoryReportOption& option);

/// Before the run: where each byte of the plan goes, and the drawing. `text_bytes`: tokens, beside
/// the plan; `learning_bytes`: for learning byte pairs, given back before the plan's block is
/// allocated. Does nothing unless wanted.
void report_plan(const MemoryReportOption& option, const octavo::MemoryPlan& plan,
                 std::size_t text_bytes, const std::string& title, std::size_t learning_bytes = 0);

/// After the run: plan against the process's peak, and what else is resident, by name.
void report_process(const MemoryReportOption& option, std::size_t planned);

}  // namespace support
