// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <thread>

#include "parallel/mailbox.hpp"

namespace octavo_test {

/// Ranks whose messages are late by plan: has_message() says no for those, and waits for others.
class LateRanks final : public octavo::Ranks {
 public:
  explicit LateRanks(octavo::Ranks& ranks) : ranks_(ranks) {}

  /// late(from, call): whether a process's message is late at a call.
  std::function<bool(octavo::Index from, octavo::Index call)> late = {};
  void next_call() { ++call_; }

  octavo::Index count() const noexcept override { return ranks_.count(); }
  octavo::Index rank() const noexcept override { return ranks_.rank(); }
  void send(octavo::Index to, std::span<const std::byte> bytes) override { ranks_.send(to, bytes); }
  void receive(octavo::Index from, std::span<std::byte> bytes) override {
    ranks_.receive(from, bytes);
  }
  bool has_message(octavo::Index from) override {
    if (late && late(from, call_)) return false;
    while (!ranks_.has_message(from)) std::this_thread::yield();
    return true;
  }
  void wait() override { ranks_.wait(); }

 private:
  octavo::Ranks& ranks_;
  octavo::Index call_ = 0;
};

}  // namespace octavo_test
