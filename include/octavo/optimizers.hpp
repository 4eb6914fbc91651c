// SPDX-License-Identifier: MIT
#pragma once

// Umbrella header: everything in optimizers/.

#include <octavo/optimizers/adamw.hpp>
#include <octavo/optimizers/adamw_8bit.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/eight_bit_moments.hpp>
#include <octavo/optimizers/gradient_clipping.hpp>
#include <octavo/optimizers/learning_rate_schedule.hpp>
#include <octavo/optimizers/lion.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/optimizers/optimizer.hpp>
#include <octavo/optimizers/optimizer_list.hpp>
#include <octavo/optimizers/setting.hpp>
#include <octavo/optimizers/sgd.hpp>
#include <octavo/optimizers/update_rule.hpp>
#include <octavo/optimizers/weight_average.hpp>
