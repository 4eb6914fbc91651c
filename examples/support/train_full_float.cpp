// SPDX-License-Identifier: MIT
#include "support/train_full_run_as.hpp"

int support::run_float(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
                       const Resumed* resumed) {
  return detail::run_as<float>(options, corpus, threads, resumed);
}
