// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <Eigen/Dense>
#include <doctest/doctest.h>

#include <octavo/numeric/random.hpp>
#include <octavo/optimizers/any_optimizer.hpp>
#include <octavo/optimizers/muon.hpp>
#include <octavo/parallel/thread_pool.hpp>

using namespace octavo;

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A table, a vector, a linear map of 6 to 10 that learns at half the rate, three maps of 12 side
/// by side, and two of 5 after one that is absent.
ParameterList tensors() {
  ParameterTable table;
  table.add(ParameterPath() / "table", 5, 6, InitialValue::normal);
  table.add(ParameterPath() / "narrow", 6, 10, InitialValue::normal, {}, {10});
  table.add(ParameterPath() / "bias", 0, 10, InitialValue::zeros);
  table.add(ParameterPath() / "qkv", 12, 20, InitialValue::normal, {}, {12, 4, 4});
  table.add(ParameterPath() / "gap", 5, 8, InitialValue::normal, {}, {0, 5, 3});
  ParameterList list;
  list.append("", table);
  CHECK(list.set_learning_rate_factor("narrow", 0.5) == 1);
  return list;
}

double gradient(int step, std::size_t i) {
  const CounterRandom random(2, RandomStream::initial_weights);
  return random.normal(1000 * static_cast<std::uint64_t>(step) + i);
}

std::vector<double> first_weights(std::size_t count) {
  const CounterRandom random(1, RandomStream::initial_weights);
  std::vector<double> weights(count);
  for (std::size_t i = 0; i < count; ++i) weights[i] = random.normal(i);
  return weights;
}

template <typename T>
std::span<T> aligned(std::vector<std::byte>& memory, std::size_t bytes) {
  memory.assign(bytes + 64, std::byte{});
  void* begin = memory.data();
  std::size_t room = memory.size();
  REQUIRE(std::align(64, bytes, begin, room) != nullptr);
  return {static_cast<T*>(begin), bytes / sizeof(T)};
}

/// The weights after `steps` updates by the library at a learning rate of 0.01, clipped by 0.25.
template <Scalar T>
std::vector<double> updated(const AnyOptimizer& muon, int steps, Index workers) {
  const ParameterList list = tensors();
  const auto count = static_cast<std::size_t>(list.count());
  const std::vector<double> first = first_weights(count);
  std::vector<T> weights(first.begin(), first.end()), gradients(count);
  std::size_t scratch_bytes = 0;
  for (const Parameter& tensor : list) {
    if (!tensor.is_map()) continue;
    scratch_bytes = std::max(scratch_bytes,
                             optimizer_scratch_bytes<T>(muon, tensor.rows, tensor.maps, workers));
  }
  std::vector<std::byte> state_memory, scratch_memory;
  const auto state =
      aligned<std::byte>(state_memory, optimizer_state_bytes<T>(muon, list.trained()));
  const auto scratch = aligned<std::byte>(scratch_memory, scratch_bytes);
  ThreadPool threads(workers);
  for (int step = 1; step <= steps; ++step) {
    for (std::size_t i = 0; i < count; ++i) gradients[i] = static_cast<T>(gradient(step, i));
    threads.run([&](const Worker& worker) {
      update_tensors<T>(worker, muon, list.span(), weights, gradients, state,
                        {step, 0.01, 0.25, 0, 0, scratch});
    });
  }
  return {weights.begin(), weights.end()};
}

/// Muon's update of one linear map, as its paper has it.
void update_by_paper(Matrix& w, Matrix& m, const Matrix& g, double rate, int steps, double decay) {
  m = 0.95 * m + 0.05 * g;
  Matrix x = 0.95 * m + 0.05 * g;
  x /= 1.01 * x.norm();
  for (const OddPolynomial& p : std::span(polar_express).first(static_cast<std::size_t>(steps))) {
    const Matrix gram = x * x.transpose();
    x = p.a * x + p.b * gram * x + p.c * gram * gram * x;
  }
  const double size = std::sqrt(std::max(1.0, double(w.cols()) / double(w.rows())));
  w = (1 - rate * decay) * w - rate * size * x;
}

