// SPDX-License-Identifier: MIT
#include <octavo/checkpoint/model_file.hpp>

// Asks for a model file that is not there: the error must say so.
int main() {
  try {
    octavo::load_model<float>("no such model.safetensors");
  } catch (const octavo::Error& error) {
    return error.code() == octavo::ErrorCode::no_input ? 0 : 1;
  }
  return 1;
}
