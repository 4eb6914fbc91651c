// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"
#include "heap_guard/heap_guard.hpp"

using namespace octavo;
using octavo_test::ForgedFile;
using octavo_test::HeapPeak;

namespace {

std::string repeated(std::size_t count, const std::string& part, const std::string& end = {}) {
  std::string text;
  text.reserve(count * part.size() + end.size());
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text + end;
}

/// "begin" 0 "end", "begin" 1 "end", ...
std::string counted(std::size_t count, const std::string& begin, const std::string& end) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : ",") + begin + std::to_string(i) + end;
  }
  return text;
}

std::string metadata(const std::string& inside) { return R"({"__metadata__":{)" + inside + "}}"; }

std::string values(const std::string& inside) { return R"({"a":[)" + inside + "]}"; }

/// The header of a checkpoint with these tensors instead of its own, all of them empty.
ForgedFile of_empty_tensors(std::size_t count, const std::string& layers) {
  ForgedFile file = ForgedFile::from(octavo_test::SavedRun(octavo_test::least_shape).good);
  for (const char* size : {"vocabulary", "context", "heads", "width", "d_ff"}) file.set(size, "1");
  file.set("layers", layers)
      .set("trained_length", "1")
      .set("alphabet", "")
      .set("sequence", "1")
      .set("norm_bias", "1")
      .set("attention_bias", "1")
      .set("ff_bias", "1")
      .set("head_bias", "1");
  file.data.clear();
  file.header.resize(file.header.find("}") + 1);
  file.header += "," + counted(count, "\"", R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  file.header += "}";
  return file;
}

void check_heap(const std::string& name, const std::string& bytes, std::size_t times = 2) {
  INFO(name);
  std::size_t held = 0;
  bool refused = false;
  {
    const HeapPeak peak;
    try {
      const MemorySource source("x", std::as_bytes(std::span(bytes)));
      CheckpointFile(source).verify();
    } catch (const FormatError&) {
      refused = true;
    }
    held = peak.bytes();
  }
  CHECK(refused);
  CHECK(held <= times * bytes.size() + (std::size_t{16} << 20));
}

}  // namespace

TEST_CASE("refusing a file never takes much more memory than its size and 16 MiB") {
  const auto check = [](const std::string& name, const std::string& header) {
    check_heap(name, ForgedFile(header).bytes());
  };
  const std::string long_text(990, 'a');
  for (const std::size_t size : {std::size_t{700'000}, std::size_t{3'000'000}}) {
    const std::string nested = repeated(size / 2 - 9, "[", repeated(size / 2 - 9, "]"));
    check("nested lists", nested);
    check("nested lists inside", R"({"a":)" + nested + "}");
    check("nested objects", repeated(size / 6 - 9, R"({"":)", "1" + repeated(size / 6 - 9, "}")));
    check("one long name", metadata("\"" + std::string(size - 99, 'a') + "\":\"\""));
    check("one long value", metadata("\"a\":\"" + std::string(size - 99, 'a') + "\""));
    check("one long number", values(std::string(size - 99, '1')));
    check("one long text", values("\"" + std::string(size - 99, 'a') + "\""));
    check("spaces", "{" + std::string(size - 99, ' ') + "}");
    check("long names", metadata(counted(size / 1010, "\"" + long_text, "\":\"\"")));
    check("long values", metadata(counted(size / 1010, "\"", "\":\"" + long_text + "\"")));
  }
  // The format allows headers of a hundred megabytes.
  const std::string much(20'000'000, 'a');
  for (const std::string& header :
       {"{" + std::string(much.size(), ' ') + "}", metadata("\"a\":\"" + much + "\""),
        metadata("\"" + much + "\":\"\""), values("\"" + much + "\""),
        values(std::string(much.size(), '1'))}) {
    check_heap(header.substr(0, 24), ForgedFile(header).bytes(), 5);
  }
  // As many as there may be, and more.
  for (const std::size_t count : {99'990U, 400'000U}) {
    check("empty lists", values(repeated(count, "[],", "1")));
    check("empty objects", values(repeated(count, "{},", "1")));
    check("numbers", values(repeated(count, "0,", "1")));
    check("texts", values(repeated(count, R"("",)", "1")));
    check("longer texts", values(repeated(count / 2, R"("1234567890123456",)", "1")));
  }
  for (const std::size_t count : {29'990U, 100'000U}) {
    check("names in the metadata", metadata(counted(count, "\"", R"(":"")")));
    check("longer names in it", metadata(counted(count, "\"1234567890123456", R"(":"")")));
    check("names of tensors", "{" + counted(count, "\"", "\":1") + "}");
    check("tensors of nothing", "{" + counted(count, "\"", "\":{}") + "}");
    check("tensors of lists", "{" + counted(count, "\"", "\":[1]") + "}");
  }
  for (const std::size_t tensors : {100U, 3'000U, 4'900U, 7'400U}) {
    for (const std::size_t layers : {tensors / 6, tensors / 4, tensors}) {
      check_heap(std::to_string(layers) + " layers of nothing",
                 of_empty_tensors(tensors, std::to_string(layers)).seal().bytes());
    }
  }
}
