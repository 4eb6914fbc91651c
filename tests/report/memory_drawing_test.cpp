// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/memory_drawing.hpp>

using namespace octavo;

namespace {

/// One tag of a drawing: "<rect x="1"/>" without its brackets.
std::vector<std::string> tags_of(const std::string& drawing) {
  std::vector<std::string> tags;
  for (auto at = drawing.find('<'); at != std::string::npos; at = drawing.find('<', at + 1)) {
    tags.push_back(drawing.substr(at + 1, drawing.find('>', at) - at - 1));
  }
  return tags;
}

/// Why the text is not well-formed; empty if it is. Knows as much of XML as drawings use.
std::string xml_defect(const std::string& text) {
  std::vector<std::string> open;
  for (const std::string& tag : tags_of(text)) {
    if (tag.find('<') != std::string::npos) return "a < that is not escaped: " + tag;
    const std::string name = tag.substr(0, tag.find(' '));
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != name.substr(1)) return "closes what is not open: " + tag;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
    }
  }
  for (auto at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
    const std::string entity = text.substr(at, text.find(';', at) - at + 1);
    if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") {
      return "not an entity: " + entity;
    }
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

double attribute(const std::string& tag, const std::string& name) {
  const auto at = tag.find(" " + name + "=\"");
  REQUIRE(at != std::string::npos);
  return std::strtod(tag.c_str() + at + name.size() + 3, nullptr);
}

svg::Rectangle rectangle_of(const std::string& tag) {
  return {attribute(tag, "x"), attribute(tag, "y"), attribute(tag, "width"),
          attribute(tag, "height")};
}

/// The boxes of the buffers, in the order of booking.
std::vector<svg::Rectangle> boxes_of(const std::string& drawing) {
  std::vector<svg::Rectangle> boxes;
  bool in_buffer = false;
  for (const std::string& tag : tags_of(drawing)) {
    if (tag == "g class=\"buffer\"") in_buffer = true;
    if (!in_buffer || !tag.starts_with("rect ")) continue;
    boxes.push_back(rectangle_of(tag));
    in_buffer = false;
  }
  return boxes;
}

MemoryPlan step_plan() {
  MemoryPlan plan;
  plan.book<float>("run", "weights", MemoryKind::parameters, 1024, {0, 4});
  plan.book<float>("block", "kept", MemoryKind::saved, 512, {1, 3}, 4);
  plan.book<float>("block", "early", MemoryKind::scratch, 256, {1, 1});
  plan.book<float>("block", "late", MemoryKind::scratch, 2048, {2, 3});
  plan.book<float>("block", "hair", MemoryKind::data, 1, {0, 4});
  plan.place();
  return plan;
}

constexpr std::string_view names[] = {"load", "forward", "head", "backward", "update"};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a drawing is well-formed, whatever the names") {
  MemoryPlan plan;
  plan.book<float>("<part>", "a & b > \"c\"", MemoryKind::cache, 4096, {0, 1}, 3);
  plan.place();
  constexpr std::string_view odd[] = {"</svg>", "&amp"};
  const std::string drawing = memory_drawing(plan, odd, "<title> & \"more\"");
  CHECK(xml_defect(drawing) == "");
  CHECK(contains(drawing, "&lt;part&gt;: a &amp; b &gt; &quot;c&quot;\n"));
  CHECK(contains(drawing, ">&lt;title&gt; &amp; &quot;more&quot;</text>"));
  CHECK(contains(drawing, ">&lt;/svg&gt;</text>"));
  CHECK(xml_defect(memory_drawing(step_plan(), names, "a step")) == "");
  CHECK(xml_defect("<a><b></a></b>") != "");
  CHECK(xml_defect("<a>") != "");
  CHECK(xml_defect("<a>&</a>") != "");
}

