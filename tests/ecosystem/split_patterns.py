#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Octavo's splitting and normalization against Python's: the patterns as regular expressions in the
module regex (python3-regex), NFC in unicodedata.

    tests/ecosystem/split_patterns.py build/gcc

24,000 strings for each pattern, the normalization of every code point and of 24,000 strings. Characters
that one of the two does not know yet are left out of the strings: Octavo has Unicode 16.0.
"""
import random
import re
import struct
import subprocess
import sys
import tempfile
import unicodedata

try:
    import regex
except ImportError:
    print("skipped: there is no module regex (apt-get install python3-regex)")
    sys.exit(0)

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
          r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|"
          r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# \s of the module regex has the separators U+001C to U+001F, which are no White_Space.
SPACE = r"\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def compiled(pattern):
    pattern = pattern.replace(r"[^\s", "[^" + SPACE).replace(r"\S", "[^" + SPACE + "]")
    return regex.compile(pattern.replace(r"\s", "[" + SPACE + "]"))


PATTERNS = {"gpt2": GPT2, "llama3": LLAMA3, "qwen2": LLAMA3.replace("{1,3}", ""), "tekken": TEKKEN}
PATTERNS = {name: compiled(pattern) for name, pattern in PATTERNS.items()}
DIGIT = regex.compile(r"\p{N}")


def pieces(name, text):
    if name != "smollm":
        return PATTERNS[name].findall(text)
    result, begin = [], 0
    for digit in DIGIT.finditer(text):
        result += PATTERNS["gpt2"].findall(text[begin:digit.start()]) + [digit.group()]
        begin = digit.end()
    return result + PATTERNS["gpt2"].findall(text[begin:])


WORDS = ("the The of and I i'm don't CamelCase iPhone USA McDonald xXx größe ÜBER naïve здравствуйте МИР "
         "Ελληνικά ΑΒΓ 中文分词 日本語 한국어 हिन्दी العربية עברית ไทย Dž ǅ ʰ ª º ａＢ 𝐀𝐛 ⅷ Ⅷ").split()
SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\v", "\f", "\x85", "\xa0",
          "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b", "\x1c"]
MARKS = [".", ",", "!", "?", "...", " - ", "(", ")", "{", "};", '"', "'", "''", "==", "/", "//", "/\n", "\\",
         "#", "_", "~", "—", "…", "“", "”", "’", "€", "!\n", "!\r\n\n", "\u0301", "\u0308\u0301", "\u20dd"]
ENDINGS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'lL", "'ſ", "'x", "'İ"]
NUMBERS = ["1", "12", "123", "1234", "1234567", "٣٤", "²", "½", "Ⅷ", "① ②", "3.14", " 42", "𝟘𝟙𝟚𝟛"]


def assigned(code):
    return not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)) != "Cn"


def code_point():
    while True:
        plane = random.choice([0, 0, 0, 1, 1, 2, 3, 14, 15, 16])
        code = plane * 0x10000 + random.randrange(0x3000 if plane == 0 and random.random() < .6 else 0x10000)
        if assigned(code):
            return chr(code)


ACTIVE = [chr(code) for code in range(0x300, 0x110000) if assigned(code) and
          (unicodedata.combining(chr(code)) or unicodedata.decomposition(chr(code))[:1] not in ("", "<"))]


def part():
    kind = random.randrange(12)
    if kind < 2:
        return code_point()
    if kind == 2:
        return random.choice(ACTIVE) + random.choice(["", random.choice(ACTIVE), "\u0301", "\u0327\u0301", "\u1161"])
    lists = [SPACES, MARKS, ENDINGS, NUMBERS, WORDS, WORDS, SPACES, WORDS, WORDS]
    return random.choice([" ", "", ""]) + random.choice(lists[kind - 3])


def text():
    result = "".join(part() for _ in range(random.randrange(24)))
    if random.random() < .005:
        result *= 40
    if random.random() < .01:
        result += random.choice(["a", " ", "=", "\n", "é", "中", "1", "A", "\u0301", "\u1100\u1161"]) * random.randrange(600)
    return result


def octavo(program, command, strings):
    with tempfile.NamedTemporaryFile() as file:
        for string in strings:
            data = string.encode()
            file.write(struct.pack("<I", len(data)) + data)
        file.flush()
        output = subprocess.run([program, *command, file.name], check=True, capture_output=True).stdout
    result, at = [], 0
    while at < len(output):  # the size of each list, the size of each text, the texts
        count, at = struct.unpack_from("<I", output, at)[0], at + 4
        items = []
        for _ in range(count):
            size = struct.unpack_from("<I", output, at)[0]
            items.append(output[at + 4:at + 4 + size].decode())
            at += 4 + size
        result.append(items)
    return result


def compare(what, strings, ours, theirs):
    wrong = [i for i, string in enumerate(strings) if ours[i] != theirs(string)]
    for i in wrong[:3]:
        print(ascii({"string": strings[i][:80], "ours": ours[i][:40], "theirs": theirs(strings[i])[:40]}))
    good = not wrong and len(ours) == len(strings)
    print(f"{'ok   ' if good else 'WRONG'} {what}: {len(wrong)} differences in {len(strings)} strings")
    return good


def main():
    random.seed(1)
    program = f"{sys.argv[1]}/tests/octavo_tokens"
    good = True
    for name in ("gpt2", "llama3", "qwen2", "smollm", "tekken"):
        strings = [text() for _ in range(24000)]
        good &= compare(f"{name}, regex {regex.__version__}", strings, octavo(program, ["split", name], strings),
                        lambda string, name=name: pieces(name, string))
    every = [chr(code) for code in range(0x110000) if assigned(code)]
    every += ["A" + chr(code) for code in range(0x300, 0x110000) if assigned(code)]
    version = unicodedata.unidata_version
    for what, strings in (("every code point", every), ("NFC", [text() for _ in range(24000)])):
        good &= compare(f"{what}, Unicode {version}", strings, octavo(program, ["nfc"], strings),
                        lambda string: [unicodedata.normalize("NFC", string)])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
