// SPDX-License-Identifier: MIT
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include <octavo/checkpoint/training_checkpoint.hpp>

#include "checkpoint/forged_file.hpp"

using namespace octavo;
using octavo_test::ForgedFile;
using octavo_test::SavedRun;

namespace {

/// A whole header, as many bytes of data behind it, and what is wrong with that.
struct BadHeader {
  const char* json;
  std::size_t data;
  const char* message;
};

const BadHeader headers[] = {
    {"[]", 0, "the header does not begin with '{'"},
    {" {}", 0, "the header does not begin with '{'"},
    {"\xEF\xBB\xBF{}", 0, "the header does not begin with '{'"},
    {"\"a\"", 0, "the header does not begin with '{'"},
    {"{\"a\":", 0, "the header is not a JSON object"},
    {"{}}", 0, "the header is not a JSON object"},
    {"{} x", 0, "the header is not a JSON object"},
    {"{}{}", 0, "the header is not a JSON object"},
    {"{'a':1}", 0, "the header is not a JSON object"},
    {"{\"a\":1,}", 0, "the header is not a JSON object"},
    {"{/**/}", 0, "the header is not a JSON object"},
    {"{\"a\":NaN}", 0, "the header is not a JSON object"},
    {"{\"a\":1e400}", 0, "the header is not a JSON object"},
    {"{\"a\":01}", 0, "the header is not a JSON object"},
    {"{\"\xC3\":1}", 0, "the header is not a JSON object"},
    {"{\"\xC0\x80\":1}", 0, "the header is not a JSON object"},
    {"{\"\xED\xA0\x80\":1}", 0, "the header is not a JSON object"},
    {"{\"\xF4\x90\x80\x80\":1}", 0, "the header is not a JSON object"},
    {R"({"\ud800":1})", 0, "the header is not a JSON object"},
    {"{\"\n\":1}", 0, "the header is not a JSON object"},
    {"{\"a\":1,\"a\":1}", 0, "the header names 'a' twice"},
    {R"({"a":1,"\u0061":1})", 0, "the header names 'a' twice"},
    {R"({"__metadata__":{},"__metadata__":{}})", 0, "the header names '__metadata__' twice"},
    {R"({"__metadata__":{"a":"1","a":"2"}})", 0, "the header names 'a' twice"},
    {R"({"a":{"dtype":"F32","dtype":"F32"}})", 0, "the header names 'dtype' twice"},
    {R"({"a":[{"b":1,"b":1}]})", 0, "the header names 'b' twice"},
    {R"({"a":{"b":{"c":{"d":{}}}}})", 0, "the header nests deeper than 4"},
    {R"({"a":[[[[]]]]})", 0, "the header nests deeper than 4"},
    {R"({"__metadata__":[]})", 0, "'__metadata__' is not an object"},
    {R"({"__metadata__":null})", 0, "it is a safetensors file, but not one of Octavo's"},
    {R"({"__metadata__":"a"})", 0, "'__metadata__' is not an object"},
    {R"({"__metadata__":{"a":1}})", 0, "metadata 'a' is not a string"},
    {R"({"__metadata__":{"a":null}})", 0, "metadata 'a' is not a string"},
    {R"({"__metadata__":{"a":{}}})", 0, "metadata 'a' is not a string"},
    {R"({"__metadata__":{"\u001b[2J":1}})", 0, R"(metadata '\x1b[2J' is not a string)"},
    {"{}", 0, "it is a safetensors file, but not one of Octavo's"},
    {R"({"__metadata__":{}})", 0, "it is a safetensors file, but not one of Octavo's"},
    {R"({"a":1})", 0, "tensor 'a': 'dtype' is missing"},
    {R"({"":[]})", 0, "tensor '': 'dtype' is missing"},
    {"{}", 1, "the tensors end at byte 10 of 11"},
};

/// One change of a good header.
struct BadTensor {
  const char* from;
  const char* to;
  const char* message;
};

#define TABLE R"("transformer.wte.weight":{"dtype":"F32","shape":[5,4],"data_offsets":[0,80]})"

const BadTensor tensors[] = {
    {R"("dtype":"F32",)", "", "tensor 'transformer.wte.weight': 'dtype' is missing"},
    {R"("dtype":"F32")", R"("dtype":32)",
     "tensor 'transformer.wte.weight': 'dtype' is not a string"},
    {"F32", "F31", "tensor 'transformer.wte.weight': its dtype is F31, expected F32"},
    {"F32", "f32", "tensor 'transformer.wte.weight': its dtype is 'f32', expected F32"},
    {"F32", "", "tensor 'transformer.wte.weight': its dtype is '', expected F32"},
    {"F32", "F64", "tensor 'transformer.wte.weight': has 80 bytes, expected 160 from its shape"},
    {"F32", "F16", "tensor 'transformer.wte.weight': has 80 bytes, expected 40 from its shape"},
    {"F32", "I32", "tensor 'transformer.wte.weight': its dtype is I32, expected F32"},
    {R"("F32","shape":[5,4])", R"("F64","shape":[5,2])",
     "tensor 'transformer.wte.weight': its shape is [5, 2], expected [5, 4]"},
    {R"("F32","shape":[2,183])", R"("I32","shape":[2,183])",
     "tensor 'optimizer.state': its dtype is I32, expected F32"},
    {R"("shape":[5,4],)", "", "tensor 'transformer.wte.weight': 'shape' is missing"},
    {"[5,4]", "20", "tensor 'transformer.wte.weight': 'shape' is not a list of at most 8 sizes"},
    {"[5,4]", R"("20")",
     "tensor 'transformer.wte.weight': 'shape' is not a list of at most 8 sizes"},
    {"[5,4]", "[5,4,1,1,1,1,1,1,1]",
     "tensor 'transformer.wte.weight': 'shape' is not a list of at most 8 sizes"},
    {"[5,4]", "[5,-4]", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[5,4.0]", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[5,4e0]", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", R"([5,"4"])", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[5,[4]]", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[5,null]", "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[5,18446744073709551616]",
     "tensor 'transformer.wte.weight': 'shape' is not a whole number"},
    {"[5,4]", "[4194305,4194305,211106198978564]",
     "tensor 'transformer.wte.weight': the shape has more than 2^63 bytes"},
    {"[5,4]", "[4611686018427387909,4]",
     "tensor 'transformer.wte.weight': the shape has more than 2^63 bytes"},
    {"[5,4]", "[9223372036854775808]",
     "tensor 'transformer.wte.weight': the shape has more than 2^63 bytes"},
    {"[5,4]", "[0,18446744073709551615]",
     "tensor 'transformer.wte.weight': the shape has more than 2^63 bytes"},
    {"[5,4]", "[5,3]", "tensor 'transformer.wte.weight': has 80 bytes, expected 60 from its shape"},
    {"[5,4]", "[1000000,1000000]",
     "tensor 'transformer.wte.weight': has 80 bytes, expected 4000000000000 from its shape"},
    {"[5,4]", "[]", "tensor 'transformer.wte.weight': has 80 bytes, expected 4 from its shape"},
    {"[5,4]", "[4,5]", "tensor 'transformer.wte.weight': its shape is [4, 5], expected [5, 4]"},
    {"[5,4]", "[20]", "tensor 'transformer.wte.weight': its shape is [20], expected [5, 4]"},
    {"[5,4]", "[5,4,1]",
     "tensor 'transformer.wte.weight': its shape is [5, 4, 1], expected [5, 4]"},
    {"[2,183]", "[183,2]", "tensor 'optimizer.state': its shape is [183, 2], expected [2, 183]"},
    {"[2,183]", "[366]", "tensor 'optimizer.state': its shape is [366], expected [2, 183]"},
    {R"(,"data_offsets":[0,80])", "", "tensor 'transformer.wte.weight': 'data_offsets' is missing"},
    {"[0,80]", "80", "tensor 'transformer.wte.weight': 'data_offsets' is not a pair"},
    {"[0,80]", "[0]", "tensor 'transformer.wte.weight': 'data_offsets' is not a pair"},
    {"[0,80]", "[0,80,80]", "tensor 'transformer.wte.weight': 'data_offsets' is not a pair"},
    {"[0,80]", "[-1,79]", "tensor 'transformer.wte.weight': 'data_offsets' is not a whole number"},
    {"[0,80]", "[0,80.0]", "tensor 'transformer.wte.weight': 'data_offsets' is not a whole number"},
    {"[0,80]", R"(["0",80])",
     "tensor 'transformer.wte.weight': 'data_offsets' is not a whole number"},
    {"[0,80]", "[80,0]",
     "tensor 'transformer.wte.weight': bytes 80 to 0 are not within the data, which has 2196"},
    {"[0,80]", "[18446744073709551536,0]",
     "tensor 'transformer.wte.weight': bytes 18446744073709551536 to 0 are not within the data, "
     "which has 2196"},
    {"[0,80]", "[0,18446744073709551615]",
     "tensor 'transformer.wte.weight': bytes 0 to 18446744073709551615 are not within the data, "
     "which has 2196"},
    {"[732,2196]", "[733,2197]",
     "tensor 'optimizer.state': bytes 733 to 2197 are not within the data, which has 2196"},
    {"[0,80]", "[80,160]", "the tensors overlap or leave a hole at byte 0"},
    {"[0,80]", "[1,81]", "the tensors overlap or leave a hole at byte 0"},
    {"[80,128]", "[0,48]", "the tensors overlap or leave a hole at byte 48"},
    {"[80,128]", "[79,127]", "the tensors overlap or leave a hole at byte 80"},
    {"[144,160]", "[128,144]", "the tensors overlap or leave a hole at byte 144"},
    {TABLE, R"("transformer.wte.weight":1)", "tensor 'transformer.wte.weight': 'dtype' is missing"},
    {TABLE ",", "", "the tensors overlap or leave a hole at byte 0"},
    {"transformer.wte.weight", "transformer.wte.weighs",
     "tensor 'transformer.wte.weight' is missing"},
    {"optimizer.state", "optimizer.stale", "tensor 'optimizer.state' is missing"},
    {TABLE, TABLE R"(,"evil":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})",
     "tensor 'evil' does not belong to this model"},
    {TABLE, TABLE R"(,"evil":{"dtype":"U8","shape":[80],"data_offsets":[0,80]})",
     "the tensors overlap or leave a hole at byte 80"},
};

#undef TABLE

std::string sealed(const SavedRun& run, auto change) {
  ForgedFile forged = ForgedFile::from(run.good);
  change(forged);
  return forged.seal().bytes();
}

}  // namespace

TEST_CASE("headers that are none are refused") {
  SavedRun run;
  for (const BadHeader& bad : headers) {
    INFO(printable(bad.json));
    CHECK(run.failure(ForgedFile(bad.json, std::string(bad.data, '\0')).bytes()) ==
          std::string(bad.message));
  }
}

TEST_CASE("tensors that are not as their model's are refused") {
  SavedRun run;
  for (const BadTensor& bad : tensors) {
    INFO(std::string(bad.from), " -> ", std::string(bad.to));
    const std::string bytes = sealed(run, [&](auto& file) { file.replace(bad.from, bad.to); });
    CHECK(run.failure(bytes) == std::string(bad.message));
  }
}

TEST_CASE("lengths that lie are refused") {
  SavedRun run;
  const ForgedFile good = ForgedFile::from(run.good);
  const auto message = [&](std::uint64_t length) { return run.failure(good.with_length(length)); };
  const std::string most = std::to_string(run.good.size() - 8);
  CHECK(message(0) == "the header does not begin with '{'");
  CHECK(message(1) == "the header is not a JSON object");
  CHECK(message(2) == "the header is not a JSON object");
  CHECK(message(good.header.size() - 8) == "the header is not a JSON object");
  CHECK(message(good.header.size() + 8) == "the header is not a JSON object");
  CHECK(message(run.good.size() - 8) == "the header is not a JSON object");
  for (const std::uint64_t length :
       {run.good.size() - 7, run.good.size(), std::size_t{1} << 31, std::size_t{1} << 32,
        std::size_t{1} << 63, (std::size_t{1} << 63) - 1, ~std::size_t{0}, ~std::size_t{7}}) {
    CHECK(message(length) ==
          "the header length is " + std::to_string(length) + ", expected at most " + most);
  }
  const ForgedFile large("{" + std::string(1'600'000, ' ') + "}");
  CHECK(run.failure(large.bytes()) == "it is a safetensors file, but not one of Octavo's");
}

TEST_CASE("files that end too early or too late are refused") {
  SavedRun run;
  CHECK(run.failure("") == "it has 0 bytes, expected 10 or more");
  CHECK(run.failure(std::string(9, '\0')) == "it has 9 bytes, expected 10 or more");
  CHECK(run.failure(std::string(10, '\0')) == "the header does not begin with '{'");
  const std::string last = "tensor 'optimizer.state': bytes 732 to 2196 are not within the data, ";
  CHECK(run.failure(run.good.substr(0, run.good.size() - 1)) == last + "which has 2195");
  CHECK(run.failure(sealed(run, [](auto& file) { file.data.pop_back(); })) ==
        last + "which has 2195");
  CHECK(run.failure(run.good + "x") == "the tensors end at byte " +
                                           std::to_string(run.good.size()) + " of " +
                                           std::to_string(run.good.size() + 1));
}

TEST_CASE("files of other programs are named") {
  SavedRun run;
  const auto expected = [](const std::string& what) {
    return "it is " + what + ", expected a safetensors file";
  };
  CHECK(run.failure("PK\x03\x04 and so on") == expected("a zip archive, perhaps PyTorch's"));
  CHECK(run.failure("GGUF and so on") == "it is a text, not a model");
  CHECK(run.failure("\x1f\x8b and so on") == expected("a gzip file"));
  CHECK(run.failure("\x80\x02}q and so on") == expected("a Python pickle, perhaps PyTorch's"));
  CHECK(run.failure("To be or not to be") == "it is a text, not a model");
}

TEST_CASE("more names and values than any model has are refused") {
  SavedRun run;
  const auto many = [](std::string text, std::size_t count, auto part) {
    for (std::size_t i = 0; i < count; ++i) (text += i == 0 ? "" : ",") += part(i);
    return text;
  };
  const auto name = [](std::size_t i) { return "\"" + std::to_string(i) + "\":\"\""; };
  const auto names = [&](std::size_t count) {
    return run.failure(ForgedFile(many(R"({"__metadata__":{)", count, name) + "}}").bytes());
  };
  CHECK(names(29'999) == "it is a safetensors file, but not one of Octavo's");
  CHECK(names(30'000) == "the header has more than 30000 names");
  for (const char* value : {"0", "-1", "0.5", "true", "null", R"("")", "[]", "{}"}) {
    const auto values = [&](std::size_t count) {
      const auto one = [&](std::size_t) { return std::string(value); };
      return run.failure(ForgedFile(many(R"({"a":[)", count, one) + "]}").bytes());
    };
    CHECK(values(99'998) == "tensor 'a': 'dtype' is missing");
    CHECK(values(99'999) == "the header has more than 100000 values");
  }
}
