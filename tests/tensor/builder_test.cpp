// SPDX-License-Identifier: MIT
// What a layer asks for becomes a tensor of the table and a request of the plan.
#include <string>

#include <doctest/doctest.h>

#include <octavo/tensor/builder.hpp>

using namespace octavo;

namespace {

constexpr BuildTimes times{
    .part = "layer", .forward = {1, 2}, .backward = {5, 6}, .saved = {1, 6}, .copies = 3};
constexpr PassShape training{.sequences = 2, .sequence = 5, .workers = 4};

/// A table, a plan and a builder over both.
struct Places {
  ParameterTable table;
  MemoryPlan plan;

  Builder<float> builder(const PassShape& pass = training, const BuildTimes& when = times) {
    return {table, plan, pass, when};
  }
  const MemoryRequest& request(const Buffer<float>& buffer) const {
    REQUIRE(buffer.booking.booked());
    return plan.request(buffer.booking.request);
  }
};

constexpr std::size_t planned_bytes() {
  ParameterTable table;
  MemoryPlan plan;
  const Builder<double> builder(table, plan, training, times);
  builder.saved("a", 8);
  plan.place();
  return plan.total_bytes();
}
static_assert(planned_bytes() == 3 * 10 * 8 * sizeof(double));

}  // namespace

TEST_CASE("tensors are added under the builder's path, in the order in which they are asked for") {
  Places places;
  const Builder<float> builder = places.builder() / "attn" / "c_attn";
  const ParameterSlot weight = builder.matrix("weight", 4, 12);
  const ParameterSlot bias = builder.vector("bias", 12);
  const ParameterSlot gain = places.builder().vector("gain", 3, InitialValue::ones);
  CHECK(places.table[0].path.joined() == "attn.c_attn.weight");
  CHECK(places.table[0].initial == InitialValue::normal);
  CHECK(places.table[1].path.joined() == "attn.c_attn.bias");
  CHECK(places.table[1].initial == InitialValue::zeros);
  CHECK(places.table[2].path.joined() == "gain");
  CHECK(places.table[2].initial == InitialValue::ones);
  CHECK(weight.rows == 4);
  CHECK(weight.columns == 12);
  CHECK(bias.tensor == 1);
  CHECK(bias.offset == 48);
  CHECK(bias.rows == 0);
  CHECK(gain.offset == 60);
  CHECK_THROWS_WITH_AS(builder.vector("bias", 1), "two tensors have the name 'attn.c_attn.bias'",
                       ConfigError);
}

TEST_CASE("a path leads into a layer and leaves the builder that it began at") {
  Places places;
  const Builder<float> builder = places.builder();
  const Builder<float> inner = builder / "a";
  inner.vector("x", 1);
  builder.vector("x", 1);
  CHECK(places.table[0].path.joined() == "a.x");
  CHECK(places.table[1].path.joined() == "x");
}

TEST_CASE("buffers have a row for each row of the pass, and the phases of their use") {
  Places places;
  const Builder<float> builder = places.builder();
  const Buffer<float> saved = builder.saved("saved", 7);
  CHECK(saved.columns == 7);
  CHECK(saved.booking.count == 10 * 7);
  CHECK(places.request(saved).part == "layer");
  CHECK(places.request(saved).name == "saved");
  CHECK(places.request(saved).kind == MemoryKind::saved);
  CHECK(places.request(saved).bytes == 280);
  CHECK(places.request(saved).copies == 3);
  CHECK(places.request(saved).lifetime == Lifetime{1, 6});

  const Buffer<float> forward = builder.forward_scratch("forward", 7);
  CHECK(forward.columns == 7);
  CHECK(places.request(forward).kind == MemoryKind::scratch);
  CHECK(places.request(forward).copies == 1);
  CHECK(places.request(forward).lifetime == Lifetime{1, 2});
  const Buffer<float> backward = builder.backward_scratch("backward", 7);
  CHECK(backward.booking.count == 70);
  CHECK(places.request(backward).lifetime == Lifetime{5, 6});

  const Buffer<float> numbers = builder.forward_numbers("numbers", 13);
  CHECK(numbers.booking.count == 13);
  CHECK(numbers.columns == 0);
  CHECK(places.request(numbers).lifetime == Lifetime{1, 2});
  CHECK(places.request(builder.backward_numbers("numbers", 13)).lifetime == Lifetime{5, 6});
}

