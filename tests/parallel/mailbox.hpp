// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <octavo/parallel/ranks.hpp>

namespace octavo_test {

/// Ranks that are threads of this process: messages are copied from the sender's memory when the
/// receiver waits, so that memory that changes before is noticed. No heap call after construction.
class Mailbox {
 public:
  explicit Mailbox(octavo::Index count) : count_(count) {
    for (octavo::Index rank = 0; rank < count; ++rank) ranks_.emplace_back(*this, rank);
    queues_.resize(static_cast<std::size_t>(count * count));
    for (auto& queue : queues_) queue.reserve(1024);
  }

  class Rank final : public octavo::Ranks {
   public:
    Rank(Mailbox& box, octavo::Index rank) : box_(&box), rank_(rank) { expected_.reserve(1024); }

    octavo::Index count() const noexcept override { return box_->count_; }
    octavo::Index rank() const noexcept override { return rank_; }
    void send(octavo::Index to, std::span<const std::byte> bytes) override {
      const std::scoped_lock lock(box_->mutex_);
      box_->queue(rank_, to).push_back(bytes);
      sent_bytes += bytes.size();
      ++box_->unread(rank_);
      box_->changed_.notify_all();
    }
    void receive(octavo::Index from, std::span<std::byte> bytes) override {
      expected_.push_back({from, bytes});
    }
    bool has_message(octavo::Index from) override {
      const std::scoped_lock lock(box_->mutex_);
      box_->check();
      return !box_->queue(from, rank_).empty();
    }
    void wait() override {
      std::unique_lock lock(box_->mutex_);
      for (const auto& [from, bytes] : expected_) {
        auto& queue = box_->queue(from, rank_);
        box_->changed_.wait(lock, [&] { return box_->broken_ || !queue.empty(); });
        box_->check();
        if (queue.front().size() != bytes.size()) throw std::runtime_error("another size");
        std::copy(queue.front().begin(), queue.front().end(), bytes.begin());
        queue.erase(queue.begin());
        --box_->unread(from);
        box_->changed_.notify_all();
      }
      expected_.clear();
      box_->changed_.wait(lock, [&] { return box_->broken_ || box_->unread(rank_) == 0; });
      box_->check();
    }
    void progress() override { ++progressed; }

    std::size_t sent_bytes = 0;
    std::size_t progressed = 0;

   private:
    Mailbox* box_;
    octavo::Index rank_;
    std::vector<std::pair<octavo::Index, std::span<std::byte>>> expected_;
  };

  /// Calls body(rank) on a thread for each rank; rethrows the first exception.
  template <typename Body>
  void run(Body body) {
    std::exception_ptr error;
    std::vector<std::thread> threads;
    for (Rank& rank : ranks_) {
      threads.emplace_back([&] {
        try {
          body(rank);
        } catch (...) {
          const std::scoped_lock lock(mutex_);
          if (!broken_) error = std::current_exception();
          broken_ = true;
          changed_.notify_all();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (error) std::rethrow_exception(error);
  }

  std::vector<Rank>& ranks() { return ranks_; }

 private:
  std::vector<std::span<const std::byte>>& queue(octavo::Index from, octavo::Index to) {
    return queues_[static_cast<std::size_t>(from * count_ + to)];
  }
  int& unread(octavo::Index rank) { return unread_[static_cast<std::size_t>(rank)]; }
  void check() const {
    if (broken_) throw std::runtime_error("another rank failed");
  }

  octavo::Index count_;
  std::vector<Rank> ranks_;
  std::vector<std::vector<std::span<const std::byte>>> queues_;
  std::vector<int> unread_ = std::vector<int>(static_cast<std::size_t>(count_));
  std::mutex mutex_;
  std::condition_variable changed_;
  bool broken_ = false;
};

}  // namespace octavo_test
