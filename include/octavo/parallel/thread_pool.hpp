// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/base/float_environment.hpp>
#include <octavo/parallel/event_count.hpp>
#include <octavo/parallel/processors.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/parallel/worker.hpp>

namespace OCTAVO_NAMESPACE {

/// A fixed number of threads. run(task) calls task(worker) once on every worker at the same time,
/// the caller being worker 0, and returns when all are done. Within the task the workers divide the
/// work by Worker::split and wait for each other by Worker::barrier. A run makes no heap call. All
/// workers compute in the FloatEnvironment of the library, whatever the caller's is.
///
/// One run at a time: a second, from another thread or from within a task, is refused. The pool
/// stays where it was made, since trainers and generators point at it.
class ThreadPool {
 public:
  /// Whether runs that have a ThreadTuner may leave threads idle that do not pay.
  enum class Use { all, as_pays };

  /// As many threads as this process may use (usable_processors()), as they pay.
  ThreadPool() : ThreadPool(0) {}

  /// `threads` workers including the caller, in every run; 0: as ThreadPool().
  explicit ThreadPool(Index threads)
      : ThreadPool(threads, threads == 0 ? Use::as_pays : Use::all) {}

  ThreadPool(Index threads, Use use) : processors_(usable_processors()), use_(use) {
    if (threads < 0) {
      throw ConfigError(detail::concat({"threads: got ", threads, ", expected 0 or more"}));
    }
    size_ = threads == 0 ? processors_.usable() : threads;
    // A thread that spins for one that waits for its core only keeps that from coming.
    may_spin_ = size_ <= processors_.usable();
    start();
  }

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() { stop(); }

  /// The most workers of a run.
  Index size() const noexcept { return size_; }
  /// What this process could use when the pool was made. More threads than that only take turns.
  const Processors& processors() const noexcept { return processors_; }

  /// Calls task(const Worker&) on every worker. The first exception of any worker is rethrown here;
  /// workers that wait for it at a barrier are released. ConfigError while another run is going on,
  /// and in a child process of fork(), which has none of the threads.
  template <typename Task>
  void run(Task&& task) {
    run_on(size_, task);
  }

  /// The same on as many workers as `tuner` finds to pay, if Use::as_pays. The task's results must
  /// not depend on their number. `work`: how much this run does, in any unit above 0 that is the
  /// same for all runs of that tuner.
  template <typename Task>
  void run(ThreadTuner& tuner, double work, Task&& task) {
    if (use_ == Use::all || size_ == 1) return run_on(size_, task);
    const Index count = tuner.next(size_);
    if (tuner.is_between_samples()) tuner.begin(processor_seconds());
    const auto start = Clock::now();
    run_on(count, task);
    const std::chrono::duration<double> taken = Clock::now() - start;
    if (tuner.add(work, taken.count())) tuner.finish(processor_seconds());
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// What one worker but the caller waits on.
  struct Bell {
    detail::EventCount rung;
  };

  /// Processor time of the calling thread.
  static double processor_seconds() noexcept {
    std::timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  template <typename Task>
  void run_on(Index count, Task& task) {
    const Turn turn(*this);
    context_ = const_cast<void*>(static_cast<const void*>(std::addressof(task)));
    call_ = [](void* context, const Worker& worker) { (*static_cast<Task*>(context))(worker); };
    count_ = count;
    barrier_.set_up(count, may_spin_);
    error_ = nullptr;
    const std::uint32_t finished = finished_.now();
    running_.store(static_cast<int>(count) - 1, std::memory_order_relaxed);
    for (Index i = 0; i + 1 < count; ++i) bells_[static_cast<std::size_t>(i)].rung.advance();
    execute(0);
    if (count > 1) finished_.wait(finished, may_spin_);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  /// The right to run.
  class Turn {
   public:
    explicit Turn(ThreadPool& pool) : pool_(pool) {
      if (pool.size_ > 1 && ::getpid() != pool.process_) {
        throw ConfigError("thread pool: fork() leaves a pool's threads in the parent process",
                          "make a ThreadPool of its own in the child");
      }
      if (!pool.taken_.exchange(true, std::memory_order_acquire)) return;
      if (::getpid() != pool.process_) {  // of one thread: another's run has stayed in the parent
        pool.process_ = ::getpid();
        return;
      }
      throw ConfigError("thread pool: a run is going on, and another was asked for",
                        "give each thread a ThreadPool of its own; within a task use its Worker");
    }
    ~Turn() { pool_.taken_.store(false, std::memory_order_release); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    ThreadPool& pool_;
  };

  void execute(Index index) noexcept {
    const FloatEnvironment environment;
    try {
      call_(context_, Worker(index, count_, &barrier_));
    } catch (const detail::BarrierBroken&) {
      // Another worker's exception is on its way to the caller.
    } catch (...) {
      const std::scoped_lock lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
      barrier_.break_up();
    }
  }

  void serve(Index index) noexcept {
    detail::EventCount& rung = bells_[static_cast<std::size_t>(index - 1)].rung;
    for (std::uint32_t seen = 0;; ++seen) {
      rung.wait(seen, may_spin_);
      if (stopping_.load(std::memory_order_acquire)) return;
      execute(index);
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) finished_.advance();
    }
  }

  void start() {
    try {
      bells_ = std::vector<Bell>(static_cast<std::size_t>(size_ - 1));
      threads_.reserve(bells_.size());
      for (Index index = 1; index < size_; ++index) {
        threads_.emplace_back([this, index] { serve(index); });
      }
    } catch (const std::system_error& error) {
      refuse(error.code());
    } catch (const std::exception&) {  // std::bad_alloc, or std::length_error of a vector
      refuse(std::make_error_code(std::errc::not_enough_memory));
    }
  }

  [[noreturn]] void refuse(std::error_code reason) {
    stop();
    throw IoError(ErrorCode::out_of_memory, detail::concat({"cannot start ", size_, " threads"}),
                  reason, "ask for fewer threads");
  }

  void stop() noexcept {
    // In a child of fork() there are no threads, and their handles may be those of new ones. Where
    // exit() is called within a task they cannot be ended. In both cases they are left alone.
    if (::getpid() != process_ || taken_.load(std::memory_order_acquire)) {
      new std::vector<std::thread>(std::move(threads_));
      new std::vector<Bell>(std::move(bells_));
      return;
    }
    stopping_.store(true, std::memory_order_release);
    for (std::size_t i = 0; i < threads_.size(); ++i) bells_[i].rung.advance();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Processors processors_;
  Use use_;
  Index size_ = 1;
  bool may_spin_ = true;
  pid_t process_ = ::getpid();
  std::atomic<bool> taken_{false};
  std::atomic<bool> stopping_{false};
  std::vector<Bell> bells_;
  std::vector<std::thread> threads_;
  // Of the run that is going on.
  Index count_ = 1;
  void* context_ = nullptr;
  void (*call_)(void*, const Worker&) = nullptr;
  detail::Barrier barrier_;
  std::exception_ptr error_;
  std::mutex error_mutex_;
  alignas(alignment_bytes) std::atomic<int> running_{0};
  detail::EventCount finished_;
};

}  // namespace OCTAVO_NAMESPACE
