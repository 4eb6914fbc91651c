// SPDX-License-Identifier: MIT
// The numbers of the format, against those that ggml's documents and header give.
#include <doctest/doctest.h>

#include <octavo/formats/gguf_format.hpp>

using namespace octavo;

static_assert(static_cast<int>(GgufType::u8) == 0 && static_cast<int>(GgufType::i8) == 1);
static_assert(static_cast<int>(GgufType::u16) == 2 && static_cast<int>(GgufType::i16) == 3);
static_assert(static_cast<int>(GgufType::u32) == 4 && static_cast<int>(GgufType::i32) == 5);
static_assert(static_cast<int>(GgufType::f32) == 6 && static_cast<int>(GgufType::boolean) == 7);
static_assert(static_cast<int>(GgufType::string) == 8 && static_cast<int>(GgufType::array) == 9);
static_assert(static_cast<int>(GgufType::u64) == 10 && static_cast<int>(GgufType::i64) == 11);
static_assert(static_cast<int>(GgufType::f64) == 12);

TEST_CASE("values of one number have the bytes that ggml gives them") {
  constexpr std::size_t expected[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  for (std::uint32_t type = 0; type < 13; ++type) {
    CHECK(detail::gguf_bytes(static_cast<GgufType>(type)) == expected[type]);
  }
  CHECK(detail::gguf_bytes(static_cast<GgufType>(13)) == 0);
  CHECK(detail::gguf_bytes(static_cast<GgufType>(~std::uint32_t{0})) == 0);
}

TEST_CASE("types of tensors and of files have ggml's numbers") {
  CHECK(detail::gguf_numbers_of(StoredType::f32).of_tensor == 0);   // GGML_TYPE_F32
  CHECK(detail::gguf_numbers_of(StoredType::f16).of_tensor == 1);   // GGML_TYPE_F16
  CHECK(detail::gguf_numbers_of(StoredType::q8_0).of_tensor == 8);  // GGML_TYPE_Q8_0
  CHECK(detail::gguf_numbers_of(StoredType::bf16).of_tensor == 30);
  CHECK(detail::gguf_numbers_of(StoredType::q4_0).of_tensor == 2);
  CHECK(detail::gguf_numbers_of(StoredType::q5_1).of_tensor == 7);
  CHECK(detail::gguf_numbers_of(StoredType::q4_k).of_tensor == 12);
  CHECK(detail::gguf_numbers_of(StoredType::q6_k).of_tensor == 14);
  CHECK(detail::gguf_numbers_of(StoredType::iq4_xs).of_tensor == 23);
  CHECK(detail::gguf_numbers_of(StoredType::q4_0).of_file == 2);   // LLAMA_FTYPE_MOSTLY_Q4_0
  CHECK(detail::gguf_numbers_of(StoredType::q4_k).of_file == 15);  // ..._Q4_K_M
  CHECK(detail::gguf_numbers_of(StoredType::f32).of_file == 0);    // LLAMA_FTYPE_ALL_F32
  CHECK(detail::gguf_numbers_of(StoredType::f16).of_file == 1);    // LLAMA_FTYPE_MOSTLY_F16
  CHECK(detail::gguf_numbers_of(StoredType::q8_0).of_file == 7);   // LLAMA_FTYPE_MOSTLY_Q8_0
  CHECK(detail::gguf_numbers_of(StoredType::bf16).of_file == 32);
}

TEST_CASE("a tensor's number is its type's again, and no other number is a type") {
  int known = 0;
  for (std::uint32_t number = 0; number < 100; ++number) {
    const auto type = detail::stored_type_of(number);
    if (!type) continue;
    ++known;
    CHECK(detail::gguf_numbers_of(*type).of_tensor == number);
  }
  CHECK(known == 15);
  CHECK(!detail::stored_type_of(~std::uint32_t{0}));
}

TEST_CASE("padding goes to the next multiple, and no further") {
  CHECK(detail::gguf_padded(0, 32) == 0);
  CHECK(detail::gguf_padded(1, 32) == 32);
  CHECK(detail::gguf_padded(32, 32) == 32);
  CHECK(detail::gguf_padded(33, 32) == 64);
  CHECK(detail::gguf_padded(33, 1) == 33);
}
