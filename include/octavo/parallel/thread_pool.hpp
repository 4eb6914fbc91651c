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
#include <octavo/parallel/phase_clock.hpp>
#include <octavo/parallel/processors.hpp>
#include <octavo/parallel/thread_tuner.hpp>
#include <octavo/parallel/worker.hpp>

namespace OCTAVO_NAMESPACE {

/// A fixed number of threads. run(task) calls task(worker) on every worker at the same time and
/// returns when all are done; the calling thread is worker 0. Within the task the workers divide
/// the work by Worker::split and wait for each other by Worker::barrier. A run makes no heap call.
/// All workers compute in the library's FloatEnvironment.
///
/// One run at a time: a second run, from another thread or from within a task, is refused. The pool
/// cannot be moved, because trainers and generators hold pointers to it.
class ThreadPool {
 public:
  /// Whether runs with a ThreadTuner may leave threads idle that do not make them faster.
  enum class Use { all, as_pays };

  /// As many threads as this process may use (usable_processors()); Use::as_pays.
  ThreadPool() : ThreadPool(0) {}

  /// `threads` workers, including the caller, in every run; 0: as ThreadPool().
  explicit ThreadPool(Index threads)
      : ThreadPool(threads, threads == 0 ? Use::as_pays : Use::all) {}

  ThreadPool(Index threads, Use use);

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() { stop(); }

  /// The most workers of a run.
  Index size() const noexcept { return state_->size; }
  /// The processors that this process could use when the pool was made. More threads than that
  /// share cores.
  const Processors& processors() const noexcept { return processors_; }

  /// The clock that the first worker's Worker::enter goes to, which must outlive the pool's runs;
  /// null: none, as at first.
  void set_clock(PhaseClock* clock) noexcept { state_->clock = clock; }
  PhaseClock* clock() const noexcept { return state_->clock; }

  /// Calls task(const Worker&) on every worker. Rethrows the first exception of any worker; workers
  /// that wait at a barrier are released. ConfigError during another run, and in a child process
  /// after fork(), which has none of the threads.
  template <typename Task>
  void run(Task&& task) {
    run_on(size(), task);
  }

  /// As above, on as many workers as `tuner` finds fastest, if Use::as_pays. The task's results
  /// must not depend on the number of workers. `work` > 0: the amount of work of this run, in the
  /// same unit for all runs with this tuner.
  template <typename Task>
  void run(ThreadTuner& tuner, double work, Task&& task) {
    if (use_ == Use::all || size() == 1) return run_on(size(), task);
    const Index count = tuner.next(size());
    if (tuner.is_between_samples()) tuner.begin(processor_seconds());
    const auto start = Clock::now();
    run_on(count, task);
    const std::chrono::duration<double> taken = Clock::now() - start;
    if (tuner.add(work, taken.count())) tuner.finish(processor_seconds());
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// Where a worker other than the caller waits for a run.
  struct Bell {
    detail::EventCount rung;
  };

  /// Processor time of the calling thread, in seconds.
  static double processor_seconds() noexcept;

  /// State shared with the threads; its address is fixed as long as a thread lives.
  struct State {
    Index size = 1;
    bool may_spin = true;
    pid_t process = ::getpid();
    std::atomic<bool> taken{false};
    std::atomic<bool> stopping{false};
    std::vector<Bell> bells;
    std::vector<std::thread> threads;
    // The current run.
    Index count = 1;
    PhaseClock* clock = nullptr;
    void* context = nullptr;
    void (*call)(void*, const Worker&) = nullptr;
    detail::Barrier barrier;
    std::exception_ptr error;
    std::mutex error_mutex;
    alignas(alignment_bytes) std::atomic<int> running{0};
    detail::EventCount finished;

    void execute(Index index) noexcept {
      const FloatEnvironment environment;
      try {
        call(context, Worker(index, count, &barrier, index == 0 ? clock : nullptr));
      } catch (const detail::BarrierBroken&) {
        // Another worker threw; the caller will rethrow its exception.
      } catch (...) {
        const std::scoped_lock lock(error_mutex);
        if (!error) error = std::current_exception();
        barrier.break_up();
      }
    }

    void serve(Index index) noexcept {
      detail::EventCount& rung = bells[static_cast<std::size_t>(index - 1)].rung;
      for (std::uint32_t seen = 0;; ++seen) {
        rung.wait(seen, may_spin);
        if (stopping.load(std::memory_order_acquire)) return;
        execute(index);
        if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) finished.advance();
      }
    }
  };

