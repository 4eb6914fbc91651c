# SPDX-License-Identifier: MIT
"""Makes rows/ten_rows.safetensors: the losses of ten rows of prompt and completion under a model of
the folder family, in float64, by the conventions of TRL's SFTTrainer and transformers: labels are
the row's tokens, -100 in the prompt; the logits of position i are compared with label i + 1; the
loss is the mean over the labels that are not -100, of a row or of all rows.

    python3 tests/reference/make_mask_fixtures.py      (Debian: apt install python3-torch)
"""
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
import make_family_fixtures as family  # noqa: E402
from make_fixtures import write_safetensors  # noqa: E402

MODEL, LENGTH, ROWS = "llama_gqa", 12, 10


def main():
    torch.set_num_threads(1)
    names = list(family.CASES)
    c = family.configuration(family.CASES[MODEL])
    w = family.make_weights(c, family.SEED.get(MODEL, names.index(MODEL)))
    chance = torch.Generator().manual_seed(7)
    draw = lambda low, high: int(torch.randint(low, high, (1,), generator=chance))  # noqa: E731
    tokens = torch.zeros(ROWS, LENGTH, dtype=torch.int32)
    labels = torch.full((ROWS, LENGTH), -100, dtype=torch.int32)
    losses, total, count = [], 0.0, 0
    for i in range(ROWS):
        prompt, completion = draw(0, 6), draw(1, 7)
        length = prompt + completion
        row = torch.randint(c["vocabulary"], (length,), generator=chance)
        of_row = row.clone()
        of_row[:prompt] = -100
        tokens[i, :length], labels[i, :length] = row.int(), of_row.int()
        logits = family.forward(c, w, row[None])[0]
        kept = of_row[1:] != -100
        if not kept.any():  # a completion of one token, with nothing before it
            losses.append(0.0)
            continue
        losses.append(F.cross_entropy(logits[:-1], of_row[1:], ignore_index=-100).item())
        # The same by hand: minus the logarithm of the softmax at each label.
        by_hand = -torch.log(torch.softmax(logits[:-1], -1))[range(length - 1), row[1:]][kept]
        assert abs(by_hand.mean().item() - losses[-1]) < 1e-12
        total, count = total + by_hand.sum().item(), count + int(kept.sum())
    folder = pathlib.Path(__file__).parent / "rows"
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "ten_rows.safetensors",
                      {"tokens": tokens, "labels": labels,
                       "row_losses": torch.tensor(losses, dtype=torch.float64),
                       "loss": torch.tensor([total / count], dtype=torch.float64)},
                      {"format": "pt", "torch": torch.__version__, "model": MODEL})
    print(losses, total / count, count)


if __name__ == "__main__":
    main()
