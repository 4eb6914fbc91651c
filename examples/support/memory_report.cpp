// SPDX-License-Identifier: MIT
#include "support/memory_report.hpp"

#include <cstdio>

#include <octavo/files/atomic_file.hpp>
#include <octavo/report/memory_drawing.hpp>
#include <octavo/report/memory_report.hpp>

#include "support/program.hpp"

namespace support {

void add_memory_report(CLI::App& app, MemoryReportOption& option) {
  app.add_option_function<std::string>(
         "--memory-report",
         [&option](const std::string& file) {
           option.wanted = true;
           if (file.empty()) return;
           if (!file.ends_with(".svg")) {
             throw octavo::ConfigError("--memory-report: got " + octavo::printable(file) +
                                           ", expected nothing or the name of an .svg file",
                                       "put other arguments before --memory-report");
           }
           option.drawing = file;
         },
         "Print where each byte goes; FILE.svg: draw it")
      ->type_name("[FILE.svg]")
      ->expected(0, 1);
}

void report_plan(const MemoryReportOption& option, const octavo::MemoryPlan& plan,
                 std::size_t text_bytes, const std::string& title, std::size_t learning_bytes) {
  if (!option.wanted) return;
  print("\nMemory, buffer by buffer:\n" + memory_table(plan));
  print("\nby kind:\n" + memory_by_kind(plan) + "\nby part:\n" + memory_by_part(plan));
  print("\nby phase of a step:\n" + memory_by_phase(plan, octavo::phase::names));
  if (text_bytes > 0) std::printf("\n%14zu  tokens of the text, beside the plan\n", text_bytes);
  if (learning_bytes > 0) {
    std::printf("%14zu  for learning byte pairs, given back before the plan is allocated\n",
                learning_bytes);
  }
  print("\n");
  if (option.drawing.empty()) return;
  octavo::AtomicFile file(option.drawing);
  file.write(memory_drawing(plan, octavo::phase::names, title));
  file.commit();
  print("Drawn to " + option.drawing + "\n\n");
}

void report_process(const MemoryReportOption& option, std::size_t planned) {
  if (!option.wanted) return;
  const std::size_t peak = octavo::process_memory().peak_bytes;
  std::printf("\nThe process's memory:\n%14zu  planned\n%14zu  peak\n%+14td  besides the plan\n",
              planned, peak,
              static_cast<octavo::Index>(peak) - static_cast<octavo::Index>(planned));
  print("resident now:\n");
  for (const octavo::ResidentPart& part : octavo::resident_parts()) {
    std::printf("%14zu  %s\n", part.bytes, part.name.c_str());
  }
}

}  // namespace support
