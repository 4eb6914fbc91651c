// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of training/: includes everything in that folder.

#include <octavo/training/averaged_weights.hpp>
#include <octavo/training/base_weights.hpp>
#include <octavo/training/diloco_options.hpp>
#include <octavo/training/divergence.hpp>
#include <octavo/training/evaluation_losses.hpp>
#include <octavo/training/evaluation_windows.hpp>
#include <octavo/training/gradient_consumers.hpp>
#include <octavo/training/memory_budget.hpp>
#include <octavo/training/outer_rounds.hpp>
#include <octavo/training/outer_step.hpp>
#include <octavo/training/rank_shards.hpp>
#include <octavo/training/rank_sum.hpp>
#include <octavo/training/run_state.hpp>
#include <octavo/training/set_trained.hpp>
#include <octavo/training/shard_exchange.hpp>
#include <octavo/training/step_time.hpp>
#include <octavo/training/step_update.hpp>
#include <octavo/training/step_work.hpp>
#include <octavo/training/table_update.hpp>
#include <octavo/training/trainer.hpp>
#include <octavo/training/training_memory.hpp>
#include <octavo/training/training_options.hpp>
#include <octavo/training/training_step.hpp>
#include <octavo/training/whole_state.hpp>
#include <octavo/training/worker_roll.hpp>
