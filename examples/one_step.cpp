// SPDX-License-Identifier: MIT
// One training step of a very small model, with its numbers: docs/learning.md walks through it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include <octavo/octavo.hpp>

using namespace octavo;

void print(const char* name, MatrixView<const double> m) {
  for (Index i = 0; i < m.rows; ++i) {
    std::printf("%-10s", i == 0 ? name : "");
    for (Index j = 0; j < m.columns; ++j) std::printf("%9.4f", m(i, j));
    std::printf("\n");
  }
}

int main() {
  const ModelConfig config =
      without_biases({.vocabulary = 3,
                      .context = 3,
                      .layers = 1,
                      .width = 4,
                      .norm = {.kind = NormKind::rms},
                      .attention = {.heads = 1},
                      .feed_forward = {.d_ff = 4, .activation = Activation::gelu}});
  ThreadPool threads(1);
  TrainingStep<double> step(Transformer<double>{config}, {.batch = 1, .sequence = 3}, threads);
  for (const Parameter& p :
       step.parameters()) {  // number i becomes sin(i + 1) / 2, rounded; gains stay 1
    if (p.name.ends_with("norm.weight")) continue;
    for (Index i = p.offset; i < p.offset + p.count(); ++i) {
      step.weights()[static_cast<std::size_t>(i)] =
          std::round(5 * std::sin(static_cast<double>(i + 1))) / 10;
    }
  }
  const std::vector<Token> inputs{0, 1, 2}, targets{1, 2, 0};

  // Forward, one kernel after the other, on one worker.
  const Worker worker;
  const Normalization rms{.kind = NormKind::rms};
  const AttentionShape<double> shape{.queries = 3, .keys = 3, .head_width = 4};
  std::vector<double> panel(static_cast<std::size_t>(pack_buffer_elements<double>(12)));
  std::vector<double> scratch(static_cast<std::size_t>(shape.forward_scratch()));
  const auto w = [&](const char* name) { return to_view(step.weight(name)); };
  using Matrix = EigenMatrix<double>;
  Matrix x(3, 4), n(3, 4), y(3, 4), qkv(3, 12), o(3, 4), branch(3, 4), h(3, 4), a(3, 4),
      logits(3, 3);
  double rstd[3], logsumexp[3], losses[3];

  embed<double>(worker, inputs, RowPositions(3), 0, {w("embedding.tokens.weight").data}, 1,
                w("embedding.positions.weight").data, to_view(x));
  print("x", to_view(x));
  normalize<double>(worker, to_view(x), w("blocks.0.attention_norm.weight").data, nullptr,
                    to_view(n), rstd, to_view(y), rms);
  print("rstd", {rstd, 1, 3});
  print("norm", to_view(y));
  matmul<double>(worker, to_view(y), w("blocks.0.attention.qkv.weight"), to_view(qkv),
                 Output::overwrite, nullptr, panel);
  const auto part = [&](Index i) { return to_view(qkv).block(0, 3, 4 * i, 4); };
  print("q", part(0));
  print("k", part(1));
  print("v", part(2));
  attend<double>(worker, shape, part(0), part(1), part(2), to_view(o), logsumexp, scratch, panel);
  Matrix p = qkv.leftCols(4) * qkv.middleCols(4, 4).transpose() / 2;
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 3; ++j) p(i, j) = j > i ? 0 : std::exp(p(i, j) - logsumexp[i]);
  }
  print("p", to_view(p));
  print("attended", to_view(o));
  matmul<double>(worker, to_view(o), w("blocks.0.attention.output.weight"), to_view(branch),
                 Output::overwrite, nullptr, panel);
  add<double>(worker, to_view(branch), to_view(x));
  print("x", to_view(x));
  normalize<double>(worker, to_view(x), w("blocks.0.feed_forward_norm.weight").data, nullptr,
                    to_view(n), rstd, to_view(y), rms);
  matmul<double>(worker, to_view(y), w("blocks.0.feed_forward.up.weight"), to_view(h),
                 Output::overwrite, nullptr, panel);
  print("hidden", to_view(h));
  activate<double>(worker, Activation::gelu, to_view(h), to_view(a));
  print("activated", to_view(a));
  matmul<double>(worker, to_view(a), w("blocks.0.feed_forward.down.weight"), to_view(branch),
                 Output::overwrite, nullptr, panel);
  add<double>(worker, to_view(branch), to_view(x));
  print("x", to_view(x));
  normalize<double>(worker, to_view(x), w("final_norm.weight").data, nullptr, to_view(n), rstd,
                    to_view(y), rms);
  print("norm", to_view(y));
  matmul_nt<double>(worker, to_view(y), w("head.weight"), to_view(logits), Output::overwrite,
                    nullptr, panel);
  print("logits", to_view(logits));
  softmax_cross_entropy<double>(worker, to_view(logits), targets, losses, 1.0 / 3,
                                true);  // now their gradient
  print("losses", {losses, 1, 3});
  print("dlogits", to_view(logits));

  // Backward: head, final norm, and the last product of the feed-forward part.
  Matrix d_head(3, 4), dy(3, 4), dx = Matrix::Zero(3, 4), d_down(4, 4);
  matmul_tn<double>(worker, to_view(logits), to_view(y), to_view(d_head), Output::overwrite, panel);
  matmul<double>(worker, to_view(logits), w("head.weight"), to_view(dy), Output::overwrite, nullptr,
                 panel);
  normalize_backward_input<double>(worker, to_view(dy), to_view(n), rstd,
                                   w("final_norm.weight").data, to_view(dx), rms);
  matmul_tn<double>(worker, to_view(a), to_view(dx), to_view(d_down), Output::overwrite, panel);
  print("d head", to_view(d_head));
  print("dy", to_view(dy));
  print("dx", to_view(dx));
  print("d down", to_view(d_down));

  // The same by the library, and the update.
  std::copy(inputs.begin(), inputs.end(), step.inputs().begin());
  std::copy(targets.begin(), targets.end(), step.targets().begin());
  print("head", w("head.weight"));
  const StepResult result = step.train(0.01);
  std::printf("loss %.4f, mean of the losses %.4f, gradient norm %.4f\n", result.loss,
              (losses[0] + losses[1] + losses[2]) / 3, result.gradient_norm);
  std::printf("same gradients: %s\n",
              step.gradient("head.weight").isApprox(d_head, 1e-12) &&
                      step.gradient("blocks.0.feed_forward.down.weight").isApprox(d_down, 1e-12)
                  ? "yes"
                  : "no");
  print("head", w("head.weight"));
  for (int i = 2; i <= 50; ++i) {
    const double loss = step.train(0.01).loss;
    if (i == 2 || i == 10 || i == 50) std::printf("step %d: loss %.4f\n", i, loss);
  }
}
