# SPDX-License-Identifier: MIT
# Installs octavo_c and uses it as strangers do: a program in C by pkg-config and by CMake, one in
# Python by ctypes.
#   cmake -D octavo_build=... -D examples=... -D work=... -P check.cmake
find_program(compiler NAMES gcc clang cc REQUIRED)
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY
    OUTPUT_VARIABLE out)
  set(out "${out}" PARENT_SCOPE)
endfunction()
function(expect text)
  string(FIND "${out}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected: ${text}\ngot: ${out}")
  endif()
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${octavo_build} --prefix ${work}/prefix)
file(GLOB_RECURSE library ${work}/prefix/*/liboctavo_c.so)
cmake_path(GET library PARENT_PATH folder)
set(ENV{LD_LIBRARY_PATH} ${folder})

# By pkg-config, where there is one.
set(flags -I${work}/prefix/include -L${folder} -loctavo_c)
find_program(pkg_config NAMES pkg-config pkgconf)
if(pkg_config)
  set(ENV{PKG_CONFIG_PATH} ${folder}/pkgconfig:${work}/prefix/share/pkgconfig)
  run(${pkg_config} --cflags --libs octavo-c)
  separate_arguments(flags UNIX_COMMAND "${out}")
  run(${pkg_config} --cflags octavo-checkpoint)
  expect(/eigen3)
  expect(/../../include)
else()
  message(STATUS "there is no pkg-config")
endif()
run(${compiler} -std=c99 -Wall -Wextra -Wpedantic -Werror ${examples}/train_in_c.c
  -o ${work}/train_in_c ${flags})
run(${work}/train_in_c ${work}/model.safetensors)
expect("planned: ")
expect("step 300: loss 0.")
expect("The quality of mercy is not strain'd,\nIt droppeth as the gentle rain")
set(written "${out}")

# By CMake.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/find_package -B ${work}/build
  -D CMAKE_C_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${work}/prefix
  -D SOURCE=${examples}/train_in_c.c)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer ${work}/again.safetensors)
if(NOT out STREQUAL written)
  message(FATAL_ERROR "a second run differs:\n${out}\n${written}")
endif()
file(SHA256 ${work}/model.safetensors first)
file(SHA256 ${work}/again.safetensors second)
if(NOT first STREQUAL second)
  message(FATAL_ERROR "the models of two runs differ")
endif()

# Only the names of octavo.h leave the library.
find_program(nm nm)
if(nm)
  run(${nm} -D --defined-only ${library})
  string(REGEX REPLACE "\n$" "" lines "${out}")
  string(REPLACE "\n" ";" lines "${lines}")
  list(FILTER lines EXCLUDE REGEX " (octavo_[a-z_]+@@|A )OCTAVO_[0-9.]+$")
  if(lines)
    message(FATAL_ERROR "the library shows more than octavo.h: ${lines}")
  endif()
endif()

find_program(python python3)
if(NOT python)
  message(STATUS "there is no python3")
  return()
endif()
run(${python} ${examples}/generate_in_python.py ${library} ${work}/model.safetensors "The quality")
expect("The quality of mercy is not strain'd,\nIt droppeth as the gentle rain")
execute_process(COMMAND ${python} ${examples}/generate_in_python.py ${library} /nowhere "The"
  RESULT_VARIABLE status ERROR_VARIABLE error)
if(status EQUAL 0 OR NOT error MATCHES "/nowhere")
  message(FATAL_ERROR "a model that is not there: ${status}\n${error}")
endif()
