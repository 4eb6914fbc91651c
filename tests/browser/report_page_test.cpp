// SPDX-License-Identifier: MIT
// The page about a run as a browser shows it. Says that it is skipped where there is none.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/report/page.hpp>
#include <octavo/transformer/phases.hpp>

#include "browser/chromium.hpp"
#include "report/example_run.hpp"

using browser::Json;

namespace {

/// A page in a file, as long as this lives.
struct PageFile {
  explicit PageFile(const ExampleRun& example) {
    octavo::save_report(path.string(), example.run, example.history);
  }
  PageFile(const PageFile&) = delete;
  ~PageFile() { std::filesystem::remove(path); }

  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("octavo_page_" + std::to_string(::getpid()) + ".html");
};

/// The corners of a chart's first curve where the screen has them, as steps and values: told by the
/// chart's edges and by the lines of its axis with their numbers.
constexpr const char* read_curve = R"js(id => {
  const svg = document.querySelector(`#${id} .plot svg`), path = svg.querySelector('path');
  const box = svg.getBoundingClientRect(), steps = +svg.closest('figure').dataset.steps;
  const lines = [...svg.querySelectorAll('line.grid')].map(l => l.getBoundingClientRect().top);
  const value = text => parseFloat(text) * (text.endsWith('k') ? 1e3 : 1);
  const labels = [...svg.querySelectorAll('text.y')].map(t => value(t.textContent));
  const last = lines.length - 1;
  const scale = (labels[last] - labels[0]) / (lines[0] - lines[last]);
  const to_screen = path.getScreenCTM();
  const corners = [...path.getAttribute('d').matchAll(/[ML]([\d.]+) ([\d.]+)/g)];
  return {
    pixel: scale,
    points: corners.map(([, x, y]) => {
      const p = new DOMPoint(+x, +y).matrixTransform(to_screen);
      return [(p.x - box.left) / box.width * steps, labels[0] + (lines[0] - p.y) * scale];
    }),
    dots: [...svg.querySelectorAll('circle')].map(dot => {
      const r = dot.getBoundingClientRect();
      return [((r.left + r.right) / 2 - box.left) / box.width * steps,
              labels[0] + (lines[0] - (r.top + r.bottom) / 2) * scale];
    })
  };
})js";

constexpr const char* read_table = R"js(id =>
  [...document.querySelectorAll(`#${id} tbody tr`)].map(
    row => [...row.cells].map(cell => +cell.textContent)))js";

/// What does not fit: how far the page is wider than its window; numbers of axes that lie on each
/// other or beyond the window; letters that are too small.
constexpr const char* find_misfits = R"js((() => {
  const found = [], wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) found.push(`${wide} pixels too wide`);
  const verdict = document.querySelector('#verdict').getBoundingClientRect();
  if (verdict.height < 20 || verdict.bottom > 700) found.push('no verdict at the top');
  for (const card of document.querySelectorAll('.card, .card > *, .command pre')) {
    const box = card.getBoundingClientRect();
    if (box.right > innerWidth || box.left < 0) found.push(`${card.className} is too wide`);
  }
  for (const name of document.querySelectorAll('.map text.box')) {
    const box = name.getBoundingClientRect(), own = name.previousElementSibling;
    if (box.right > own.getBoundingClientRect().right) found.push(`${name.textContent} leaves its box`);
  }
  const rows = {};
  for (const plot of document.querySelectorAll('.charts .plot > svg')) {
    const box = plot.getBoundingClientRect(), row = plot.closest('.card').getBoundingClientRect().top;
    if ((rows[row] ??= box.top) !== box.top) found.push(`${plot.id} lies lower than its neighbour`);
  }
  for (const look of ['x', 'y', 'y2', 'name', 'reference']) {
    for (const svg of document.querySelectorAll('.plot > svg, .map > svg')) {
      const texts = [...svg.querySelectorAll(`text.${look}`)];
      const boxes = texts.map(text => text.getBoundingClientRect());
      boxes.forEach((a, i) => {
        const what = `${texts[i].textContent} of ${(svg.closest('figure') ?? svg.parentElement).id}`;
        if (a.left < 0 || a.right > innerWidth) found.push(`${what} is out of the window`);
        if (parseFloat(getComputedStyle(texts[i]).fontSize) < 11) found.push(`${what} is small`);
        for (const b of boxes.slice(0, i)) {
          const apart = a.left >= b.right || b.left >= a.right || a.top >= b.bottom || b.top >= a.bottom;
          if (!apart) found.push(`${what} is on another`);
        }
      });
    }
  }
  return found;
})())js";

