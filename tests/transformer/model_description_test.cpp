// SPDX-License-Identifier: MIT
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/transformer/model_description.hpp>

#include "transformer/small_model.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

/// A layer of the user's, with a tensor.
template <Scalar T>
struct Scaling {
  using Value = T;
  static constexpr std::string_view name = "scaling";
  Scaling(const Builder<T>& builder, const Config&)
      : factor(builder.vector("factor", small_width)) {}
  void forward(const Pass<T>&, MatrixView<const T>, MatrixView<T>) const {}
  void backward(const Pass<T>&, MatrixView<const T>, MatrixView<const T>, MatrixView<T>) const {}
  ParameterSlot factor;
};

static_assert(detail::part_name<FeedForward<float>>().empty());
static_assert(detail::part_name<Scaling<double>>() == "scaling");

bool same_tensors(const ParameterList& a, const ParameterList& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].offset != b[i].offset || a[i].count() != b[i].count()) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("a standard model has no part, and the model's tensors") {
  const Model<float> model = model_of<float>(small_config);
  const ModelDescription description = model;
  CHECK(description.part == "");
  CHECK(same_tensors(description.parameters, model.parameters()));
  CHECK(same_tensors(standard_model(small_config).parameters, model.parameters()));
  CHECK(standard_model(small_config).part == "");
}

TEST_CASE("a model with a part of the user's is described by the part's name") {
  const ModelKind kind = model_kind<Model<float, Scaling<float>>>;
  const ModelDescription description = kind(small_config);
  CHECK(description.part == "scaling");
  Index factors = 0;
  for (const Parameter& parameter : description.parameters) {
    factors += parameter.name.ends_with("feed_forward.factor") ? 1 : 0;
  }
  CHECK(factors == layers_of(small_config));
}

TEST_CASE("a kind does not depend on the scalar of the model that names it") {
  const ModelKind of_float = model_kind<Model<float>>, of_double = model_kind<Model<double>>;
  CHECK(same_tensors(of_float(small_config).parameters, of_double(small_config).parameters));
}
