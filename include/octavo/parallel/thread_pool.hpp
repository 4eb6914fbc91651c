// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/parallel/worker.hpp>

namespace octavo {

/// A fixed crew of threads. run(task) calls task(worker) once on every worker at the same time, the
/// caller being worker 0, and returns when all are done. Within the task the workers divide the
/// work by Worker::split and wait for each other by Worker::barrier. No allocation per run.
/// Move-only; one run at a time.
class ThreadPool {
 public:
  /// `threads` workers including the caller; 0 takes what the machine offers.
  explicit ThreadPool(Index threads = 0) : state_(std::make_unique<State>()) {
    if (threads < 0) {
      throw ConfigError(detail::concat({"threads: got ", threads, ", expected 0 or more"}));
    }
    const auto available = static_cast<Index>(std::max(1u, std::thread::hardware_concurrency()));
    state_->count = threads == 0 ? available : threads;
    state_->barrier.set_up(state_->count, state_->count <= available);
    state_->may_spin = state_->count <= available;
    start();
  }

  ThreadPool(ThreadPool&&) noexcept = default;
  ThreadPool& operator=(ThreadPool&& other) noexcept {
    if (this != &other) {
      stop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~ThreadPool() { stop(); }

  Index size() const noexcept { return state_->count; }

  /// Calls task(const Worker&) on every worker. The first exception of any worker is rethrown here;
  /// workers that wait for it at a barrier are released.
  template <typename Task>
  void run(Task&& task) {
    State& state = *state_;
    using Body = std::remove_reference_t<Task>;
    state.context = const_cast<void*>(static_cast<const void*>(std::addressof(task)));
    state.call = [](void* context, const Worker& worker) {
      (*static_cast<Body*>(context))(worker);
    };
    state.barrier.reset();
    state.error = nullptr;
    state.running.store(static_cast<int>(state.count) - 1, std::memory_order_relaxed);
    detail::advance(state.epoch);
    state.execute(0);
    detail::wait_while(state.running, state.may_spin, [](int running) { return running > 0; });
    if (state.error) std::rethrow_exception(std::exchange(state.error, nullptr));
  }

 private:
  struct State {
    Index count = 1;
    bool may_spin = true;
    detail::Barrier barrier;
    void* context = nullptr;
    void (*call)(void*, const Worker&) = nullptr;
    std::exception_ptr error;
    std::mutex error_mutex;
    alignas(alignment_bytes) std::atomic<std::uint32_t> epoch{0};  // wraps
    alignas(alignment_bytes) std::atomic<int> running{0};
    std::atomic<bool> stopping{false};
    std::vector<std::thread> threads;

    void execute(Index index) noexcept {
      try {
        call(context, Worker(index, count, &barrier));
      } catch (const detail::BarrierBroken&) {
        // Another worker's exception is on its way to the caller.
      } catch (...) {
        const std::scoped_lock lock(error_mutex);
        if (!error) error = std::current_exception();
        barrier.break_up();
      }
    }

    void serve(Index index) noexcept {
      std::uint32_t seen = 0;
      while (true) {
        detail::wait_while(epoch, may_spin, [seen](std::uint32_t now) { return now == seen; });
        ++seen;
        if (stopping.load(std::memory_order_acquire)) return;
        execute(index);
        // In the order that advance() needs.
        if (running.fetch_sub(1, std::memory_order_seq_cst) == 1) running.notify_all();
      }
    }
  };

  void start() {
    try {
      state_->threads.reserve(static_cast<std::size_t>(state_->count - 1));
      for (Index index = 1; index < state_->count; ++index) {
        state_->threads.emplace_back([state = state_.get(), index] { state->serve(index); });
      }
    } catch (const std::system_error& error) {
      refuse(error.code());
    } catch (const std::exception&) {  // std::bad_alloc, or std::length_error of the vector
      refuse(std::make_error_code(std::errc::not_enough_memory));
    }
  }

  [[noreturn]] void refuse(std::error_code reason) {
    std::string message = "cannot start ";
    message += std::to_string(state_->count);
    message += " threads";
    stop();
    throw IoError(ErrorCode::out_of_memory, message, reason, "ask for fewer threads");
  }

  void stop() noexcept {
    if (!state_) return;
    state_->stopping.store(true, std::memory_order_release);
    detail::advance(state_->epoch);
    for (std::thread& thread : state_->threads) thread.join();
    state_->threads.clear();
    state_.reset();
  }

  std::unique_ptr<State> state_;
};

}  // namespace octavo
