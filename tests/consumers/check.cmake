# SPDX-License-Identifier: MIT
# Configures, builds and runs one consumer project the way a stranger would, without any flag of
# ours, and looks at what reached its compiler.
#
#   cmake -D consumer=... -D compiler=... -D octavo_source=... -D octavo_build=... -D work=...
#         -P check.cmake
unset(ENV{CXXFLAGS})
unset(ENV{LDFLAGS})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
if(consumer MATCHES "^(add_subdirectory|own_layer)$")
  set(arguments -D OCTAVO_FOLDER=${octavo_source})
elseif(consumer STREQUAL "fetch_content")
  set(arguments -D FETCHCONTENT_SOURCE_DIR_OCTAVO=${octavo_source})
else()
  run(${CMAKE_COMMAND} --install ${octavo_build} --prefix ${work}/prefix)
  set(arguments -D CMAKE_PREFIX_PATH=${work}/prefix)
endif()
if(NOT consumer STREQUAL "find_package_checkpoint")
  # octavo::octavo must not even look for the package that only octavo::checkpoint needs.
  list(APPEND arguments -D CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${consumer} -B ${work}/build ${arguments}
  -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_EXPORT_COMPILE_COMMANDS=ON
  -D CMAKE_PROJECT_consumer_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/untouched.cmake)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer)

if(consumer STREQUAL "own_layer")
  return()  # it sets flags of its own
endif()
file(READ ${work}/build/compile_commands.json commands)
string(JSON count LENGTH "${commands}")
if(NOT count EQUAL 1)
  message(FATAL_ERROR "main.cpp alone should be compiled, but there are ${count} files:\n${commands}")
endif()
string(JSON command GET "${commands}" 0 command)
if(command MATCHES " (-[DOWfm][^ ]*)")
  message(FATAL_ERROR "the flag ${CMAKE_MATCH_1} is not the consumer's:\n${command}")
endif()
