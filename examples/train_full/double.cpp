// SPDX-License-Identifier: MIT
#include "train_full/run_as.hpp"

int support::run_double(FullOptions& options, const octavo::Corpus& corpus,
                        octavo::ThreadPool& threads, const octavo::ResumedRun* resumed) {
  return detail::run_as<double>(options, corpus, threads, resumed);
}

double support::double_step_seconds(FullOptions options, const octavo::Corpus* corpus,
                                    octavo::ThreadPool& threads) {
  return detail::step_seconds_as<double>(options, corpus, threads);
}

std::size_t support::double_least_bytes(const FullOptions& options, octavo::Index workers) {
  return detail::least_bytes_as<double>(options, workers);
}
