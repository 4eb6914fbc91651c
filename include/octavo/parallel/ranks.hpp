// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <octavo/base/config.hpp>

namespace OCTAVO_NAMESPACE {

/// The processes that share each step of a training run, this one among them. All of them call the
/// same members in the same order, on the thread that began the run; messages from one process to
/// another arrive in the order in which they were sent. octavo/mpi.hpp has one that uses MPI.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual Index count() const noexcept = 0;
  /// This process's number, from 0.
  virtual Index rank() const noexcept = 0;

  /// Begins to send to another process. The bytes must stay as they are until wait().
  virtual void send(Index to, std::span<const std::byte> bytes) = 0;
  /// Begins to receive. The bytes are undefined until wait().
  virtual void receive(Index from, std::span<std::byte> bytes) = 0;
  /// Whether a message from another process, for which no receive was begun, is there.
  virtual bool has_message(Index from) = 0;
  /// Returns when all that was begun is complete.
  virtual void wait() = 0;
  /// Lets messages advance during computation; called often.
  virtual void progress() {}
};

/// Gives every process the parts of all: part i of `bytes`, `part_bytes` each, is that of process
/// i. Returns when all parts are there.
inline void gather_all(Ranks& ranks, std::span<std::byte> bytes, std::size_t part_bytes) {
  const auto part = [&](Index rank) {
    return bytes.subspan(static_cast<std::size_t>(rank) * part_bytes, part_bytes);
  };
  for (Index other = 0; other < ranks.count(); ++other) {
    if (other == ranks.rank()) continue;
    ranks.send(other, part(ranks.rank()));
    ranks.receive(other, part(other));
  }
  ranks.wait();
}

/// Whether any process says true; the same answer on all of them.
inline bool any_rank(Ranks& ranks, bool mine) {
  const Index count = ranks.count();
  for (Index distance = 1; distance < count; distance *= 2) {
    const std::byte known{mine ? std::uint8_t{1} : std::uint8_t{0}};
    std::byte theirs{};
    ranks.send((ranks.rank() + distance) % count, {&known, 1});
    ranks.receive((ranks.rank() + count - distance) % count, {&theirs, 1});
    ranks.wait();
    mine = mine || theirs != std::byte{0};
  }
  return mine;
}

}  // namespace OCTAVO_NAMESPACE
