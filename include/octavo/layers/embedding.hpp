// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <span>

#include <octavo/base/check.hpp>
#include <octavo/base/config.hpp>
#include <octavo/data/token_check.hpp>
#include <octavo/kernels/embed.hpp>
#include <octavo/layers/layer.hpp>

namespace OCTAVO_NAMESPACE {

/// x = scale * (row of the token table) + (row of the position table, if positions are learned)
/// (GPT-2's wte and wpe). Its input is tokens, not rows, so it is the start of a model and not a
/// Layer. Saves nothing: backward needs only the tokens.
template <Scalar T>
class Embedding {
 public:
  using Value = T;

  /// `context`: rows of the position table; 0: no position table.
  OCTAVO_SETUP constexpr Embedding(const Builder<T>& builder, Index vocabulary, Index context,
                                   Index width, double scale = 1)
      : tokens_((builder / "tokens").table("weight", vocabulary, width)),
        positions_(context > 0 ? (builder / "positions").table("weight", context, width)
                               : ParameterSlot{}),
        scale_(scale) {}

  /// tokens [rows] in sequences that begin at `first_position`; overwrites output [rows, width].
  void forward(const Pass<T>& pass, std::span<const Token> tokens, Index first_position,
               MatrixView<T> output) const {
    OCTAVO_ASSERT(tokens_lie_in(tokens, tokens_.rows));
    OCTAVO_ASSERT(first_position >= 0 &&
                  (!positions_.exists() ||
                   first_position + std::min(output.rows, pass.rows.sequence) <= positions_.rows));
    embed<T>(pass.worker(), tokens, pass.rows.positions(), first_position, pass.parameter(tokens_),
             static_cast<T>(scale_), pass.weight(positions_), output);
    pass.worker().barrier();
  }

  /// Adds scale * output_gradient [rows, width] to the gradient of the token table, each row to the
  /// row of its token.
  void backward_tokens(const Pass<T>& pass, std::span<const Token> tokens,
                       MatrixView<const T> output_gradient) const {
    add_rows(pass, tokens_, output_gradient, scale_,
             [&](Index row) { return static_cast<Index>(tokens[static_cast<std::size_t>(row)]); });
  }

  /// Adds to `gradient` [token_rows.size(), width] what backward_tokens adds to these rows of the
  /// token table.
  void backward_token_rows(const Pass<T>& pass, std::span<const Token> tokens,
                           MatrixView<const T> output_gradient, Range token_rows,
                           T* gradient) const {
    const auto row_of = [&](Index row) {
      const Index token = tokens[static_cast<std::size_t>(row)];
      return token < token_rows.end ? token - token_rows.begin : Index{-1};
    };
    accumulate_rows<T>(pass.worker(), output_gradient, row_of, static_cast<T>(scale_), gradient);
    pass.worker().barrier();
  }

  /// Adds output_gradient [rows, width] to the gradient of the position table, each row to the row
  /// of its position.
  void backward_positions(const Pass<T>& pass, MatrixView<const T> output_gradient) const {
    add_rows(pass, positions_, output_gradient, 1,
             [&](Index row) { return pass.rows.positions()[row]; });
  }

  /// The token table [vocabulary, width], for heads that are tied to it.
  constexpr const ParameterSlot& token_table() const noexcept { return tokens_; }

 private:
  template <typename RowOf>
  static void add_rows(const Pass<T>& pass, const ParameterSlot& table,
                       MatrixView<const T> gradient, double scale, RowOf row_of) {
    T* const sum = pass.gradient_to_add_to(table);
    if (sum == nullptr) return;
    accumulate_rows<T>(pass.worker(), gradient, row_of, static_cast<T>(scale), sum);
    pass.worker().barrier();
  }

  ParameterSlot tokens_;
  ParameterSlot positions_;
  double scale_ = 1;
};

}  // namespace OCTAVO_NAMESPACE
