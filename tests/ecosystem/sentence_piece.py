#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Octavo's reading of tokenizer.model against SentencePiece itself (python3-sentencepiece).

    tests/ecosystem/sentence_piece.py build/gcc [TEXT]

Trains models of byte pairs on TEXT (or on words made here), with byte fallback and without, with a
space before the text and without, with pieces of the user's; compares the tokens of 20,000 strings for
each. With --fixture FOLDER writes the small model and the tokens that sentence_piece_file_test.cpp reads.
"""
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import sentencepiece
except ImportError:
    print("skipped: there is no module sentencepiece (apt-get install python3-sentencepiece)")
    sys.exit(0)

import split_patterns

COMMON = dict(model_type="bpe", normalization_rule_name="identity", remove_extra_whitespaces=False,
              max_sentence_length=100000, split_digits=True, minloglevel=2, num_threads=1)
MODELS = {
    "bytes": dict(byte_fallback=True),
    "unknown": dict(),
    "no space": dict(byte_fallback=True, add_dummy_prefix=False),
    "across words": dict(byte_fallback=True, split_by_whitespace=False, split_by_unicode_script=False,
                         split_by_number=False, allow_whitespace_only_pieces=True),
    "user's pieces": dict(byte_fallback=True, allow_whitespace_only_pieces=True,
                          user_defined_symbols=["<m>", "the", "  ", "é"]),
}


def train(text, size, **more):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(text.split("\n")), model_writer=model,
                                             vocab_size=size, **COMMON, **more)
    return model.getvalue()


def strings(count):
    own = ["<m>", "the", "é", "▁", "▁▁", "\0", "<s>", "</s>", "<unk>", "<0x0A>"]
    for _ in range(count):
        text = split_patterns.text()
        if random.random() < .3:
            text += random.choice(own) + split_patterns.part() + random.choice(own)
        yield text


def octavo(program, folder, texts):
    with tempfile.NamedTemporaryFile() as file:
        for text in texts:
            data = text.encode()
            file.write(len(data).to_bytes(4, "little") + data)
        file.flush()
        output = subprocess.run([program, "encode", folder, file.name], check=True, capture_output=True).stdout
    return [json.loads(line) for line in output.decode().splitlines()]


def fixture(folder):
    random.seed(3)
    text = "\n".join(" ".join(split_patterns.WORDS * 2 + ["the cat", "a mat", "the the"] * 20) for _ in range(3))
    model = train(text, 420, byte_fallback=True, character_coverage=.98)
    path = pathlib.Path(folder)
    (path / "sentence_piece.model").write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = ["", " ", "the cat", "  the  cat ", "a\nb\t", "größe 12345", "😀 é", "▁the", "the<s>the", "aaaaaaa"]
    texts += [string[:60] for string in strings(40)]
    pairs = [{"text": text, "ids": processor.encode(text), "back": processor.decode(processor.encode(text))}
             for text in texts]
    lines = ",\n".join(json.dumps(pair, ensure_ascii=True) for pair in pairs)
    (path / "sentence_piece.json").write_text(f"[{lines}]\n")


def main():
    if sys.argv[1] == "--fixture":
        fixture(sys.argv[2])
        return 0
    random.seed(2)
    lists = split_patterns.WORDS + split_patterns.NUMBERS + split_patterns.ENDINGS + [" ", "  ", "the cat", "{\"a\":"]
    words = "\n".join(" ".join(random.choice(lists) + random.choice(lists) for _ in range(20)) for _ in range(3000))
    text = pathlib.Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else words.replace("\0", "")
    good = True
    for name, more in MODELS.items():
        model = train(text[:400000], 2000, **more)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "tokenizer.model").write_bytes(model)
            texts = list(strings(20000))
            ours = octavo(f"{sys.argv[1]}/tests/octavo_tokens", folder, texts)
            good &= split_patterns.compare(f"SentencePiece {sentencepiece.__version__}, {name}", texts, ours,
                                           processor.encode)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
