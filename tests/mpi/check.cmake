# SPDX-License-Identifier: MIT
# Several processes of `program`, started by `mpirun`, write the model that one writes, bit for bit.
#   cmake -D program=.../train_full -D mpirun=.../mpirun -P check.cmake
set(ENV{OMPI_ALLOW_RUN_AS_ROOT} 1)
set(ENV{OMPI_ALLOW_RUN_AS_ROOT_CONFIRM} 1)
set(ENV{OMPI_MCA_rmaps_base_oversubscribe} 1)
file(REMOVE_RECURSE mpi_runs)
file(MAKE_DIRECTORY mpi_runs)
foreach(i RANGE 200)
  string(APPEND text "The ${i}th line of a text, of which no other has a number like it.\n")
endforeach()
file(WRITE mpi_runs/text ${text})
set(any --layers 1 --heads 2 --context 24 --sequence 24 --batch 4 --dropout 0.1
  --sample-every 0 --threads 1 --data mpi_runs/text)
set(common ${any} --eval-every 5 --width 16 --ff 32 --accumulate 2)

function(run expected)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE error
    TIMEOUT 120)
  set(error "${error}" PARENT_SCOPE)
  set(out "${out}" PARENT_SCOPE)
  if(expected STREQUAL "fails" AND NOT status STREQUAL "0")
    return()
  endif()
  if(NOT status STREQUAL expected)
    message(FATAL_ERROR "${ARGN}: ${status}\n${out}\n${error}")
  endif()
endfunction()
# Compares their models, and other files that are named.
function(compare one other)
  foreach(file model ${ARGN})
    file(SHA256 mpi_runs/${one}/${file}.safetensors first)
    file(SHA256 mpi_runs/${other}/${file}.safetensors second)
    if(NOT first STREQUAL second)
      message(FATAL_ERROR "${file} of ${one} and ${other} differ")
    endif()
  endforeach()
endfunction()
function(expect_text where expected)
  string(FIND "${where}" "${expected}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected: ${expected}\ngot: ${where}")
  endif()
endfunction()

# One process with a leaf for each sequence, and as many as divide them.
run(0 ${program} 12 ${common} --leaves 8 --out mpi_runs/one)
foreach(count 1 2 4)
  run(0 ${mpirun} -n ${count} ${program} 12 ${common} --out mpi_runs/of${count})
  compare(one of${count})
endforeach()
foreach(count 2 4)
  run(0 ${mpirun} -n ${count} ${program} 12 ${common} --out mpi_runs/fused${count} --fused-update)
endforeach()
run(0 ${program} 12 ${common} --leaves 8 --out mpi_runs/fused --fused-update)
compare(fused fused2)
compare(fused fused4)

# Saved by four processes, continued by two, and then by one.
run(0 ${program} 12 ${common} --leaves 8 --out mpi_runs/whole --save-every 4)
run(0 ${mpirun} -n 4 ${program} 12 ${common} --out mpi_runs/parts --save-every 4)
compare(whole parts)
foreach(count 2 1)
  file(COPY mpi_runs/parts/ DESTINATION mpi_runs/again${count})
  file(REMOVE mpi_runs/again${count}/checkpoint-00000012.safetensors
    mpi_runs/again${count}/model.safetensors)
  run(0 ${mpirun} -n ${count} ${program} --resume mpi_runs/again${count})
  expect_text("${out}" "8 of 12 steps are done")
  compare(whole again${count})
endforeach()

# The last run is resumed by a program that no launcher started.
file(COPY mpi_runs/parts/ DESTINATION mpi_runs/again)
file(REMOVE mpi_runs/again/checkpoint-00000012.safetensors mpi_runs/again/model.safetensors)
run(0 ${program} --resume mpi_runs/again)
compare(whole again)

# Three processes, each with four of twelve leaves.
set(twelve ${any} --eval-every 5 --width 16 --ff 32 --accumulate 3)
run(0 ${program} 12 ${twelve} --leaves 12 --out mpi_runs/twelve)
run(0 ${mpirun} -n 3 ${program} 12 ${twelve} --out mpi_runs/twelve3)
compare(twelve twelve3)
expect_text("${out}" "processes: ")
expect_text("${out}" "of it; the least: process ")

