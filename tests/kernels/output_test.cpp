// SPDX-License-Identifier: MIT
// One meaning of Output for all kernels that take one.
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/kernels/normalize.hpp>
#include <octavo/kernels/output.hpp>

using namespace octavo;

namespace {

/// What a kernel leaves where two numbers stood before.
template <typename Kernel>
std::vector<float> left_by(std::vector<float> before, Kernel kernel) {
  kernel(before.data());
  return before;
}

}  // namespace

TEST_CASE("every kernel overwrites or adds as Output says; what is overwritten is not read") {
  const std::vector<float> ones(6, 1.0f), bias{10, 20};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> pack_buffer(array_size(pack_buffer_elements<float>(256)));
  // Every sum is one of three ones.
  const MatrixView<const float> row(ones.data(), 1, 3), tall(ones.data(), 3, 2),
      wide(ones.data(), 2, 3), column(ones.data(), 3, 1);
  const auto check = [&](auto kernel) {
    const auto run = [&](Output output) {
      return [&kernel, output](float* out) { kernel(MatrixView<float>(out, 1, 2), output); };
    };
    CHECK(left_by({nan, nan}, run(Output::overwrite)) == std::vector<float>{3, 3});
    CHECK(left_by({1, 2}, run(Output::accumulate)) == std::vector<float>{4, 5});
  };
  check([&](MatrixView<float> out, Output output) {
    matmul<float>(Worker{}, row, tall, out, output, nullptr, pack_buffer);
  });
  check([&](MatrixView<float> out, Output output) {
    matmul_nt<float>(Worker{}, row, wide, out, output, nullptr, pack_buffer);
  });
  check([&](MatrixView<float> out, Output output) {
    matmul_tn<float>(Worker{}, column, tall, out, output, pack_buffer);
  });
  check([&](MatrixView<float> out, Output output) {
    sum_columns<float>(Worker{}, tall, out.data, output);
  });
  check([&](MatrixView<float> out, Output output) {
    normalize_backward_parameters<float>(Worker{}, tall, tall, out.data, nullptr, output);
  });
  check([&](MatrixView<float> out, Output output) {
    normalize_backward_parameters<float>(Worker{}, tall, tall, nullptr, out.data, output);
  });
  CHECK(left_by({nan, nan}, [&](float* out) {
          matmul<float>(Worker{}, row, tall, MatrixView<float>(out, 1, 2), Output::bias,
                        bias.data(), pack_buffer);
        }) == std::vector<float>{13, 23});
  CHECK(left_by({nan, nan}, [&](float* out) {
          matmul_nt<float>(Worker{}, row, wide, MatrixView<float>(out, 1, 2), Output::bias,
                           bias.data(), pack_buffer);
        }) == std::vector<float>{13, 23});
}

TEST_CASE("a product over nothing is what its sums start from") {
  std::vector<float> c{1, 2, 3, 4}, bias{5, 6},
      pack_buffer(array_size(pack_buffer_elements<float>(256)));
  const MatrixView<const float> left(nullptr, 2, 0), right(nullptr, 0, 2);
  matmul<float>(Worker{}, left, right, {c.data(), 2, 2}, Output::bias, bias.data(), pack_buffer);
  CHECK(c == std::vector<float>{5, 6, 5, 6});
  matmul<float>(Worker{}, left, right, {c.data(), 2, 2}, Output::accumulate, nullptr, pack_buffer);
  CHECK(c == std::vector<float>{5, 6, 5, 6});
  matmul<float>(Worker{}, left, right, {c.data(), 2, 2}, Output::overwrite, nullptr, pack_buffer);
  CHECK(c == std::vector<float>(4));
}
