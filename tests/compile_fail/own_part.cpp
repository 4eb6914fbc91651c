// SPDX-License-Identifier: MIT
// Layers and blocks of a user's own that lack something: compilers say what.
// clang-format off
// refused with -DNO_CONSTRUCTOR: the part needs a constructor from \(const Builder<T>&, const ModelConfig&\)
// refused with -DNO_FORWARD: the layer needs: void forward
// refused with -DNO_BACKWARD: the layer needs: void backward
// refused with -DBACKWARD_CONST=: the layer needs: void backward.* const
// refused with -DVALUE=double: the part's Value is not the number type of the model
// refused with -DNO_BLOCK_BACKWARD: the block needs: void backward
// refused with -DNO_BACKWARD -DBY_CONCEPT: backward\(pass, input, input, input_gradient\)
// clang-format on

#include <octavo/transformer/transformer.hpp>

#if !defined(BACKWARD_CONST)
#define BACKWARD_CONST const
#endif
#if !defined(VALUE)
#define VALUE float
#endif

struct MyLayer {
  using Value = VALUE;
#if !defined(NO_CONSTRUCTOR)
  constexpr MyLayer(const octavo::Builder<float>&, const octavo::ModelConfig&) {}
#endif
#if !defined(NO_FORWARD)
  void forward(const octavo::Pass<Value>&, octavo::MatrixView<const Value>,
               octavo::MatrixView<Value>) const {}
#endif
#if !defined(NO_BACKWARD)
  void backward(const octavo::Pass<Value>&, octavo::MatrixView<const Value>,
                octavo::MatrixView<const Value>, octavo::MatrixView<Value>) BACKWARD_CONST {}
#endif
};

struct MyBlock {
  using Value = float;
  constexpr MyBlock(const octavo::Builder<float>&, const octavo::ModelConfig&) {}
  void forward(const octavo::Pass<float>&, octavo::MatrixView<float>) const {}
#if !defined(NO_BLOCK_BACKWARD)
  void backward(const octavo::Pass<float>&, octavo::MatrixView<float>) const {}
#endif
};

#if defined(BY_CONCEPT)
static_assert(octavo::Layer<MyLayer>);
#else
using OfLayers = octavo::Transformer<float, octavo::ModelConfig, MyLayer>;
using OfBlocks = octavo::Transformer<float, octavo::ModelConfig, MyBlock>;
static_assert(sizeof(OfLayers) > 0 && sizeof(OfBlocks) > 0);
#endif

int main() {}
