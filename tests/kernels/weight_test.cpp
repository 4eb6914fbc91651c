// SPDX-License-Identifier: MIT
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/matmul_stored.hpp>
#include <octavo/kernels/weight.hpp>

#include "kernels/numbers.hpp"
#include "tensor/stored_numbers.hpp"

using namespace octavo;
using namespace kernel_test;
using octavo_test::RandomMatrix;

TEST_CASE("the maps of one input are multiplied side by side") {
  const RandomMatrix k(StoredType::q6_k, StoredLayout::lines, 8, 256);
  const RandomMatrix wide(StoredType::q4_0, StoredLayout::grouped, 20, 256);
  const StoredMatrix maps[] = {wide.matrix, k.matrix};
  std::vector<float> numbers(256 * 28);  // [in, out]
  for (std::size_t i = 0; i < 256; ++i) {
    for (std::size_t j = 0; j < 20; ++j) numbers[i * 28 + j] = wide.numbers[j * 256 + i];
    for (std::size_t j = 0; j < 8; ++j) numbers[i * 28 + 20 + j] = k.numbers[j * 256 + i];
  }
  const Weight<float> stored{nullptr, maps, &stored_kernels<float>}, plain{numbers.data(), {}};
  std::vector<float> pack_buffer(array_size(pack_buffer_elements<float>(256)));
  for (const Index rows : {1, 6}) {
    const auto x = random_block<float>(rows * 256, 1), dy = random_block<float>(rows * 28, 2);
    const auto bias = random_block<float>(28, 3);
    std::vector<float> y(dy.size()), z(dy.size()), dx(x.size()), dz(x.size());
    const auto run = [&](const Weight<float>& w, std::vector<float>& out, std::vector<float>& in) {
      multiply<float>(Worker{}, {x.data(), rows, 256}, w, {out.data(), rows, 28}, Output::bias,
                      bias.data(), pack_buffer);
      multiply_backward<float>(Worker{}, {dy.data(), rows, 28}, w, {in.data(), rows, 256},
                               pack_buffer);
    };
    run(stored, y, dx);
    run(plain, z, dz);
    CHECK(y == z);
    CHECK(dx == dz);
  }
}

TEST_CASE("a stored table is multiplied as its numbers are") {
  const RandomMatrix table(StoredType::bf16, StoredLayout::grouped, 50, 24);
  const Weight<float> stored{nullptr, {&table.matrix, 1}, &stored_kernels<float>},
      plain{table.numbers.data(), {}};
  std::vector<float> pack_buffer(array_size(pack_buffer_elements<float>(256)));
  const auto x = random_block<float>(3 * 24, 1), dy = random_block<float>(3 * 50, 2);
  std::vector<float> y(dy.size()), z(dy.size()), dx(x.size()), dz(x.size());
  const auto run = [&](const Weight<float>& w, std::vector<float>& out, std::vector<float>& in) {
    multiply_table<float>(Worker{}, {x.data(), 3, 24}, w, {out.data(), 3, 50}, Output::overwrite,
                          nullptr, pack_buffer);
    multiply_table_backward<float>(Worker{}, {dy.data(), 3, 50}, w, {in.data(), 3, 24},
                                   pack_buffer);
  };
  run(stored, y, dx);
  run(plain, z, dz);
  CHECK(y == z);
  CHECK(dx == dz);
}
