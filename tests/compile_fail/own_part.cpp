// SPDX-License-Identifier: MIT
// Layers and blocks of a user's own that lack something: compilers say what.
// refused with -DNO_INPUT_WIDTH: the layer needs: Index input_width\(\) const
// refused with -DNO_FORWARD: the layer needs: void forward
// refused with -DNO_BACKWARD: the layer needs: void backward
// refused with -DBACKWARD_CONST=: the layer needs: void backward.* const
// refused with -DVALUE=double: the part's Value is not the number type of the model
// refused with -DNO_OVERWRITES_ALL: the block needs: static constexpr bool overwrites_all
// refused with -DNO_BLOCK_BACKWARD: the block needs: void backward
// refused with -DNO_BACKWARD -DBY_CONCEPT: backward\(context, input, input, input_gradient\)

#include <octavo/transformer/transformer.hpp>

#if !defined(BACKWARD_CONST)
#define BACKWARD_CONST const
#endif
#if !defined(VALUE)
#define VALUE float
#endif

using octavo::Index;

struct MyLayer {
  using Value = VALUE;
  using Context = octavo::LayerContext<Value>;
#if !defined(NO_INPUT_WIDTH)
  constexpr Index input_width() const { return 8; }
#endif
  constexpr Index output_width() const { return 8; }
  constexpr void declare(octavo::ParameterDeclarations&) {}
  constexpr void book(octavo::BookingScope&) {}
#if !defined(NO_FORWARD)
  void forward(const Context&, octavo::MatrixView<const Value>, octavo::MatrixView<Value>) const {}
#endif
#if !defined(NO_BACKWARD)
  void backward(const Context&, octavo::MatrixView<const Value>, octavo::MatrixView<const Value>,
                octavo::MatrixView<Value>) BACKWARD_CONST {}
#endif
};

struct MyBlock {
  using Value = float;
#if !defined(NO_OVERWRITES_ALL)
  static constexpr bool overwrites_all = true;
#endif
  constexpr void declare(octavo::ParameterDeclarations&) {}
  constexpr void book(const octavo::BlockScope&) {}
  void forward(const octavo::LayerContext<float>&, octavo::MatrixView<float>) const {}
#if !defined(NO_BLOCK_BACKWARD)
  void backward(const octavo::LayerContext<float>&, octavo::MatrixView<float>) const {}
#endif
};

#if defined(BY_CONCEPT)
static_assert(octavo::Layer<MyLayer>);
#else
using OfLayers = octavo::Transformer<float, octavo::RuntimeConfig, MyLayer>;
using OfBlocks = octavo::Transformer<float, octavo::RuntimeConfig, MyBlock>;
static_assert(sizeof(OfLayers) > 0 && sizeof(OfBlocks) > 0);
#endif

int main() {}
