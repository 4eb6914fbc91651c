// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/memory_map.hpp>

#include "report/markup.hpp"
#include "report/page_text.hpp"

using octavo::MemoryKind;
using octavo::MemoryPlan;

namespace {

constexpr std::string_view phases[] = {"forward", "backward", "update"};

markup::Page drawn(const MemoryPlan& plan) {
  return markup::Page(page_text::written(
      [&](octavo::PageWriter& page) { octavo::write_memory_map(page, plan, phases); }));
}

double percent(const std::string& text) { return std::stod(text); }

}  // namespace

TEST_CASE("memory map: a box per buffer, in its phases, as high as its bytes") {
  MemoryPlan plan;
  plan.book<char>("model", "weights", MemoryKind::parameters, 3072, {0, 2});
  plan.book<char>("block", "saved <x>", MemoryKind::saved, 1024, {0, 1});
  plan.place();
  const markup::Page page = drawn(plan);
  REQUIRE_MESSAGE(page.error().empty(), page.error());
  const auto boxes = page.all("rect");
  REQUIRE(boxes.size() == 2);
  CHECK(percent(boxes[0]->attribute("x")) == 0);
  CHECK(percent(boxes[0]->attribute("width")) == 100);
  CHECK(percent(boxes[1]->attribute("width")) == doctest::Approx(66.667).epsilon(1e-4));
  const double high = std::stod(boxes[0]->attribute("height"));
  CHECK(high == doctest::Approx(3 * std::stod(boxes[1]->attribute("height"))).epsilon(1e-2));
  const double end = std::stod(boxes[1]->attribute("y")) + std::stod(boxes[1]->attribute("height"));
  CHECK((plan.offset(1) == 0 || end == doctest::Approx(std::stod(boxes[0]->attribute("y")))));
  CHECK(page.all("title").at(1)->text == "block: saved <x>, 1,024 bytes, forward to backward");
}

TEST_CASE(
    "memory map: phases tell what is alive in them, kinds what they take, buffers where they lie") {
  MemoryPlan plan;
  plan.book<char>("model", "weights", MemoryKind::parameters, 3072, {0, 2});
  plan.book<char>("block", "saved", MemoryKind::saved, 1024, {0, 1});
  plan.place();
  const markup::Page page = drawn(plan);
  std::string told;
  for (const markup::Element* phase : page.all("li")) told += phase->text + "|";
  CHECK(told == "forward |backward |update |");
  CHECK(page.all("b").size() == 2);  // the most
  CHECK(page.all("b").at(0)->text == "4.10 kB, the most");
  CHECK(page.all("span", "key kind0").at(0)->text == "parameters 3.07 kB");
  CHECK(page.all("tr").size() == 1 + 2);
  CHECK(page.all("summary").at(0)->text == "All 2 buffers");
}

TEST_CASE("memory map: a plan of nothing is drawn as nothing") {
  MemoryPlan plan;
  plan.place();
  const markup::Page page = drawn(plan);
  CHECK_MESSAGE(page.error().empty(), page.error());
  CHECK(page.all("rect").empty());
}