/// The least contrast of letters to what is behind them (WCAG 2), and whose it is.
constexpr const char* least_contrast = R"js((() => {
  const numbers = color => color.match(/[\d.]+/g).map(Number);
  const luminance = color => {
    const [r, g, b] = numbers(color).map(v => v / 255).map(
      v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if ((numbers(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  let least = [99, ''], count = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest('script, title, desc, text.box')) continue;
    const style = getComputedStyle(element);
    const ink = luminance(element instanceof SVGElement ? style.fill : style.color);
    const paper = luminance(behind(element));
    const contrast = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    ++count;
    if (contrast < least[0]) least = [contrast, element.outerHTML.slice(0, 80)];
  }
  for (const box of document.querySelectorAll('.map rect')) {  // and of names on the boxes
    const ink = document.querySelector('.map text.box');
    const [a, b] = [luminance(getComputedStyle(box).fill), luminance(getComputedStyle(ink).fill)];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (contrast < least[0]) least = [contrast, box.className.baseVal];
  }
  return [...least, count];
})())js";

std::string call(const char* function, const std::string& argument) {
  return std::string("(") + function + ")('" + argument + "')";
}

}  // namespace

TEST_CASE("browser: numbers and curves on the screen are the history's") {
  browser::Chromium* page = browser::any_chromium();
  if (page == nullptr) return;
  const ExampleRun example(2000);
  const PageFile file(example);
  page->show_as(800, "light");
  page->open(file.path);
  const auto points = example.history.points();
  const Json rows = page->evaluate(call(read_table, "points"));
  REQUIRE(rows.size() == points.size());
  for (const int width : {400, 1600}) {
    page->show_as(width, "light");
    for (const auto& [chart, place] :
         {std::pair("loss", 1u), {"rate", 2u}, {"norm", 3u}, {"speed", 4u}}) {
      const char* const name = chart;  // clang 14 captures no structured binding
      const unsigned column = place;
      INFO(name, " at ", width);
      const Json curve = page->evaluate(call(read_curve, name));
      const double pixel = curve["pixel"];
      REQUIRE(curve["points"].size() == points.size());
      const std::size_t evaluations = example.history.evaluations().size();
      REQUIRE(curve["dots"].size() == (std::string(name) == "loss" ? evaluations : 0));
      double most_steps = 0, most_pixels = 0;
      for (std::size_t i = 0; i < points.size(); ++i) {
        const octavo::HistoryPoint& point = points[i];
        const double wanted[] = {static_cast<double>(point.step), point.loss, point.learning_rate,
                                 point.gradient_norm, octavo::tokens_per_second(point, 32)};
        const double there = rows[i][column], step = curve["points"][i][0];
        CHECK(there == doctest::Approx(wanted[column]).epsilon(1e-3));
        most_steps = std::max(most_steps, std::abs(step - wanted[0]));
        const double value = curve["points"][i][1];
        most_pixels = std::max(most_pixels, std::abs(value - wanted[column]) / pixel);
      }
      CHECK(most_steps < 0.3);
      CHECK(most_pixels < 0.6);
      for (std::size_t i = 0; i < curve["dots"].size(); ++i) {
        const octavo::EvaluationPoint& point = example.history.evaluations()[i];
        const double step = curve["dots"][i][0], value = curve["dots"][i][1];
        CHECK(std::abs(step - static_cast<double>(point.step)) < 1);
        CHECK(std::abs(value - point.validation_loss) < pixel);
      }
    }
  }
  const std::string numbers = page->evaluate("document.querySelector('.glance').innerText");
  for (const char* number : {"1.504", "1.612", "3:07", "2:05", "123,456", "5.20 MB", "3,008"}) {
    CHECK_MESSAGE(numbers.find(number) != numbers.npos, number);
  }
  const std::string top = page->evaluate("document.querySelector('.hero').innerText");
  for (const char* words : {"1.550", "1.118", "Still improving", "at step 1,750"}) {
    CHECK_MESSAGE(top.find(words) != top.npos, top);
  }
  browser::check_silence(*page);
}

