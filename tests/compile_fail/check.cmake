# SPDX-License-Identifier: MIT
# Checks that a program is refused for the reason it should be refused for.
#
#   cmake -D compiler=... -D include_folders=... -D source=file.cpp -P check.cmake
#
# The file must compile as it stands. It names the ways to break it in lines of the form
#   // refused with <flags>: <regular expression>
# and for each of them the compiler must fail and say so in its first lines.
set(first_lines 10)

set(command ${compiler} -std=c++20 -fsyntax-only)
foreach(folder IN LISTS include_folders)
  list(APPEND command -I${folder})
endforeach()

function(compile)
  execute_process(COMMAND ${command} ${ARGN} ${source}
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
  set(status ${status} PARENT_SCOPE)
  set(message "${message}" PARENT_SCOPE)
endfunction()

compile()
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${source} must compile as it stands, but:\n${message}")
endif()

file(STRINGS ${source} cases REGEX "^// refused with [^:]+: .+")
if(NOT cases)
  message(FATAL_ERROR "${source} has no line '// refused with <flags>: <regular expression>'")
endif()
foreach(case IN LISTS cases)
  string(REGEX MATCH "^// refused with ([^:]+): (.+)" case "${case}")
  set(flags ${CMAKE_MATCH_1})
  set(expected ${CMAKE_MATCH_2})
  separate_arguments(flag_list UNIX_COMMAND "${flags}")
  compile(${flag_list})
  if(status EQUAL 0)
    message(FATAL_ERROR "${source} with ${flags} must be refused, but it compiles")
  endif()
  set(start "")
  set(rest "${message}")
  foreach(line RANGE 1 ${first_lines})
    if(rest MATCHES "^([^\n]*\n)(.*)$")
      string(APPEND start "${CMAKE_MATCH_1}")
      set(rest "${CMAKE_MATCH_2}")
    endif()
  endforeach()
  if(NOT start MATCHES "${expected}")
    message(FATAL_ERROR "${source} with ${flags} is refused, but the first ${first_lines} lines "
      "do not match '${expected}':\n${start}")
  endif()
endforeach()
