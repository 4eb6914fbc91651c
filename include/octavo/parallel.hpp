// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of parallel/: includes everything in that folder.

#include <octavo/parallel/event_count.hpp>
#include <octavo/parallel/phase_clock.hpp>
#include <octavo/parallel/processors.hpp>
#include <octavo/parallel/ranks.hpp>
#include <octavo/parallel/sum_tree.hpp>
#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/parallel/worker.hpp>