# Shares of the optimizer's state, in a model with several chunks of the norm.
set(wide ${any} --eval-every 5 --width 64 --ff 256 --accumulate 2 --save-every 4)
run(0 ${program} 12 ${wide} --leaves 8 --out mpi_runs/wide)
foreach(zero 1 2)
  run(0 ${mpirun} -n 4 ${program} 12 ${wide} --zero ${zero} --out mpi_runs/zero${zero})
  compare(wide zero${zero} checkpoint-00000012 checkpoint-00000008 best)
  foreach(count 2 1)
    set(again again_zero${zero}_${count})
    file(COPY mpi_runs/zero${zero}/ DESTINATION mpi_runs/${again})
    file(REMOVE mpi_runs/${again}/checkpoint-00000012.safetensors
      mpi_runs/${again}/model.safetensors)
    run(0 ${mpirun} -n ${count} ${program} --resume mpi_runs/${again} --zero ${zero})
    compare(wide ${again} checkpoint-00000012)
  endforeach()
endforeach()
run(0 ${mpirun} -n 2 ${program} 12 ${wide} --zero 1 --fused-update
  --out mpi_runs/wide_fused2)
run(0 ${program} 12 ${wide} --leaves 8 --fused-update --out mpi_runs/wide_fused)
compare(wide_fused wide_fused2 checkpoint-00000012)

# Rounds of steps without each other: with one process, one step a round and no momentum a run
# without rounds; saved by three processes, continued by two.
set(alone ${any} --width 16 --ff 32 --accumulate 2)
run(0 ${program} 12 ${alone} --out mpi_runs/alone)
run(0 ${mpirun} -n 1 ${program} 12 ${alone} --diloco 1 --outer-lr 1 --outer-momentum 0
  --out mpi_runs/round1)
compare(alone round1)
run(0 ${mpirun} -n 3 ${program} 12 ${alone} --diloco 4 --eval-every 4 --save-every 5 --outer-8bit
  --out mpi_runs/rounds)
file(REMOVE mpi_runs/rounds/checkpoint-00000012.safetensors mpi_runs/rounds/model.safetensors)
file(COPY mpi_runs/rounds/ DESTINATION mpi_runs/fewer)
run(0 ${mpirun} -n 2 ${program} --resume mpi_runs/fewer)
expect_text("${out}" "8 of 12 steps are done")
run(fails ${mpirun} -n 2 ${program} 12 ${alone} --diloco 4 --eval-every 6 --out mpi_runs/refused)
expect_text("${error}" "evaluate_every: got 6, expected a multiple of diloco, 4")

# What several processes cannot do is refused, by one of them.
run(fails ${mpirun} -n 3 ${program} 12 ${common} --out mpi_runs/refused)
expect_text("${error}" "--leaves: got 8, which cannot be dealt evenly to 3 processes")
run(fails ${mpirun} -n 2 ${program} 12 --tiny --threads 1 --out mpi_runs/refused)
expect_text("${error}" "--batch: got 1 sequences a step, too few for 2 processes")
run(fails ${mpirun} -n 1 ${program} 12 ${common} --out mpi_runs/refused
  : -n 1 ${program} 12 ${common} --lr 0.002 --out mpi_runs/refused)
expect_text("${error}" "processes 0 and 1 differ in their options")
file(WRITE mpi_runs/other "${text}One more line.\n")
string(REPLACE mpi_runs/text mpi_runs/other with_other "${common}")
run(fails ${mpirun} -n 1 ${program} 12 ${common} --out mpi_runs/refused
  : -n 1 ${program} 12 ${with_other} --out mpi_runs/refused)
expect_text("${error}" "processes 0 and 1 differ in their text")

# Processes that share steps diverge together, and one says so.
run(fails ${mpirun} -n 2 ${program} 50 ${common} --lr 1e30 --clip 0 --out mpi_runs/diverged)
string(REGEX MATCHALL "train_full: error: training diverged" messages "${error}")
list(LENGTH messages count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "expected one message about the divergence, got ${count}:\n${error}")
endif()
