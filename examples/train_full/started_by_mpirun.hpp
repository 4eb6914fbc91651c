// SPDX-License-Identifier: MIT
// A program that mpirun, or another launcher of MPI programs, may have started.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <octavo/base/error.hpp>
#if defined(OCTAVO_EXAMPLES_MPI)
#include <octavo/mpi.hpp>
#endif

#include "support/program.hpp"
#include "train_full/processes.hpp"

namespace support {

/// The number of processes, which launchers set, or a rank; null: no launcher started this one.
inline const char* launched_processes() {
  // Of Open MPI; of MPICH and its relatives; of all that use PMIx.
  for (const char* const name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"}) {
    if (const char* const value = std::getenv(name)) return value;
  }
  return nullptr;
}

#if defined(OCTAVO_EXAMPLES_MPI)

/// Calls body() and returns its exit status. If a launcher started this process, initialises MPI
/// around it, and an error ends all processes; otherwise calls nothing of MPI.
inline int with_processes(const std::function<int()>& body) {
  // Open MPI 4 on Debian 12: what it has in memory where it is only linked, and when it has begun.
  constexpr std::size_t linked = 5'600'000, begun = 13'000'000, per_process = 1'000'000;
  set_library_bytes(linked);
  if (launched_processes() == nullptr) return body();
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  int status = 0;
  {
    octavo::MpiRanks ranks(MPI_COMM_WORLD);
    if (ranks.rank() > 0) follow_first_process();
    set_processes(&ranks);
    set_library_bytes(begun + per_process * static_cast<std::size_t>(ranks.count()));
    status = body();
    set_processes(nullptr);
    const bool asked = caught_signal() != 0 && status == 128 + caught_signal();
    if (status != 0 && !asked) {
      std::fflush(nullptr);
      MPI_Abort(MPI_COMM_WORLD, status);
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);  // a launcher may end all processes when one ends with a signal
  MPI_Finalize();
  return status;
}

#else

inline int with_processes(const std::function<int()>& body) {
  const char* const launched = launched_processes();
  if (launched == nullptr || std::atoi(launched) < 2) return body();
  std::fprintf(stderr,
               "train_full: error: started by mpirun, but built without MPI\n"
               "  hint: build with -D OCTAVO_MPI=ON\n");
  return static_cast<int>(octavo::ErrorCode::usage);
}

#endif

}  // namespace support
