// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header of memory/: includes everything in that folder.

#include <octavo/memory/aligned_buffer.hpp>
#include <octavo/memory/arena.hpp>
#include <octavo/memory/bytes.hpp>
#include <octavo/memory/huge_pages.hpp>
#include <octavo/memory/memory_plan.hpp>
#include <octavo/memory/memory_request.hpp>
#include <octavo/memory/plan_check.hpp>
#include <octavo/memory/process_memory.hpp>