TEST_CASE("browser: it fits and can be read at every width, in light and in dark") {
  browser::Chromium* page = browser::any_chromium();
  if (page == nullptr) return;
  ExampleRun example(2000);
  example.run.configuration.push_back(
      {"Names", {{"a" + std::string(200, 'b'), std::string(500, 'c')}}});
  example.run.resume = std::string(300, 'd');
  octavo::MemoryPlan plan;  // of every kind, with the phases of a Transformer
  for (const octavo::MemoryKind kind : octavo::memory_kinds) {
    const int phase = static_cast<int>(kind);
    plan.book<char>("part", name_of(kind), kind, 1'000'000, {phase, phase + 2});
  }
  plan.place();
  example.run.plan = &plan;
  example.run.phase_names = octavo::phase::names;
  const PageFile file(example);
  page->open(file.path);
  page->evaluate("document.querySelectorAll('details').forEach(one => one.open = true)");
  std::string papers;
  for (const char* scheme : {"light", "dark"}) {
    for (const int width : {320, 400, 761, 800, 1600}) {
      INFO(scheme, " at ", width);
      page->show_as(width, scheme);
      for (const Json& misfit : page->evaluate(find_misfits)) FAIL_CHECK(misfit.dump());
    }
    const Json contrast = page->evaluate(least_contrast);
    CHECK_MESSAGE(contrast[0].get<double>() >= 4.5, contrast.dump());
    CHECK(contrast[2].get<int>() > 100);
    papers += page->evaluate("getComputedStyle(document.body).backgroundColor").get<std::string>();
  }
  CHECK(papers == "rgb(244, 245, 247)rgb(16, 20, 24)");
  page->show_as(680, "dark", "print");
  for (const Json& misfit : page->evaluate(find_misfits)) FAIL_CHECK(misfit.dump());
  CHECK(page->evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)");
  browser::check_silence(*page);
}

TEST_CASE("browser: pointing at a chart tells the numbers, and every chart has a name") {
  browser::Chromium* page = browser::any_chromium();
  if (page == nullptr) return;
  const ExampleRun example(2000);
  const PageFile file(example);
  page->show_as(800, "light");
  page->open(file.path);
  const Json box = page->evaluate(
      "(() => { const r = document.querySelector('#loss .plot svg').getBoundingClientRect();"
      "return [r.left, r.top, r.width]; })()");
  const double left = box[0], top = box[1], width = box[2];
  const Json rows = page->evaluate(call(read_table, "points"));
  for (const double share : {0.0, 0.31, 0.9999}) {
    page->call("Input.dispatchMouseEvent",
               {{"type", "mouseMoved"}, {"x", left + share * width}, {"y", top + 30}});
    const std::string told = page->evaluate("document.querySelector('#loss output').textContent");
    std::size_t nearest = 0;
    const auto distance = [&](std::size_t i) {
      return std::abs(rows[i][0].get<double>() - share * 2000);
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (distance(i) < distance(nearest)) nearest = i;
    }
    const std::string step = std::to_string(rows[nearest][0].get<int>());
    const std::size_t at = told.find(", loss ");
    REQUIRE_MESSAGE(at != told.npos, told);
    CHECK_MESSAGE(told.starts_with("step " + step + ", "), told);
    CHECK(std::stod(told.substr(at + 7)) == doctest::Approx(rows[nearest][1].get<double>()));
    CHECK(told.find(", validation ") != told.npos);
  }
  std::string names;
  const Json tree = page->call("Accessibility.getFullAXTree");
  for (const Json& node : tree.at("nodes")) {
    const std::string role = node.value("role", Json::object()).value("value", "");
    if (role != "image" && role != "img") continue;
    names += node["name"]["value"].get<std::string>() + ", ";
  }
  for (const char* name : {"Loss", "Learning rate", "Gradient norm", "Speed"}) {
    CHECK_MESSAGE(names.find(name) != names.npos, names);
  }
  browser::check_silence(*page);
}

TEST_CASE("browser: text from outside is shown, and does nothing") {
  browser::Chromium* page = browser::any_chromium();
  if (page == nullptr) return;
  ExampleRun example(50);
  const std::string evil =
      "</script><script>window.ran = 1</script><img src=\"http://localhost/x\" onerror=\"ran=2\">"
      "&amp;\xFF\x01 \"'";
  example.run.title = example.run.resume = example.run.generate = evil;
  example.run.configuration = {{evil, {{evil, evil}}}};
  octavo::SamplesFile(example.run.samples, 100).add(5000, evil);
  const PageFile file(example);
  page->open(file.path);
  CHECK(page->evaluate("typeof window.ran") == "undefined");
  CHECK(page->evaluate("document.images.length") == 0);
  CHECK(page->evaluate("document.scripts.length") == 1);
  const std::string shown = evil.substr(0, evil.size() - 5) + "\uFFFD␁ \"'";
  CHECK(page->evaluate("document.title") == shown);
  CHECK(page->evaluate("document.querySelector('h1').textContent") == shown);
  CHECK(page->evaluate("document.querySelector('.samples > pre').textContent") == shown);
  CHECK(page->evaluate("[...document.querySelectorAll('pre')].at(-1).textContent") == shown);
  CHECK(page->evaluate("[...document.querySelectorAll('details pre')].at(-1).textContent") ==
        "qz jw\nkx");
  browser::check_silence(*page);
}
