// SPDX-License-Identifier: MIT
#pragma once

// The door to training/: everything in that folder.

#include <octavo/training/diagnosis.hpp>
#include <octavo/training/loss_curve.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/training/metrics_file.hpp>
#include <octavo/training/page_writer.hpp>
#include <octavo/training/progress_line.hpp>
#include <octavo/training/reference_losses.hpp>
#include <octavo/training/report_chart.hpp>
#include <octavo/training/report_facts.hpp>
#include <octavo/training/report_page.hpp>
#include <octavo/training/report_scale.hpp>
#include <octavo/training/report_sections.hpp>
#include <octavo/training/report_style.hpp>
#include <octavo/training/run_history.hpp>
#include <octavo/training/run_report.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/samples_file.hpp>
#include <octavo/training/terminal_text.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_step.hpp>
