# SPDX-License-Identifier: MIT
"""llama_cpp_quantize.py LIBRARIES FROM.gguf NAME=NUMBER...: quantizes a file with llama.cpp's own
quantizer, once for each type: NUMBER is llama.cpp's of a file's type (enum llama_ftype), and the
file is FROM-NAME.gguf. LIBRARIES: the folder of the prebuilt libraries. llama_cpp.sh uses it.
"""
import ctypes
import pathlib
import sys


class Parameters(ctypes.Structure):
    """The first fields of struct llama_model_quantize_params, which are not those of every version:
    the rest is left as llama.cpp fills it in."""
    _fields_ = [("threads", ctypes.c_int32), ("type", ctypes.c_int32),
                ("output_type", ctypes.c_int32), ("table_type", ctypes.c_int32),
                ("allow_requantize", ctypes.c_bool), ("quantize_output", ctypes.c_bool),
                ("only_copy", ctypes.c_bool), ("pure", ctypes.c_bool),
                ("rest", ctypes.c_uint8 * 492)]


def libraries(folder):
    """ggml's and llama.cpp's library, of whatever version."""
    def load(pattern):
        path = next(path for path in folder.glob(pattern) if "common" not in path.name)
        return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    load("libggml-base*.so")
    return load("libggml.*so"), load("libllama.*so")


def main(folder, source, types):
    ggml, llama = libraries(pathlib.Path(folder))
    if not hasattr(llama, "llama_model_quantize"):
        sys.exit("the libraries have no llama_model_quantize")
    ggml.ggml_backend_load_all_from_path(str(folder).encode())
    log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    silent = log(lambda level, text, data: None)
    llama.llama_log_set(silent, None)
    llama.llama_model_quantize_default_params.restype = Parameters
    llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p,
                                           ctypes.POINTER(Parameters)]
    for name, number in (one.split("=") for one in types):
        parameters = llama.llama_model_quantize_default_params()
        # If the fields were others, these would not have llama.cpp's defaults.
        flags = (parameters.allow_requantize, parameters.quantize_output, parameters.only_copy,
                 parameters.pure)
        if parameters.type != 7 or flags != (False, True, False, False):
            sys.exit("this version's llama_model_quantize_params is another")
        parameters.threads, parameters.type = 1, int(number)
        target = f"{source.removesuffix('.gguf')}-{name}.gguf"
        status = llama.llama_model_quantize(source.encode(), target.encode(),
                                            ctypes.byref(parameters))
        if status != 0:
            sys.exit(f"llama.cpp could not make {target}: {status}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
