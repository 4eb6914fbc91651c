// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <octavo/base/config.hpp>
#include <octavo/kernels/dropout.hpp>
#include <octavo/kernels/elementwise.hpp>
#include <octavo/kernels/matmul.hpp>
#include <octavo/layers/layer.hpp>
#include <octavo/tensor/lora_config.hpp>

namespace OCTAVO_NAMESPACE {

/// The low-rank adapters (Hu et al. 2021) of a matrix's maps: y_i += s (dropout(x) A_i) B_i for
/// each map i that has one.  x [rows, in], A_i [in, r], B_i [r, out_i], y_i the columns [rows,
/// out_i] of y. The A_i lie side by side in one parameter, [in, maps * r], the B_i in another, [r,
/// sum of out_i]. Saves s dropout(x) A, [rows, maps * r]. Without a map that has an adapter it does
/// nothing, and has neither parameters nor memory.
template <Scalar T>
class LowRankAdapter {
 public:
  /// `outs`: the columns of the matrix's maps. The builder says which of them have adapters.
  OCTAVO_SETUP constexpr LowRankAdapter(const Builder<T>& builder, Index in, const MapColumns& outs)
      : LowRankAdapter(builder, in, adapted(builder, outs), builder.adapters()) {}

  constexpr bool exists() const noexcept { return a_.exists(); }

  /// Saves s dropout(x) A. Ends with a barrier.
  void save(const Pass<T>& pass, MatrixView<const T> input) const {
    const MatrixView<T> hidden = pass[hidden_].row_block(0, input.rows);
    MatrixView<const T> x = input;
    if (drops(pass)) x = drop(pass, input, pass[forward_dropped_]);
    matmul<T>(pass.worker(), x, pass.matrix(a_), hidden, Output::overwrite, nullptr,
              pass.run.pack_buffer);
    scale(pass, hidden);
  }

  /// Adds to the output of the matrix, which must be complete. Call after save(); no barrier.
  void add_output(const Pass<T>& pass, MatrixView<T> output) const {
    const MatrixView<const T> hidden = pass[hidden_].row_block(0, output.rows);
    for_each_map([&](const Map& map) {
      matmul<T>(pass.worker(), map.hidden(hidden), map.b(pass.matrix(b_)), map.of_output(output),
                Output::accumulate, nullptr, pass.run.pack_buffer);
    });
  }

  /// The first part of backward: the gradients of A and B, and what add_input_gradient() needs. No
  /// barrier at its end.
  void backward_parameters(const Pass<T>& pass, MatrixView<const T> input,
                           MatrixView<const T> output_gradient) const {
    const MatrixView<T> hidden_gradient = pass[hidden_gradient_];
    const GradientPlace<T> a = pass.gradient(a_);
    const GradientPlace<T> b = pass.gradient(b_);
    const MatrixView<T> db(b.numbers, b_.rows, b_.columns);
    for_each_map([&](const Map& map) {
      const MatrixView<const T> dy = map.of_output(output_gradient);
      matmul_nt<T>(pass.worker(), dy, map.b(pass.matrix(b_)), map.hidden(hidden_gradient),
                   Output::overwrite, nullptr, pass.run.pack_buffer);
      if (!b) return;
      matmul_tn<T>(pass.worker(), map.hidden(pass[hidden_]), dy, map.b(db), b.output,
                   pass.run.pack_buffer);
    });
    MatrixView<const T> x = input;
    if (a && drops(pass)) x = drop(pass, input, pass[backward_dropped_]);
    scale(pass, hidden_gradient);
    if (!a) return;
    matmul_tn<T>(pass.worker(), x, hidden_gradient, {a.numbers, a_.rows, a_.columns}, a.output,
                 pass.run.pack_buffer);
  }

  /// The second part, after a barrier: adds to the input's gradient, which must be complete. No
  /// barrier at its end.
  void add_input_gradient(const Pass<T>& pass, MatrixView<T> input_gradient) const {
    const MatrixView<const T> hidden_gradient = pass[hidden_gradient_];
    if (!drops(pass)) {
      matmul_nt<T>(pass.worker(), hidden_gradient, pass.matrix(a_), input_gradient,
                   Output::accumulate, nullptr, pass.run.pack_buffer);
      return;
    }
    const MatrixView<T> dropped = pass[backward_dropped_];
    matmul_nt<T>(pass.worker(), hidden_gradient, pass.matrix(a_), dropped, Output::overwrite,
                 nullptr, pass.run.pack_buffer);
    pass.worker().barrier();
    dropout<T>(pass.worker(), draw(pass), pass.first_row(), dropped);
    add<T>(pass.worker(), dropped, input_gradient);
  }

  /// The third part, after a barrier: reports that the gradients are complete.
  void complete(const Pass<T>& pass) const { pass.complete(a_, 2); }

 private:
  /// One of the maps that have an adapter: the columns of its parts.
  struct Map {
    Index rank;
    Index first_hidden;    ///< in A, and in the values between A and B
    Index first_b;         ///< in B
    Index first_output;    ///< in the output of the matrix
    Index output_columns;  ///< of B and of the output