std::vector<double> expected(int steps, int polynomials, double decay) {
  const ParameterList list = tensors();
  std::vector<double> weights = first_weights(static_cast<std::size_t>(list.count()));
  std::vector<double> m(weights.size()), v(weights.size());
  for (const Parameter& tensor : list) {
    const auto offset = static_cast<std::size_t>(tensor.offset);
    const auto count = static_cast<std::size_t>(tensor.count());
    const double rate = 0.01 * tensor.learning_rate_factor;
    if (!tensor.is_map()) {
      for (int step = 1; step <= steps; ++step) {
        for (std::size_t i = offset; i < offset + count; ++i) {
          const double g = 0.25 * gradient(step, i);
          m[i] = 0.9 * m[i] + 0.1 * g;
          v[i] = 0.99 * v[i] + 0.01 * g * g;
          weights[i] -= rate * (tensor.decays ? 0.1 : 0) * weights[i];
          weights[i] -= rate * m[i] / (1 - std::pow(0.9, step)) /
                        (std::sqrt(v[i] / (1 - std::pow(0.99, step))) + 1e-8);
        }
      }
      continue;
    }
    Index column = 0;
    for (const Index columns : tensor.maps) {
      if (columns == 0) continue;
      Matrix whole(tensor.rows, tensor.columns);
      Eigen::Map<Matrix> w(weights.data() + offset, tensor.rows, tensor.columns);
      Matrix part = w.middleCols(column, columns);
      Matrix moment = Matrix::Zero(tensor.rows, columns);
      for (int step = 1; step <= steps; ++step) {
        for (std::size_t i = 0; i < count; ++i) {
          whole.data()[i] = 0.25 * gradient(step, offset + i);
        }
        update_by_paper(part, moment, whole.middleCols(column, columns), 4 * rate, polynomials,
                        decay);
      }
      w.middleCols(column, columns) = part;
      column += columns;
    }
  }
  return weights;
}

}  // namespace

TEST_CASE("Muon follows its paper for linear maps, AdamW's for all else") {
  for (const int polynomials : {1, 4}) {
    for (const double decay : {0.0, 0.3}) {
      Muon muon;
      muon.ns_steps = polynomials;
      muon.matrix_weight_decay = decay;
      const std::vector<double> by_library = updated<double>(muon, 5, 1);
      const std::vector<double> by_paper = expected(5, polynomials, decay);
      for (std::size_t i = 0; i < by_paper.size(); ++i) {
        INFO(i, " with ", polynomials, " polynomials");
        CHECK(by_library[i] == doctest::Approx(by_paper[i]).epsilon(1e-8));
      }
    }
  }
}

TEST_CASE_TEMPLATE("any number of workers updates to the same bits", T, float, double) {
  const std::vector<double> alone = updated<T>(Muon{}, 3, 1);
  for (const Index workers : {2, 3, 4}) CHECK(updated<T>(Muon{}, 3, workers) == alone);
}

TEST_CASE("Muon keeps one moment of linear maps and two of all else") {
  constexpr AnyOptimizer muon = Muon{};
  static_assert(optimizer_state_bytes<float>(muon, {1000, 3, 900}) == 4 * 1000 + 4 * 100);
  static_assert(optimizer_state_bytes<double>(muon, {1000, 3, 0}) == 8 * 2000);
  static_assert(muon.has_scratch() && !AnyOptimizer(AdamW{}).has_scratch());
  // Two matrices [12, 16] of float, four [12, 12], and room for products.
  CHECK(optimizer_scratch_bytes<float>(muon, 12, {16}, 1) ==
        2 * 12 * 16 * 4 + 128 + 4 * 12 * 12 * 4 +
            static_cast<std::size_t>(pack_buffer_elements<float>(16)) * 4);
  CHECK(optimizer_scratch_bytes<float>(muon, 12, {16, 4, 4}, 1) ==
        optimizer_scratch_bytes<float>(muon, 12, {16}, 1));
}
