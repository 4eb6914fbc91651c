// SPDX-License-Identifier: MIT
// Products with stored matrices beside those with their numbers.
#pragma once

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/parallel/thread_pool.hpp>

#include "kernels/numbers.hpp"
#include "tensor/stored_numbers.hpp"

namespace kernel_test {

using namespace octavo;

/// Checks that the products of x [rows, length] and dy [rows, lines] with a stored matrix have the
/// bits of those with its numbers.
template <Scalar T>
void check_stored_product(const octavo_test::RandomMatrix& random, Index rows, Index workers,
                          Output output) {
  const StoredMatrix& w = random.matrix;
  const std::vector<T> numbers(random.numbers.begin(), random.numbers.end());
  const auto scratch =
      static_cast<std::size_t>(workers * pack_buffer_elements<T>(std::max(w.lines, w.length)));
  std::vector<T> pack_buffer(scratch);
  ThreadPool threads(workers);
  INFO(std::string(name_of(w.type)), w.layout == StoredLayout::grouped ? ", grouped" : "",
       ", rows ", rows, ", lines ", w.lines, ", length ", w.length, ", workers ", workers);
  const auto check = [&](Index in, Index out, const auto& stored, const auto& expected) {
    const auto x = random_block<T>(rows * in, 1);
    std::vector<T> y = random_block<T>(rows * out, 2), z = y;
    threads.run([&](const Worker& worker) {
      stored(worker, MatrixView<const T>(x.data(), rows, in), MatrixView<T>(y.data(), rows, out));
      expected(worker, MatrixView<const T>(x.data(), rows, in), MatrixView<T>(z.data(), rows, out));
    });
    CHECK(y == z);
  };
  const MatrixView<const T> plain(numbers.data(), w.lines, w.length);
  const auto bias = random_block<T>(w.lines, 3);
  check(
      w.length, w.lines,
      [&](const Worker& worker, auto x, auto y) {
        matmul_stored<T>(worker, x, w, y, output, bias.data(), pack_buffer);
      },
      [&](const Worker& worker, auto x, auto y) {
        worker.barrier();
        matmul_nt<T>(worker, x, plain, y, output, bias.data(), pack_buffer);
      });
  if (output == Output::bias) return;
  check(
      w.lines, w.length,
      [&](const Worker& worker, auto dy, auto dx) {
        matmul_stored_nt<T>(worker, dy, w, dx, output, pack_buffer);
      },
      [&](const Worker& worker, auto dy, auto dx) {
        worker.barrier();
        matmul<T>(worker, dy, plain, dx, output, nullptr, pack_buffer);
      });
}

/// Calls body() with every instruction set that this machine has.
template <typename Body>
void for_each_instruction_set(Body body) {
  const Isa before = isa_in_use();
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    use_isa(isa);
    body();
  }
  use_isa(before);
}

}  // namespace kernel_test