TEST_CASE("a buffer's box is where the plan puts it, in proportion") {
  const MemoryPlan plan = step_plan();
  const auto boxes = boxes_of(memory_drawing(plan, names, "a step"));
  REQUIRE(boxes.size() == static_cast<std::size_t>(plan.size()));
  const double pixels =
      boxes[0].height / static_cast<double>(MemoryPlan::footprint(plan.request(0)));
  const double floor = boxes[0].y + boxes[0].height;  // weights lie at offset 0
  REQUIRE(plan.offset(0) == 0);
  REQUIRE(pixels > 0);
  const double column = boxes[0].width / 5;
  for (int id = 0; id < plan.size(); ++id) {
    const svg::Rectangle& box = boxes[static_cast<std::size_t>(id)];
    const Lifetime alive = plan.request(id).lifetime;
    const auto bytes = static_cast<double>(MemoryPlan::footprint(plan.request(id)));
    CHECK(std::abs(box.height - bytes * pixels) < 0.01);
    CHECK(std::abs(floor - box.y - box.height - static_cast<double>(plan.offset(id)) * pixels) <
          0.01);
    CHECK(std::abs(box.x - boxes[0].x - column * alive.first) < 0.01);
    CHECK(std::abs(box.width - column * (alive.last - alive.first + 1)) < 0.01);
  }
}

TEST_CASE("everything lies inside the sheet") {
  for (const int last : {0, 1, 4, 30}) {
    MemoryPlan plan;
    for (const MemoryKind kind : memory_kinds) {
      plan.book<float>("run", "all of it", kind, 1000, {0, last});
    }
    plan.place();
    const std::string drawing = memory_drawing(plan, names, "a step");
    const auto tags = tags_of(drawing);
    const double width = attribute(tags.at(0), "width"), height = attribute(tags.at(0), "height");
    for (const std::string& tag : tags) {
      if (!tag.starts_with("rect ")) continue;
      const svg::Rectangle area = rectangle_of(tag);
      CHECK(area.x >= 0);
      CHECK(area.y >= 0);
      CHECK(area.x + area.width <= width);
      CHECK(area.y + area.height <= height);
    }
    CHECK(boxes_of(drawing).size() == memory_kinds.size());
  }
}

TEST_CASE("the exact numbers stand in the drawing") {
  const MemoryPlan plan = step_plan();
  const std::string drawing = memory_drawing(plan, names, "a step");
  CHECK(plan.total_bytes() == 4096 + 64 + 4 * 2048 + 8192);
  CHECK(contains(drawing, ">One block of 20544 bytes (20.5 kB).</text>"));
  CHECK(contains(drawing, ">Most alive at once: 20544 bytes, in: head, backward.</text>"));
  CHECK(contains(drawing, ">total 20544 bytes</text>"));
  CHECK(contains(drawing, ">peak 20.5 kB</text>"));
  CHECK(contains(drawing, ">20 kB</text>"));  // on the axis
  CHECK(contains(drawing,
                 "block: kept\n8192 bytes = 4 copies of 2048\nsaved, alive in forward to "
                 "backward (1 to 3)\noffset "));
}

TEST_CASE("a label stands only where it fits") {
  const std::string drawing = memory_drawing(step_plan(), names, "a step");
  CHECK(contains(drawing, ">run: weights, 4.10 kB</text>"));
  CHECK(contains(drawing, ">block: kept \u00d7 4, 8.19 kB</text>"));
  CHECK(contains(drawing, "block: hair\n"));  // in the tooltip
  CHECK(!contains(drawing, "hair, "));
  CHECK(!contains(drawing, "hair</text>"));
}

TEST_CASE("a drawing can be written piece by piece, none of them large") {
  MemoryPlan plan;
  for (int i = 0; i < 64; ++i) plan.book<float>("run", "a part", MemoryKind::cache, 64, {0, 8});
  plan.place();
  std::string drawing;
  std::size_t largest = 0;
  write_memory_drawing(plan, names, "a step", [&](std::string_view piece) {
    drawing += piece;
    largest = std::max(largest, piece.size());
  });
  CHECK(drawing == memory_drawing(plan, names, "a step"));
  CHECK(drawing.size() > 30'000);
  CHECK(largest < 8'000);
}

TEST_CASE("copies are parted by lines where there is room") {
  const auto parted = [](Index copies) {
    MemoryPlan plan;
    plan.book<float>("run", "kept", MemoryKind::saved, 16, {0, 0}, copies);
    plan.place();
    return contains(memory_drawing(plan, {}, ""), "stroke-dasharray=\"2 3\"");
  };
  CHECK(!parted(1));
  CHECK(parted(2));
  CHECK(!parted(1000));
}

TEST_CASE("a plan of nothing is drawn as nothing") {
  MemoryPlan plan;
  plan.place();
  const std::string drawing = memory_drawing(plan, {}, "nothing");
  CHECK(xml_defect(drawing) == "");
  CHECK(contains(drawing, ">No buffers.</text>"));
  CHECK(boxes_of(drawing).empty());
}
