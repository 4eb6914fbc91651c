// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <octavo/runs/chat_rows_data.hpp>
#include <octavo/transformer/model_description.hpp>

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
  CHECK(chosen_rate(576, false) == 1e-4);
  CHECK(chosen_rate(576, true) == 1e-3);
  CHECK(chosen_rate(36, true) == 8e-3);
  CHECK(chosen_rate(1152, false) == 0.5e-4);
  CHECK(chosen_rate(4096, true) == doctest::Approx(2.296e-4).epsilon(1e-3));
}

TEST_CASE(
    "a head of no more numbers than the adapters trains besides them, if it is the model's own") {
  ModelConfig config{.vocabulary = 300,
                     .context = 16,
                     .layers = 2,
                     .width = 16,
                     .attention = {.heads = 2},
                     .feed_forward = {.d_ff = 32}};
  const auto trains = [&](Index rank) {
    ModelConfig adapted = config;
    adapted.lora.rank = rank;
    return head_trains(standard_model(adapted).parameters);
  };
  CHECK_FALSE(trains(1));
  CHECK(trains(16));
  config.head.tied = true;
  CHECK_FALSE(trains(16));
}
