// SPDX-License-Identifier: MIT
// The drawing itself is tried by memory_drawing_test.cpp.
#include <set>
#include <string_view>

#include <doctest/doctest.h>

#include <octavo/report/drawing_sheet.hpp>

using namespace octavo;
using octavo::detail::color_of;
using octavo::detail::DrawingSheet;

namespace {

MemoryPlan two_buffers() {
  MemoryPlan plan;
  plan.book<char>("a", "x", MemoryKind::parameters, 128, {0, 3});
  plan.book<char>("b", "y", MemoryKind::scratch, 64, {2, 3});
  plan.place();
  return plan;
}

}  // namespace

TEST_CASE("phases go to the right and bytes upward, and a box is where its buffer is") {
  const MemoryPlan plan = two_buffers();
  const DrawingSheet sheet{plan, {}, {0, 3}, 50};
  CHECK(sheet.columns() == 4);
  CHECK(sheet.x(1) - sheet.x(0) == sheet.column_width());
  CHECK(sheet.plot_width() == 4 * sheet.column_width());
  CHECK(sheet.y(0) - sheet.y(static_cast<double>(plan.total_bytes())) ==
        doctest::Approx(DrawingSheet::plot_height));
  CHECK(sheet.y(static_cast<double>(plan.total_bytes())) == 50 + DrawingSheet::headroom);
  CHECK(sheet.height() > sheet.y(0));
  CHECK(sheet.width() > sheet.x(4));
  const auto box = sheet.box(1);
  CHECK(box.x == sheet.x(2));
  CHECK(box.width == doctest::Approx(2 * sheet.column_width()));
  CHECK(box.height == doctest::Approx(DrawingSheet::plot_height / 3));
  CHECK(box.y + box.height == doctest::Approx(sheet.y(static_cast<double>(plan.offset(1)))));
}

TEST_CASE("few phases have wide columns, and a plan of nothing has a sheet") {
  MemoryPlan plan;
  plan.place();
  const DrawingSheet sheet{plan, {}, {0, -1}, 0};
  CHECK(sheet.columns() == 1);
  CHECK(sheet.column_width() == 620);
  CHECK(sheet.y(0) == DrawingSheet::headroom + DrawingSheet::plot_height);
}

TEST_CASE("every kind of memory has a colour of its own") {
  std::set<std::string_view> fills;
  for (int kind = 0; kind < 7; ++kind) fills.insert(color_of(static_cast<MemoryKind>(kind)).fill);
  CHECK(fills.size() == 7);
  CHECK_FALSE(fills.contains("#ffffff"));
}
