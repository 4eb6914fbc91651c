// SPDX-License-Identifier: MIT
// The page that trains in a browser (examples/web), whose file OCTAVO_WEB_PAGE names. The numbers
// are those of the same run here. With OCTAVO_SCREENSHOTS=FOLDER it leaves pictures there.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <octavo/c/trainer.hpp>

#include "browser/chromium.hpp"

using browser::Json;

namespace {

/// Resolves when the expression is true; false after two minutes.
std::string until(const std::string& expression) {
  return "(async () => { for (let i = 0; i < 1200; ++i) { if (" + expression +
         ") return true; await new Promise((later) => setTimeout(later, 100)); } return false; "
         "})()";
}

std::string text_of(browser::Chromium& page, const std::string& id) {
  return page.evaluate("document.getElementById('" + id + "').textContent");
}

void set(browser::Chromium& page, const std::string& id, const std::string& value) {
  page.evaluate("document.getElementById('" + id + "').value = " + Json(value).dump());
}
void click(browser::Chromium& page, const std::string& id) {
  page.evaluate("document.getElementById('" + id + "').click()");
}

/// A picture of the page as readers see it, who have no use for its lower edge.
void take_picture(browser::Chromium& page, const std::string& name) {
  const char* folder = std::getenv("OCTAVO_SCREENSHOTS");
  if (folder == nullptr) return;
  const Json shot = page.call("Page.captureScreenshot", {{"captureBeyondViewport", true}});
  std::ofstream(std::filesystem::path(folder) / (name + ".base64"))
      << shot.at("data").get<std::string>();
}

}  // namespace

TEST_CASE(
    "the page trains, writes, saves and loads, with the numbers of a run outside the browser") {
  const char* file = std::getenv("OCTAVO_WEB_PAGE");
  browser::Chromium* page = file == nullptr ? nullptr : browser::any_chromium();
  if (page == nullptr) {
    std::puts("no page: see examples/web/build.sh and OCTAVO_WEB_PAGE");
    return;
  }
  page->show_as(1000, "light");
  page->open(file);
  REQUIRE(page->evaluate(until("!document.getElementById('train').disabled")) == true);
  set(*page, "steps", "150");
  set(*page, "temperature", "0");
  click(*page, "train");
  REQUIRE(page->evaluate(until("document.body.dataset.validation")) == true);
  CHECK(text_of(*page, "error") == "");

  const std::string text = page->evaluate("document.getElementById('text').value");
  octavo::OwnedTrainer trainer(
      text,
      octavo::new_run(text, octavo::OptionText("layers=1 width=64 heads=2 ff=128 context=32 "
                                               "steps=150 lr=3e-3 threads=1")),
      nullptr);
  double loss = 0;
  for (int step = 0; step < 150; ++step) loss = trainer.step().loss;
  CHECK(std::stod(page->evaluate("document.body.dataset.loss").get<std::string>()) == loss);
  CHECK(std::stod(page->evaluate("document.body.dataset.validation").get<std::string>()) ==
        trainer.evaluate());
  CHECK(loss < 2.5);

  octavo::OwnedModel model = trainer.model();
  std::string expected = "To be";
  model.generate("To be", octavo::OptionText("tokens=120 temperature=0"),
                 [&](std::string_view piece) {
                   expected += piece;
                   return true;
                 });
  REQUIRE(page->evaluate(until("document.getElementById('sample').textContent.length > 20")) ==
          true);
  CHECK(text_of(*page, "sample") == expected);

  const std::string planned = std::to_string(trainer.trainer().plan().total_bytes());
  CHECK(page->evaluate("document.getElementById('planned').textContent.replace(/[^0-9]/g, '')") ==
        planned);
  CHECK(page->evaluate("document.querySelectorAll('#drawing svg rect').length").get<int>() > 20);
  std::printf("web page: %s\n", text_of(*page, "figures").c_str());
  take_picture(*page, "desktop");
  for (const int width : {1000, 390}) {
    page->show_as(width, "dark");
    CHECK(page->evaluate("document.documentElement.scrollWidth").get<int>() <= width);
    take_picture(*page, "dark_" + std::to_string(width));
  }

  // What it saves is the file that the library saves here, and it loads that.
  const std::filesystem::path saved = std::filesystem::temp_directory_path() / "octavo_web_model";
  model.save(saved.string());
  page->evaluate(
      "URL.createObjectURL = (blob) => { window.blob = blob; return ''; }; "
      "HTMLAnchorElement.prototype.click = () => {}");
  click(*page, "save");
  REQUIRE(page->evaluate(until("window.blob")) == true);
  CHECK(page->evaluate("window.blob.size").get<std::uintmax_t>() ==
        std::filesystem::file_size(saved));
  page->evaluate(
      "const list = new DataTransfer(); list.items.add(new File([window.blob], 'm.safetensors'));"
      "const input = document.getElementById('file'); input.files = list.files;"
      "input.dispatchEvent(new Event('change'))");
  CHECK(page->evaluate(
            until("document.getElementById('state').textContent.startsWith('Loaded')")) == true);
  page->evaluate("document.getElementById('sample').textContent = ''");
  click(*page, "generate");
  REQUIRE(page->evaluate(until("document.getElementById('sample').textContent")) == true);
  CHECK(text_of(*page, "sample") == expected);
  std::filesystem::remove(saved);

  set(*page, "width", "63");
  click(*page, "train");
  REQUIRE(page->evaluate(until("document.getElementById('error').textContent")) == true);
  CHECK(text_of(*page, "error").find("heads") != std::string::npos);
  browser::check_silence(*page);
}
