// SPDX-License-Identifier: MIT
// What the page calls, beside the functions of octavo.h: build.sh compiles it to WebAssembly.
#include <string>

#include <octavo/c/functions.hpp>
#include <octavo/octavo.h>
#include <octavo/report/memory_drawing.hpp>
#include <octavo/transformer/phases.hpp>

/// A drawing of the trainer's memory as SVG; valid until the next call.
extern "C" const char* web_memory_drawing(const octavo_trainer* trainer) {
  static std::string text;
  text = octavo::memory_drawing(trainer->trainer.trainer().plan(), octavo::phase::names,
                                "The memory of this run");
  return text.c_str();
}
