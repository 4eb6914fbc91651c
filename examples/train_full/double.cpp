// SPDX-License-Identifier: MIT
#include "train_full/run_as.hpp"

int support::run_double(FullOptions& options, const octavo::Corpus& corpus,
                        octavo::ThreadPool& threads, const octavo::ResumedRun* resumed) {
  return detail::run_as<double>(options, corpus, threads, resumed);
}
