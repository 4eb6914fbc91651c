// SPDX-License-Identifier: MIT
// Files that other programs have written anew, with the metadata that was there: what says the same
// loads, with every check that still has a meaning; what says something else is no run.
#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkpoint/forged_file.hpp"
#include "interop/gpt2_folder.hpp"

using namespace octavo;
using namespace octavo_test;

namespace {

using Json = nlohmann::ordered_json;

/// A tensor of a file, its header's entry and its bytes.
struct Tensor {
  std::string name;
  Json entry;
  std::string bytes;
};

using Change = std::function<void(std::vector<Tensor>&, Json& metadata)>;

/// The file as a program writes it that reads and writes JSON: names of the metadata in another
/// order, blanks, the data laid out anew.
std::string rewritten(const std::string& bytes, const Change& change = {}) {
  const ForgedFile file = ForgedFile::from(bytes);
  const Json before = file.json();
  std::vector<Tensor> tensors;
  Json metadata;
  for (const auto& [name, entry] : before.items()) {
    if (name == "__metadata__") {
      std::vector<std::pair<std::string, Json>> entries;
      for (const auto& [key, value] : entry.items()) entries.emplace_back(key, value);
      std::reverse(entries.begin(), entries.end());
      for (const auto& [key, value] : entries) metadata[key] = value;
      continue;
    }
    const std::size_t first = entry["data_offsets"][0], last = entry["data_offsets"][1];
    tensors.push_back({name, entry, file.data.substr(first, last - first)});
  }
  if (change) change(tensors, metadata);
  Json header;
  std::string data;
  for (Tensor& tensor : tensors) {
    tensor.entry["data_offsets"] = {data.size(), data.size() + tensor.bytes.size()};
    header[tensor.name] = tensor.entry;
    data += tensor.bytes;
  }
  header["__metadata__"] = metadata;
  return ForgedFile(header.dump(1), data).bytes();
}

void sort_by_name(std::vector<Tensor>& tensors, Json&) {
  std::sort(tensors.begin(), tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
}

/// The numbers of float tensors as F16: none of them matters, but that they are other bytes.
void halve(std::vector<Tensor>& tensors, Json&) {
  for (Tensor& tensor : tensors) {
    tensor.entry["dtype"] = "F16";
    tensor.bytes = std::string(tensor.bytes.size() / 2, '\1');
  }
}

void flip_a_bit(std::vector<Tensor>& tensors, Json&) { tensors.at(1).bytes.at(2) ^= 1; }

/// What is said about a folder with this model.safetensors behind the file's name; empty: it loads.
std::string folder_failure(const std::string& bytes) {
  TestFolder folder = TestFolder::good();
  folder.files["model.safetensors"] = bytes;
  return folder.failure();
}

std::string model_failure(const std::string& bytes) {
  try {
    const MemorySource source("x", std::as_bytes(std::span(bytes)));
    load_model<float>(source);
    return {};
  } catch (const FormatError& error) {
    return error.what();
  }
}

std::string model_bytes() {
  const ParameterList list = Transformer<float>(full_shape).parameters();
  const std::vector<float> weights(static_cast<std::size_t>(list.count()), 0.5F);
  return saved_bytes([&](const std::string& path, FileSystem& files) {
    save_model<float>(path, standard_model(full_shape), 2, four_letters, weights, files);
  });
}

}  // namespace

TEST_CASE("a checkpoint that was written anew goes on, to the bit") {
  for (const AnyOptimizer& optimizer : {AnyOptimizer(AdamW{}), AnyOptimizer(AdamW8bit{})}) {
    SavedRun run(full_shape, optimizer);
    for (const Change& change : {Change(), Change(sort_by_name)}) {
      CHECK(run.failure(rewritten(run.good, change)) == "");
      CHECK(checkpoint_bytes(run.other) == run.good);
    }
  }
}

TEST_CASE("a checkpoint that was written anew is checked as before") {
  SavedRun run;
  CHECK(run.failure(rewritten(run.good, flip_a_bit)).find("its CRC-32C is ") != std::string::npos);
  const auto sorted_and_flipped = [](std::vector<Tensor>& tensors, Json& metadata) {
    sort_by_name(tensors, metadata);
    flip_a_bit(tensors, metadata);
  };
  CHECK(run.failure(rewritten(run.good, sorted_and_flipped)).find("its CRC-32C is ") !=
        std::string::npos);
  // Each entry of the metadata matters.
  for (const std::string& key : ForgedFile::from(run.good).metadata_keys()) {
    CAPTURE(key);
    CHECK(run.failure(rewritten(run.good, [&](auto&, Json& metadata) {
      std::string text = metadata[key];
      if (text.empty()) text = " ";
      text.back() = text.back() == '1' ? '2' : '1';
      metadata[key] = text;
    })) != "");
    CHECK(run.failure(rewritten(run.good, [&](auto&, Json& metadata) { metadata.erase(key); })) !=
          "");
  }
  CHECK(run.failure(rewritten(run.good, [](auto&, Json& metadata) { metadata["more"] = "1"; }))
            .starts_with("the header's CRC-32C is "));
  CHECK(run.failure(rewritten(run.good, [](auto&, Json& metadata) { metadata["\xC3\xA9"] = "1"; }))
            .starts_with("the header's CRC-32C is "));
  // Two tensors of one shape that have changed places.
  CHECK(run.failure(rewritten(run.good, [](std::vector<Tensor>& tensors, Json&) {
    const auto named = [&](std::string_view name) {
      return std::find_if(tensors.begin(), tensors.end(),
                          [&](const Tensor& tensor) { return tensor.name == name; });
    };
    const auto a = named("transformer.h.0.ln_1.weight"), b = named("transformer.h.0.ln_2.weight");
    REQUIRE((a != tensors.end() && b != tensors.end()));
    a->bytes[1] ^= 2;
    std::swap(a->name, b->name);
  })) != "");
}

TEST_CASE("a model file that was written anew loads; one that says something else does not") {
  const std::string good = model_bytes();
  CHECK(model_failure(rewritten(good)) == "");
  CHECK(model_failure(rewritten(good, sort_by_name)) == "");
  CHECK(model_failure(rewritten(good, flip_a_bit)).find("its CRC-32C is ") != std::string::npos);
  for (const char* key : {"trained_length", "heads", "activation", "alphabet"}) {
    CAPTURE(key);
    CHECK(model_failure(rewritten(good, [&](auto&, Json& metadata) {
            std::string text = metadata[key];
            text.back() = text.back() == '1' ? '2' : '1';
            metadata[key] = text;
          })) != "");
  }
  SavedRun run;
  CHECK(model_failure(rewritten(run.good, sort_by_name)) == "");
  // As double: the numbers have no checksums any more, what the metadata says still has.
  const auto doubled = [](std::vector<Tensor>& tensors, Json&) {
    for (Tensor& tensor : tensors) {
      tensor.entry["dtype"] = "F64";
      std::string bytes;
      for (std::size_t i = 0; i < tensor.bytes.size(); i += sizeof(float)) {
        float number = 0;
        std::memcpy(&number, tensor.bytes.data() + i, sizeof(number));
        const auto wide = static_cast<double>(number);
        bytes.append(reinterpret_cast<const char*>(&wide), sizeof(wide));
      }
      tensor.bytes = bytes;
    }
  };
  CHECK(model_failure(rewritten(good, doubled)) == "");
  CHECK(model_failure(rewritten(good, [&](auto& tensors, Json& metadata) {
          doubled(tensors, metadata);
          metadata["trained_length"] = "1";
        })).find("the header's CRC-32C is ") != std::string::npos);
}

TEST_CASE("a folder whose file was written anew, in other numbers or under other names, loads") {
  const std::string good = TestFolder::good().files.at("model.safetensors");
  CHECK(folder_failure(rewritten(good)) == "");
  CHECK(folder_failure(rewritten(good, sort_by_name)) == "");
  CHECK(folder_failure(rewritten(good, halve)) == "");
  CHECK(folder_failure(rewritten(good, [](std::vector<Tensor>& tensors, Json&) {
          for (Tensor& tensor : tensors) {
            tensor.name = tensor.name.substr(std::string("transformer.").size());
          }
        })) == "");
  CHECK(folder_failure(rewritten(good, [](std::vector<Tensor>& tensors, Json&) {
          tensors.push_back({"lm_head.weight", tensors.front().entry, tensors.front().bytes});
        })) == "");
  // The checksums of tensors that are as they were still say what is wrong.
  CHECK(folder_failure(rewritten(good, flip_a_bit)).find("its CRC-32C is ") != std::string::npos);
}
