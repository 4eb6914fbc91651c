# SPDX-License-Identifier: MIT
# Configures, builds and runs one consumer project the way a stranger would, without any flag of
# ours, and looks at what reached its compiler.
#
#   cmake -D consumer=... -D compiler=... -D octavo_source=... -D octavo_build=... -D work=...
#         -D include_folders=... -P check.cmake
#
# A consumer is the folder of that name, or one of the cases below that configure such a folder in
# another way. `include_folders` are those that our own tests use: the dependencies lie in them.
unset(ENV{CXXFLAGS})
unset(ENV{LDFLAGS})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(install_octavo)
  run(${CMAKE_COMMAND} --install ${octavo_build} --prefix ${work}/prefix)
endfunction()

# As a stranger installs it: no option, no preset. What is not installed is not built, and nothing is
# optimised, for the sake of time.
function(install_octavo_by_default)
  run(${CMAKE_COMMAND} -S ${octavo_source} -B ${work}/octavo -D CMAKE_CXX_COMPILER=${compiler}
    -D CMAKE_CXX_FLAGS_RELEASE=-O0)
  run(${CMAKE_COMMAND} --build ${work}/octavo --target octavo_compiled)
  run(${CMAKE_COMMAND} --install ${work}/octavo --prefix ${work}/prefix)
endfunction()

# An installed Eigen 5, as far as CMake can tell: its version file allows no other major version.
function(install_eigen_5)
  set(prefix ${work}/prefix)
  foreach(folder IN LISTS include_folders)
    if(EXISTS ${folder}/Eigen/Core)
      file(MAKE_DIRECTORY ${prefix}/include)
      file(CREATE_LINK ${folder} ${prefix}/include/eigen3 SYMBOLIC)
    endif()
  endforeach()
  file(WRITE ${prefix}/share/eigen3/cmake/Eigen3Config.cmake
    "add_library(Eigen3::Eigen INTERFACE IMPORTED)\n"
    "target_include_directories(Eigen3::Eigen INTERFACE ${prefix}/include/eigen3)\n")
  include(CMakePackageConfigHelpers)
  write_basic_package_version_file(${prefix}/share/eigen3/cmake/Eigen3ConfigVersion.cmake
    VERSION 5.0.1 COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
endfunction()

file(REMOVE_RECURSE ${work})
set(project ${consumer})
set(in_tree -D OCTAVO_FOLDER=${octavo_source})
set(alone -D CMAKE_PROJECT_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/alone.cmake)
if(consumer MATCHES "^(add_subdirectory|own_layer)$")
  set(arguments ${in_tree})
elseif(consumer STREQUAL "fetch_content")
  set(arguments -D FETCHCONTENT_SOURCE_DIR_OCTAVO=${octavo_source})
elseif(consumer MATCHES "^own_packages_(first|last)$")
  set(project own_packages)
  list(JOIN include_folders "|" folders)
  set(arguments ${in_tree} -D HOST_INCLUDE_FOLDERS=${folders})
  if(consumer STREQUAL "own_packages_last")
    list(APPEND arguments -D HOST_FIRST=OFF)
  endif()
elseif(consumer STREQUAL "eigen_5_in_tree")
  set(project add_subdirectory)
  install_eigen_5()
  set(arguments ${in_tree} ${alone} -D CMAKE_PREFIX_PATH=${work}/prefix)
elseif(consumer STREQUAL "eigen_5_installed")
  set(project find_package)
  install_eigen_5()
  install_octavo()
  set(arguments ${alone} -D CMAKE_PREFIX_PATH=${work}/prefix)
elseif(consumer STREQUAL "default_install")
  set(project find_package_compiled)
  install_octavo_by_default()
  set(arguments -D CMAKE_PREFIX_PATH=${work}/prefix)
elseif(consumer STREQUAL "no_eigen")
  set(project add_subdirectory)
  set(arguments ${in_tree} ${alone})
else()
  install_octavo()
  set(arguments -D CMAKE_PREFIX_PATH=${work}/prefix)
endif()
if(NOT consumer MATCHES "^(find_package_checkpoint|own_packages_.*)$")
  # octavo::octavo must not even look for the package that only octavo::checkpoint needs.
  list(APPEND arguments -D CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
endif()
if(NOT project STREQUAL "own_packages")
  list(APPEND arguments -D CMAKE_PROJECT_consumer_INCLUDE=${CMAKE_CURRENT_LIST_DIR}/untouched.cmake)
endif()
set(configure ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${project} -B ${work}/build ${arguments}
  -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_EXPORT_COMPILE_COMMANDS=ON
  -D CMAKE_INSTALL_PREFIX=${work}/installed)

if(consumer STREQUAL "no_eigen")
  execute_process(COMMAND ${configure} RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
  string(REGEX REPLACE "[ \n]+" " " message "${message}")
  if(status EQUAL 0 OR NOT message MATCHES "Octavo needs Eigen3 3.4 or 5: none is installed")
    message(FATAL_ERROR "without Eigen and network the reason must be given, but:\n${message}")
  endif()
  return()
endif()
run(${configure})
file(READ ${work}/build/compile_commands.json commands)
if(consumer MATCHES "^eigen_5_")
  if(NOT commands MATCHES "-isystem ${work}/prefix/include/eigen3 ")
    message(FATAL_ERROR "Eigen 5 is not what is used:\n${commands}")
  endif()
  return()  # its headers are those of another version, which are compiled elsewhere
endif()
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer)

if(project STREQUAL "own_packages")
  run(${CMAKE_COMMAND} --install ${work}/build)
  file(READ ${work}/installed/share/cmake/mine/mineTargets.cmake targets)
  if(NOT targets MATCHES "octavo::checkpoint" OR targets MATCHES "octavo_(eigen|json)")
    message(FATAL_ERROR "an installed library names what is not installed:\n${targets}")
  endif()
endif()
if(consumer MATCHES "^own_|_compiled$")
  return()  # several files, or flags of the library's own
endif()
string(JSON count LENGTH "${commands}")
if(NOT count EQUAL 1)
  message(FATAL_ERROR "main.cpp alone should be compiled, but there are ${count} files:\n${commands}")
endif()
string(JSON command GET "${commands}" 0 command)
string(REPLACE " -DOCTAVO_COMPILED" "" command "${command}")  # octavo::compiled's own
if(command MATCHES " (-[DOWfm][^ ]*)")
  message(FATAL_ERROR "the flag ${CMAKE_MATCH_1} is not the consumer's:\n${command}")
endif()
