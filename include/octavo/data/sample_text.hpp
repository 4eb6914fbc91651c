// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <octavo/base/abi.hpp>

// The opening of Hamlet's soliloquy, modern spelling: a sample text. (William Shakespeare, Hamlet,
// act 3, scene 1; public domain.)
namespace OCTAVO_NAMESPACE {

/// Ten lines, 432 characters, 34 distinct.
inline constexpr std::string_view sample_text =
    "To be or not to be, that is the question.\n"
    "Whether tis nobler in the mind to suffer\n"
    "The slings and arrows of outrageous fortune,\n"
    "Or to take arms against a sea of troubles\n"
    "And by opposing end them. To die, to sleep,\n"
    "No more, and by a sleep to say we end\n"
    "The heartache and the thousand natural shocks\n"
    "That flesh is heir to. Tis a consummation\n"
    "Devoutly to be wished. To die, to sleep,\n"
    "To sleep, perchance to dream. Ay, there's the rub.\n";
static_assert(sample_text.size() == 432);

}  // namespace OCTAVO_NAMESPACE
