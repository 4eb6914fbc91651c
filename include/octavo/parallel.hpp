// SPDX-License-Identifier: MIT
#pragma once

// The door to parallel/: everything in that folder.

#include <octavo/parallel/thread_pool.hpp>
#include <octavo/parallel/worker.hpp>
