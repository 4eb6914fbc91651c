// SPDX-License-Identifier: MIT
// Reads a page back, by rules of its own: XML's, but for what stands in <style> and <script>.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace markup {

struct Element {
  std::string tag;
  std::map<std::string, std::string> attributes;
  std::string text;  ///< what stands in it, without the text of elements in it
  std::size_t depth = 0;

  std::string attribute(const std::string& name) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? "" : found->second;
  }
};

/// Its elements in the order in which they begin; tells where it is no well-formed page.
class Page {
 public:
  explicit Page(std::string_view text) : rest_(text) {
    if (rest_.starts_with("<!DOCTYPE html>")) rest_.remove_prefix(15);
    while (!rest_.empty() && error_.empty()) {
      rest_.starts_with('<') ? read_tag() : read_text();
    }
    if (error_.empty() && !open_.empty()) error_ = "never closed: " + elements_[open_.back()].tag;
  }

  /// Empty if it is well-formed.
  const std::string& error() const { return error_; }
  const std::vector<Element>& elements() const { return elements_; }

  std::vector<const Element*> all(const std::string& tag, const std::string& look = "",
                                  const std::string& below = "") const {
    std::vector<const Element*> found;
    std::size_t depth = 0;  // of the element with the id `below`
    bool inside = below.empty();
    for (const Element& one : elements_) {
      if (!below.empty() && inside && one.depth <= depth) inside = false;
      if (!below.empty() && one.attribute("id") == below) inside = true, depth = one.depth;
      const bool wanted = one.tag == tag && (look.empty() || one.attribute("class") == look);
      if (inside && wanted) found.push_back(&one);
    }
    return found;
  }

  /// The numbers of a table's body, row by row.
  std::vector<std::vector<double>> rows(const std::string& id) const {
    std::vector<std::vector<double>> rows;
    for (const Element& one : elements_) {
      if (one.attribute("id") == id) collecting_ = true;
      if (one.tag == "table" && one.attribute("id") != id) collecting_ = false;
      if (!collecting_) continue;
      if (one.tag == "tr") rows.emplace_back();
      if (one.tag == "td") {
        rows.back().push_back(one.text == "-" ? std::nan("") : std::stod(one.text));
      }
    }
    if (!rows.empty() && rows.front().empty()) rows.erase(rows.begin());  // the heading
    return rows;
  }

 private:
  void read_text() {
    const std::string_view text = rest_.substr(0, rest_.find('<'));
    rest_.remove_prefix(text.size());
    if (!open_.empty()) {
      elements_[open_.back()].text += unescaped(text);
    } else if (text.find_first_not_of(" \n") != text.npos) {
      error_ = "text outside all elements";
    }
  }

  void read_tag() {
    const std::size_t end = rest_.find('>');
    if (end == rest_.npos) return void(error_ = "a tag without end");
    std::string_view tag = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      tag.remove_prefix(1);
      if (open_.empty() || elements_[open_.back()].tag != tag) {
        return void(error_ = "</" + std::string(tag) + "> closes nothing");
      }
      return open_.pop_back();
    }
    const bool closed = tag.ends_with('/');
    if (closed) tag.remove_suffix(1);
    Element element;
    element.tag = tag.substr(0, tag.find(' '));
    element.depth = open_.size();
    tag.remove_prefix(element.tag.size());
    while (!tag.empty() && error_.empty()) read_attribute(tag, element);
    elements_.push_back(element);
    if (closed) return;
    open_.push_back(elements_.size() - 1);
    if (element.tag == "script" || element.tag == "style") {
      const std::size_t close = rest_.find("</" + element.tag + ">");
      if (close == rest_.npos) return void(error_ = element.tag + " without end");
      elements_.back().text = rest_.substr(0, close);
      rest_.remove_prefix(close);
    }
  }

  void read_attribute(std::string_view& tag, Element& element) {
    const std::size_t equal = tag.find("=\"");
    const std::size_t end = equal == tag.npos ? tag.npos : tag.find('"', equal + 2);
    if (tag[0] != ' ' || end == tag.npos) return void(error_ = "no attribute: " + std::string(tag));
    const std::string name(tag.substr(1, equal - 1));
    if (element.attributes.count(name) > 0) error_ = "twice: " + name;
    element.attributes[name] = unescaped(tag.substr(equal + 2, end - equal - 2));
    tag.remove_prefix(end + 1);
  }

  std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) error_ = "a control byte";
      if (text[i] != '&') {
        result += text[i];
        continue;
      }
      const std::string_view entity = text.substr(i, text.find(';', i) - i + 1);
      static const std::map<std::string_view, char> known = {
          {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
      const auto found = known.find(entity);
      if (found == known.end()) return error_ = "an ampersand that is no entity", result;
      result += found->second;
      i += entity.size() - 1;
    }
    return result;
  }

  std::string_view rest_;
  std::string error_;
  std::vector<Element> elements_;
  std::vector<std::size_t> open_;
  mutable bool collecting_ = false;
};

}  // namespace markup
