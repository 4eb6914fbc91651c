// SPDX-License-Identifier: MIT
// train_full --lora on a base that stays in the type of its file.
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "examples/sandbox.hpp"

using namespace examples_test;
