// SPDX-License-Identifier: MIT
#pragma once

// For training on several machines. Only this header uses MPI, and only its C interface (3.0); link
// octavo::mpi, or compile and link as `mpicxx` does. No other header includes this one.

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mpi.h>
#include <span>
#include <string_view>
#include <vector>

#include <octavo/base/check.hpp>
#include <octavo/base/concat.hpp>
#include <octavo/base/config.hpp>
#include <octavo/base/error.hpp>
#include <octavo/parallel/ranks.hpp>

namespace OCTAVO_NAMESPACE {

/// The processes of an MPI communicator:
///
///     MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
///     octavo::MpiRanks ranks(MPI_COMM_WORLD);
///     trainer.set_ranks(ranks);
///
/// The caller initialises MPI, calls the trainer on the thread that did so, and destroys this
/// object before MPI_Finalize. Messages of this object cannot meet others: it duplicates the
/// communicator, which all its processes do together. What happens if another process fails is up
/// to the communicator's error handler, by default the end of all processes; an error that is
/// returned becomes an Error. Sends and receives make no heap call of ours.
class MpiRanks final : public Ranks {
 public:
  explicit MpiRanks(MPI_Comm communicator) {
    int initialized = 0, provided = 0, size = 0, rank = 0;
    MPI_Initialized(&initialized);
    require(initialized != 0, "MPI: call MPI_Init_thread() before");
    check(MPI_Query_thread(&provided), "MPI_Query_thread");
    require(provided >= MPI_THREAD_FUNNELED,
            "MPI: ask MPI_Init_thread() for MPI_THREAD_FUNNELED or more");
    check(MPI_Comm_dup(communicator, &communicator_), "MPI_Comm_dup");
    check(MPI_Comm_size(communicator_, &size), "MPI_Comm_size");
    check(MPI_Comm_rank(communicator_, &rank), "MPI_Comm_rank");
    count_ = size, rank_ = rank;
    requests_.reserve(usual_requests);
  }
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;
  ~MpiRanks() override {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (finalized == 0) MPI_Comm_free(&communicator_);
  }

  Index count() const noexcept override { return count_; }
  Index rank() const noexcept override { return rank_; }

  void send(Index to, std::span<const std::byte> bytes) override {
    sent_bytes_ += bytes.size();
    for_each_piece(bytes.size(), [&](std::size_t first, int size) {
      check(MPI_Isend(bytes.data() + first, size, MPI_BYTE, static_cast<int>(to), tag,
                      communicator_, &requests_.emplace_back()),
            "MPI_Isend");
    });
  }
  void receive(Index from, std::span<std::byte> bytes) override {
    for_each_piece(bytes.size(), [&](std::size_t first, int size) {
      check(MPI_Irecv(bytes.data() + first, size, MPI_BYTE, static_cast<int>(from), tag,
                      communicator_, &requests_.emplace_back()),
            "MPI_Irecv");
    });
  }
  bool has_message(Index from) override {
    int flag = 0;
    check(MPI_Iprobe(static_cast<int>(from), tag, communicator_, &flag, MPI_STATUS_IGNORE),
          "MPI_Iprobe");
    return flag != 0;
  }
  void wait() override {
    check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
          "MPI_Waitall");
    requests_.clear();
  }
  void progress() override {
    int flag = 0;
    check(MPI_Iprobe(MPI_ANY_SOURCE, unused_tag, communicator_, &flag, MPI_STATUS_IGNORE),
          "MPI_Iprobe");
  }

  /// The bytes that this process has sent so far.
  std::size_t sent_bytes() const noexcept { return sent_bytes_; }

 private:
  static constexpr int tag = 0;
  static constexpr int unused_tag = 1;  ///< to look for a message lets all others advance
  static constexpr std::size_t usual_requests = 4096;
  static constexpr std::size_t largest_piece = std::size_t{1} << 30;

  /// Calls piece(first, size) for parts whose sizes MPI can count.
  template <typename Piece>
  static void for_each_piece(std::size_t bytes, Piece piece) {
    for (std::size_t first = 0; first < bytes; first += largest_piece) {
      piece(first, static_cast<int>(std::min(largest_piece, bytes - first)));
    }
  }

  static void check(int result, const char* call) {
    if (result == MPI_SUCCESS) return;
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    MPI_Error_string(result, text.data(), &length);
    throw Error(ErrorCode::io, detail::concat({call, ": ", std::string_view(text.data())}),
                "another process may have ended");
  }

  MPI_Comm communicator_ = MPI_COMM_NULL;
  Index count_ = 1;
  Index rank_ = 0;
  std::vector<MPI_Request> requests_;
  std::size_t sent_bytes_ = 0;
};

}  // namespace OCTAVO_NAMESPACE
