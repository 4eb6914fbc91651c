// SPDX-License-Identifier: MIT

#include <nlohmann/json.hpp>

#include <octavo/base/version.hpp>

int main() {
  const nlohmann::json document = {{"version", octavo::version_string}};
  return document.contains("version") ? 0 : 1;
}
