// SPDX-License-Identifier: MIT
// A small model with a chat template.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <octavo/interop/save_pretrained.hpp>
#include <octavo/interop/tokenizer_folder.hpp>
#include <octavo/numeric/random.hpp>
#include <octavo/transformer/families.hpp>

#include "examples/micro.hpp"

inline const std::string chatml =
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ "
    "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' "
    "}}{% endif %}";

/// A folder "chat" with an untrained model of bytes and two control tokens.
struct ChatFolder : Sandbox {
  explicit ChatFolder(const std::string& chat_template = chatml) {
    octavo::TokenTable table = octavo::token_table_of(octavo::ByteTokenizer());
    for (const char* name : {"<|im_start|>", "<|im_end|>"}) {
      table.tokens.emplace_back(name);
      table.kinds.push_back(octavo::TokenKind::control);
    }
    octavo::PretrainedConfig config;
    config.model = octavo::with_family({.vocabulary = 258,
                                        .context = 256,
                                        .layers = 1,
                                        .width = 16,
                                        .attention = {.heads = 2},
                                        .feed_forward = {.d_ff = 32}},
                                       octavo::Family::smollm2);
    config.trained_length = 256;
    config.begin_token = 256;
    config.end_token = 257;
    config.chat_template = chat_template;
    std::vector<float> weights(static_cast<std::size_t>(octavo::parameter_count(config.model)));
    const octavo::CounterRandom random(3, octavo::RandomStream::initial_weights);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = static_cast<float>(random.uniform(i) - 0.5);
    }
    octavo::save_pretrained<float>(*this / "chat", octavo::standard_model(config.model), config,
                                   weights);
    octavo::save_tokenizer_folder(*this / "chat", table);
  }
};
