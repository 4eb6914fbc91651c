// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <octavo/kernels/lines_of_group.hpp>

#include "kernels/decoded_vectors.hpp"
#include "kernels/stored_product.hpp"

using namespace kernel_test;

TEST_CASE("a block of neighbouring lines has the numbers of each of them") {
  for_each_instruction_set([] {
    for (const StoredType type : octavo_test::every_stored_type) {
      const Index block = detail::numbers_of_group_block(type);
      const octavo_test::RandomMatrix random(type, StoredLayout::grouped, 16, 2 * block);
      Index wrong = 0;
      for (const Index first : {Index{0}, block}) {
        const std::byte* const bytes =
            random.matrix.data + (first == 0 ? 0 : detail::group_block_bytes(type));
        const std::vector<float> numbers = numbers_of_block(type, bytes);
        REQUIRE(std::ssize(numbers) == 16 * block);
        for (Index line = 0; line < 16; ++line) {
          for (Index i = 0; i < block; ++i) {
            wrong += numbers[static_cast<std::size_t>(line * block + i)] !=
                     random.numbers[static_cast<std::size_t>(line * 2 * block + first + i)];
          }
        }
      }
      INFO(std::string(name_of(type)), ", ", std::string(name_of(isa_in_use())));
      CHECK(wrong == 0);
    }
  });
}
