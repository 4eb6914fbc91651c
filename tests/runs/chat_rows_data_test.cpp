// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/runs/chat_rows_data.hpp>

using namespace octavo;

TEST_CASE("the options of rows in words, and back") {
  for (const ChatRowOptions& options :
       {ChatRowOptions{}, ChatRowOptions{TrainOn::all, LongDocument::split, 12}}) {
    CHECK(chat_row_options(words_of(options)) == options);
    CHECK(means_rows(words_of(options)));
  }
  CHECK(words_of(ChatRowOptions{}) == "rows answers cut 0");
  CHECK_FALSE(means_rows("line"));
  for (const char* const words : {"", "rows", "rows answers cut", "rows answers cut -1", "line"}) {
    CHECK_THROWS_AS(chat_row_options(words), ConfigError);
  }
}

TEST_CASE("what is chosen for rows") {
  CHECK(chosen_sequence(1, 1024) == 16);
  CHECK(chosen_sequence(33, 1024) == 48);
  CHECK(chosen_sequence(5000, 1024) == 1024);
  CHECK(chosen_sequence(20, 24) == 24);
  CHECK(chosen_batch(3) == 1);
  CHECK(chosen_batch(60) == 5);
  CHECK(chosen_batch(1000) == 8);
  CHECK(steps_of_epochs(3, 215, 8) == 81);
  CHECK(steps_of_epochs(0.001, 215, 8) == 1);
  CHECK(row_rate_factor(576, false) == 1);
  CHECK(row_rate_factor(64, true) == 9);
  CHECK(row_rate_factor(1152, false) == 0.5);
  CHECK(row_rate_factor(1152, true) == 1);
}
