# SPDX-License-Identifier: MIT
# 1 to 4 processes of 1 and 2 threads get the same weights for every family, bit for bit.
#   cmake -D program=.../octavo_mpi_families -D mpirun=.../mpirun -D steps=200 -P families.cmake
set(ENV{OMPI_ALLOW_RUN_AS_ROOT} 1)
set(ENV{OMPI_ALLOW_RUN_AS_ROOT_CONFIRM} 1)
set(ENV{OMPI_MCA_rmaps_base_oversubscribe} 1)
foreach(count 1 2 3 4)
  foreach(threads 1 2)
    if(steps LESS 10 AND count GREATER 2 AND threads EQUAL 2)
      continue()  # in a short test
    endif()
    execute_process(COMMAND ${mpirun} -n ${count} ${program} ${steps} ${threads}
      RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE error TIMEOUT 900)
    if(NOT status STREQUAL 0)
      message(FATAL_ERROR "${count} processes: ${status}\n${out}\n${error}")
    endif()
    if(NOT DEFINED expected)
      set(expected "${out}")
    endif()
    if(NOT out STREQUAL expected)
      message(FATAL_ERROR "${count} processes of ${threads} threads:\n${out}\nexpected:\n${expected}")
    endif()
  endforeach()
endforeach()
string(REGEX MATCHALL ": " lines "${expected}")
list(LENGTH lines lines)
message(STATUS "${lines} runs of ${steps} steps have the same bits on 1 to 4 processes")
