# SPDX-License-Identifier: MIT
# Included by project() calls, when compiler and build program are found: from here on CMake finds
# only what lies in CMAKE_PREFIX_PATH, and downloads nothing.
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
set(CMAKE_FIND_USE_PACKAGE_REGISTRY OFF)
set(FETCHCONTENT_FULLY_DISCONNECTED ON)