    template <typename U>
    MatrixView<U> hidden(MatrixView<U> all) const {
      return all.block(0, all.rows, first_hidden, rank);
    }
    template <typename U>
    MatrixView<U> b(MatrixView<U> all) const {
      return all.block(0, all.rows, first_b, output_columns);
    }
    template <typename U>
    MatrixView<U> of_output(MatrixView<U> all) const {
      return all.block(0, all.rows, first_output, output_columns);
    }
  };

  /// The maps of a matrix, and which of them have adapters.
  struct Adapted {
    MapColumns outs{};
    std::array<bool, 3> maps{};

    constexpr Index count() const { return Index{maps[0]} + Index{maps[1]} + Index{maps[2]}; }
    /// `columns(map)` of each map that has an adapter.
    template <typename Columns>
    constexpr MapColumns only(Columns columns) const {
      MapColumns some{};
      std::size_t next = 0;
      for (std::size_t i = 0; i < maps.size(); ++i) {
        if (maps[i]) some[next++] = columns(i);
      }
      return some;
    }
  };

  OCTAVO_SETUP static constexpr Adapted adapted(const Builder<T>& builder, const MapColumns& outs) {
    Adapted result{outs, {}};
    for (std::size_t i = 0; i < outs.size(); ++i) {
      result.maps[i] = outs[i] > 0 && builder.adapts_map(i);
    }
    return result;
  }

  OCTAVO_SETUP constexpr LowRankAdapter(const Builder<T>& builder, Index in, const Adapted& adapted,
                                        const LoraConfig& config)
      : LowRankAdapter(builder, in, adapted, config,
                       adapted.count() > 0 ? builder.begin_unit() : ParameterUnit{}) {}

  OCTAVO_SETUP constexpr LowRankAdapter(const Builder<T>& builder, Index in, const Adapted& adapted,
                                        const LoraConfig& config, ParameterUnit unit)
      : adapted_(adapted), rank_(config.rank), dropout_(config.dropout) {
    const Index width = adapted.count() * config.rank;
    if (width == 0) return;
    alpha_ = config.alpha;
    rank_stable_ = config.rank_stable;
    const auto rank = [&](std::size_t) { return config.rank; };
    const auto out = [&](std::size_t map) { return adapted.outs[map]; };
    a_ = builder.matrix("lora_a", in, adapted.only(rank), InitialValue::uniform, unit);
    b_ = builder.matrix("lora_b", config.rank, adapted.only(out), InitialValue::zeros, unit);
    hidden_ = builder.saved("adapter's hidden", width);
    hidden_gradient_ = builder.backward_scratch("adapter's hidden gradient", width);
    if (config.dropout == 0 || !builder.pass().training) return;
    forward_dropped_ = builder.forward_scratch("adapter's input", in);
    backward_dropped_ = builder.backward_scratch("adapter's input", in);
  }

  template <typename Visit>
  void for_each_map(Visit visit) const {
    Map map{rank_, 0, 0, 0, 0};
    for (std::size_t i = 0; i < adapted_.maps.size(); ++i) {
      map.output_columns = adapted_.outs[i];
      if (adapted_.maps[i]) {
        visit(map);
        map.first_hidden += rank_;
        map.first_b += map.output_columns;
      }
      map.first_output += map.output_columns;
    }
  }

  bool drops(const Pass<T>& pass) const {
    return pass.run.adapter_dropout && forward_dropped_.booking.booked();
  }
  /// Distinguishes this adapter's draws from those of all others in the model.
  DropoutDraw draw(const Pass<T>& pass) const {
    const Index site = pass.first_tensor + a_.tensor;
    return {*pass.run.adapter_dropout, static_cast<std::uint64_t>(site), dropout_};
  }
  MatrixView<const T> drop(const Pass<T>& pass, MatrixView<const T> input,
                           MatrixView<T> dropped) const {
    copy<T>(pass.worker(), input, dropped);
    dropout<T>(pass.worker(), draw(pass), pass.first_row(), dropped);
    pass.worker().barrier();
    return dropped;
  }

  /// Between two barriers, because products divide their output otherwise.
  void scale(const Pass<T>& pass, MatrixView<T> hidden) const {
    pass.worker().barrier();
    const T factor = static_cast<T>(
        LoraConfig{.rank = rank_, .alpha = alpha_, .rank_stable = rank_stable_}.scale());
    const Range rows = pass.worker().split(hidden.rows);
    for (Index i = rows.begin; i < rows.end; ++i) {
      for (Index j = 0; j < hidden.columns; ++j) hidden(i, j) *= factor;
    }
    pass.worker().barrier();
  }

  Adapted adapted_;
  Index rank_ = 0;
  double alpha_ = 0;
  double dropout_ = 0;
  bool rank_stable_ = false;
  ParameterSlot a_;
  ParameterSlot b_;
  Buffer<T> hidden_;
  Buffer<T> hidden_gradient_;
  Buffer<T> forward_dropped_;
  Buffer<T> backward_dropped_;
};

}  // namespace OCTAVO_NAMESPACE
