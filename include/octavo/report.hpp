// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of report/: includes everything in that folder.

#include <octavo/report/bits_per_character.hpp>
#include <octavo/report/chart.hpp>
#include <octavo/report/curves.hpp>
#include <octavo/report/diagnosis.hpp>
#include <octavo/report/drawing_sheet.hpp>
#include <octavo/report/loss_curve.hpp>
#include <octavo/report/memory_drawing.hpp>
#include <octavo/report/memory_map.hpp>
#include <octavo/report/memory_report.hpp>
#include <octavo/report/metrics_file.hpp>
#include <octavo/report/page.hpp>
#include <octavo/report/page_writer.hpp>
#include <octavo/report/phase_times.hpp>
#include <octavo/report/progress_line.hpp>
#include <octavo/report/reference_losses.hpp>
#include <octavo/report/run_history.hpp>
#include <octavo/report/run_report.hpp>
#include <octavo/report/samples_file.hpp>
#include <octavo/report/scale.hpp>
#include <octavo/report/script.hpp>
#include <octavo/report/sections.hpp>
#include <octavo/report/settings.hpp>
#include <octavo/report/style.hpp>
#include <octavo/report/summary.hpp>
#include <octavo/report/svg.hpp>
#include <octavo/report/terminal_text.hpp>
#include <octavo/report/verdict.hpp>
