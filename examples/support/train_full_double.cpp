// SPDX-License-Identifier: MIT
#include "support/train_full_run_as.hpp"

int support::run_double(FullOptions& options, const Corpus& corpus, octavo::ThreadPool& threads,
                        const Resumed* resumed) {
  return detail::run_as<double>(options, corpus, threads, resumed);
}