TEST_CASE("without training nothing is saved for backward, and backward has no memory") {
  Places places;
  PassShape inference = training;
  inference.training = false;
  const Builder<float> builder = places.builder(inference);
  const Buffer<float> saved = builder.saved("saved", 7);
  CHECK(places.request(saved).lifetime == Lifetime{1, 2});
  CHECK(places.request(saved).copies == 1);
  CHECK(places.request(builder.forward_scratch("forward", 7)).bytes == 280);
  CHECK_FALSE(builder.backward_scratch("backward", 7).booking.booked());
  CHECK_FALSE(builder.backward_numbers("numbers", 7).booking.booked());
  CHECK(places.plan.size() == 2);
}

TEST_CASE("copies after the first lie in the buffer that the times name") {
  Places places;
  const Booking<float> host =
      places.plan.book<float>("host", "idle", MemoryKind::gradients, 1000, {0, 9});
  Overlay overlay{host.request, 0, 2000, 0};
  BuildTimes when = times;
  when.overlay = &overlay;
  const Buffer<float> saved = places.builder(training, when).saved("saved", 7);
  CHECK(places.request(saved).overlay.host == host.request);
  CHECK(places.request(saved).own_copies() == 1);
  CHECK(overlay.used == 320);  // 280 bytes, up to a multiple of 64
}

TEST_CASE("other times hold from there on, at the same path") {
  Places places;
  BuildTimes later = times;
  later.part = "later";
  later.forward = {3, 3};
  const Builder<float> builder = (places.builder() / "a").at(later);
  CHECK(builder.times().part == "later");
  CHECK(builder.pass().rows() == 10);
  CHECK(places.request(builder.forward_numbers("n", 1)).lifetime == Lifetime{3, 3});
  builder.vector("x", 1);
  CHECK(places.table[0].path.joined() == "a.x");
}

TEST_CASE("tensors belong to units, those of a reused layer to none") {
  Places places;
  const Builder<float> builder = places.builder();
  const ParameterUnit first = builder.begin_unit();
  builder.vector("a", 3, InitialValue::zeros, first);
  const ParameterUnit second = builder.begin_unit();
  builder.vector("b", 2, InitialValue::zeros, second);
  CHECK(first.index != second.index);
  CHECK(builder.reused().begin_unit().index == -1);
  CHECK((builder.reused() / "inner").begin_unit().index == -1);
  CHECK(builder.begin_unit().index >= 0);
  CHECK(places.table[0].unit != places.table[1].unit);
}

TEST_CASE("a builder tells which maps have adapters") {
  Places places;
  const LoraConfig all{.rank = 3}, some{.rank = 2, .targets = "v_proj"}, none;
  const Builder<float> builder = places.builder();
  CHECK_FALSE(builder.adapts_map(0));
  CHECK(builder.adapters() == none);
  CHECK(builder.with_adapters(all).adapts_map(2));
  CHECK(builder.with_adapters(all).adapters().rank == 3);
  CHECK_FALSE(builder.with_adapters(none).adapts_map(0));
  const Builder<float> qkv = builder.with_adapters(some) / "attention" / "qkv";
  CHECK_FALSE(qkv.adapts_map(1));
  CHECK(qkv.adapts_map(2));
}

TEST_CASE("a pass shape counts its rows, and says when backward goes block by block") {
  CHECK(PassShape{}.rows() == 1);
  CHECK(training.rows() == 10);
  CHECK_FALSE(training.by_block());
  CHECK(PassShape{.passes_in_flight = 2}.by_block());
}