  /// Exclusive permission to run.
  class Turn {
   public:
    explicit Turn(State& state) : state_(state) {
      if (state.size > 1 && ::getpid() != state.process) {
        throw ConfigError("thread pool: fork() leaves a pool's threads in the parent process",
                          "make another ThreadPool in the child");
      }
      if (!state.taken.exchange(true, std::memory_order_acquire)) return;
      if (::getpid() !=
          state.process) {  // one thread: a run of another thread stayed in the parent
        state.process = ::getpid();
        return;
      }
      throw ConfigError("thread pool: a run was started during another run",
                        "give each thread a ThreadPool of its own; within a task use its Worker");
    }
    ~Turn() { state_.taken.store(false, std::memory_order_release); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    State& state_;
  };

  template <typename Task>
  void run_on(Index count, Task& task) {
    run_on(count, const_cast<void*>(static_cast<const void*>(std::addressof(task))),
           [](void* context, const Worker& worker) { (*static_cast<Task*>(context))(worker); });
  }

  /// Calls call(context, worker) on `count` workers.
  void run_on(Index count, void* context, void (*call)(void*, const Worker&));

  void start();

  [[noreturn]] void refuse(std::error_code reason);

  void stop() noexcept;

  Processors processors_;
  Use use_;
  std::unique_ptr<State> state_ = std::make_unique<State>();
};

}  // namespace OCTAVO_NAMESPACE

#if OCTAVO_BODIES

namespace OCTAVO_NAMESPACE {

OCTAVO_SETUP OCTAVO_INLINE ThreadPool::ThreadPool(Index threads, Use use)
    : processors_(usable_processors()), use_(use) {
  if (threads < 0) {
    throw ConfigError(detail::concat({"threads: got ", threads, ", expected 0 or more"}));
  }
  state_->size = threads == 0 ? processors_.usable() : threads;
  // A spinning thread would occupy the core that the awaited thread needs.
  state_->may_spin = state_->size <= processors_.usable();
  start();
}

OCTAVO_INLINE double ThreadPool::processor_seconds() noexcept {
  std::timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

OCTAVO_INLINE void ThreadPool::run_on(Index count, void* context,
                                      void (*call)(void*, const Worker&)) {
  State& state = *state_;
  const Turn turn(state);
  state.context = context;
  state.call = call;
  state.count = count;
  state.barrier.set_up(count, state.may_spin);
  state.error = nullptr;
  const std::uint32_t finished = state.finished.now();
  state.running.store(static_cast<int>(count) - 1, std::memory_order_relaxed);
  for (Index i = 0; i + 1 < count; ++i) state.bells[static_cast<std::size_t>(i)].rung.advance();
  state.execute(0);
  if (count > 1) state.finished.wait(finished, state.may_spin);
  if (state.clock != nullptr) state.clock->leave();
  if (state.error) std::rethrow_exception(std::exchange(state.error, nullptr));
}

OCTAVO_SETUP OCTAVO_INLINE void ThreadPool::start() {
  try {
    state_->bells = std::vector<Bell>(static_cast<std::size_t>(size() - 1));
    state_->threads.reserve(state_->bells.size());
    for (Index index = 1; index < size(); ++index) {
      state_->threads.emplace_back([state = state_.get(), index] { state->serve(index); });
    }
  } catch (const std::system_error& error) {
    refuse(error.code());
  } catch (const std::exception&) {  // std::bad_alloc, or std::length_error of a vector
    refuse(std::make_error_code(std::errc::not_enough_memory));
  }
}

[[noreturn]] OCTAVO_SETUP OCTAVO_INLINE void ThreadPool::refuse(std::error_code reason) {
  stop();
  throw IoError(ErrorCode::out_of_memory,
                detail::concat({"cannot start ", counted(size(), "thread")}), reason,
                "ask for fewer threads");
}

OCTAVO_SETUP OCTAVO_INLINE void ThreadPool::stop() noexcept {
  State& state = *state_;
  // After fork() the child has no threads, and their handles may belong to new threads. If exit()
  // is called within a task, the threads cannot be joined. In both cases nothing is released.
  if (::getpid() != state.process || state.taken.load(std::memory_order_acquire)) {
    static_cast<void>(state_.release());
    return;
  }
  state.stopping.store(true, std::memory_order_release);
  for (std::size_t i = 0; i < state.threads.size(); ++i) state.bells[i].rung.advance();
  for (std::thread& thread : state.threads) thread.join();
  state.threads.clear();
}

}  // namespace OCTAVO_NAMESPACE

#endif  // OCTAVO_BODIES
