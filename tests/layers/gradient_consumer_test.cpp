// SPDX-License-Identifier: MIT
// What a layer asks the consumer of its gradients, and tells it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/layers/linear.hpp>

#include "layers/bench.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// Writes down what it is asked, and wants no gradient of tensor `frozen`.
class Recorder final : public GradientConsumer<double> {
 public:
  explicit Recorder(std::vector<double>& numbers, Index frozen = -1)
      : numbers_(numbers), frozen_(frozen) {}

  GradientPlace<double> place(Index tensor) override {
    told += "place " + std::to_string(tensor) + "; ";
    if (tensor == frozen_) return {};
    return {numbers_.data(), Output::overwrite};
  }
  void complete(Index first, Index count) override {
    told += "complete " + std::to_string(first) + " " + std::to_string(count) + "; ";
  }

  std::string told;

 private:
  std::vector<double>& numbers_;
  Index frozen_;
};

std::string backward_told(bool bias, Index frozen, std::vector<double>& numbers) {
  Bench<Linear<double>> bench([=](const Builder<double>& builder) {
    return Linear<double>(builder / "inner", 2, 3, bias);
  });
  Recorder recorder(numbers, frozen);
  Pass<double> pass = bench.forward_pass();
  pass.run.gradients = &recorder;
  pass.first_tensor = 10;
  std::vector<double> x(2, 1.0), dy(3, 1.0), dx(2);
  bench.layer.backward(pass, matrix_of(x, 2), matrix_of(dy, 3), matrix_of(dx, 2));
  return recorder.told;
}

}  // namespace

TEST_CASE("a place is wanted if there are numbers") {
  double number = 0;
  CHECK_FALSE(GradientPlace<double>{});
  CHECK(GradientPlace<double>{&number, Output::overwrite});
  CHECK(GradientPlace<double>{&number}.output == Output::accumulate);
}

TEST_CASE("a layer asks for each of its tensors once, by the model's index, then completes them") {
  std::vector<double> numbers(6, 99);
  CHECK(backward_told(true, -1, numbers) == "place 10; place 11; complete 10 2; ");
  CHECK(backward_told(false, -1, numbers) == "place 10; complete 10 1; ");
}

TEST_CASE("a gradient that is not wanted is not written") {
  std::vector<double> numbers(6, 99);
  CHECK(backward_told(true, 10, numbers) == "place 10; place 11; complete 10 2; ");
  CHECK(numbers == std::vector<double>{1, 1, 1, 99, 99, 99});  // the bias's alone
}
