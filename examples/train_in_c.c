/* SPDX-License-Identifier: MIT
 * train_in_c [MODEL]: trains a small model on a text through octavo.h, writes with it, and saves it
 * as MODEL (train_in_c.safetensors). */
#include <stdio.h>
#include <string.h>

#include <octavo/octavo.h>

static const char text[] =
    "The quality of mercy is not strain'd,\n"
    "It droppeth as the gentle rain from heaven\n"
    "Upon the place beneath: it is twice blest;\n"
    "It blesseth him that gives and him that takes.\n";

static int print(void *user, const char *piece, size_t bytes) {
  fwrite(piece, 1, bytes, (FILE *)user);
  return 0;
}

static int fail(void) {
  fprintf(stderr, "train_in_c: %s\n", octavo_error());
  return 1;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "train_in_c.safetensors";
  octavo_trainer *trainer =
      octavo_train(text, strlen(text),
                   "layers=1 width=64 heads=2 ff=128 context=32 batch=4 steps=300 lr=3e-3");
  if (trainer == NULL) return fail();
  printf("planned: %lld bytes\n", (long long)octavo_planned_bytes(trainer));

  double loss = 0;
  for (int step = 0; step < 300; ++step) {
    if (octavo_step(trainer, &loss) != 0) return fail();
    if (step % 100 == 99) printf("step %d: loss %.3f\n", step + 1, loss);
  }

  octavo_model *model = octavo_model_of(trainer);
  octavo_free_trainer(trainer);
  if (model == NULL || octavo_save(model, path) != 0) return fail();
  printf("The quality");
  if (octavo_generate(model, "The quality", "tokens=60 temperature=0", print, stdout) != 0) {
    return fail();
  }
  printf("\n");
  octavo_free_model(model);
  return 0;
}
