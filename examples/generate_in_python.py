#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""generate_in_python.py LIBRARY MODEL PROMPT: continues a prompt through octavo.h, by ctypes alone.

LIBRARY is liboctavo_c.so. Each language that calls C does it in this way."""

import ctypes
import sys

WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char),
                         ctypes.c_size_t)


def open_library(path):
    octavo = ctypes.CDLL(path)
    octavo.octavo_error.restype = ctypes.c_char_p
    octavo.octavo_load.restype = ctypes.c_void_p
    octavo.octavo_load.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    octavo.octavo_generate.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, WRITE,
                                       ctypes.c_void_p]
    octavo.octavo_free_model.argtypes = [ctypes.c_void_p]
    return octavo


def main(library, model_path, prompt):
    octavo = open_library(library)

    def write(_, text, size):
        sys.stdout.write(ctypes.string_at(text, size).decode())
        return 0

    model = octavo.octavo_load(model_path.encode(), b"")
    if not model:
        sys.exit(octavo.octavo_error().decode())
    sys.stdout.write(prompt)
    status = octavo.octavo_generate(model, prompt.encode(), b"tokens=60 temperature=0", WRITE(write),
                                    None)
    octavo.octavo_free_model(model)
    if status != 0:
        sys.exit(octavo.octavo_error().decode())
    print()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
