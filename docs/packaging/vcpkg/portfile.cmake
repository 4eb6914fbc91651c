# SPDX-License-Identifier: MIT
# An overlay port: OCTAVO_SOURCE is a clone of Octavo.
#   OCTAVO_SOURCE=$PWD vcpkg install octavo --overlay-ports=docs/packaging/vcpkg
set(VCPKG_BUILD_TYPE release)  # headers, and libraries that serve programs of both types
set(SOURCE_PATH $ENV{OCTAVO_SOURCE})
if(NOT EXISTS "${SOURCE_PATH}/include/octavo/octavo.hpp")
  message(FATAL_ERROR "OCTAVO_SOURCE: got '${SOURCE_PATH}', expected a clone of Octavo")
endif()
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES c OCTAVO_C)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${features}
  -DOCTAVO_BUILD_TESTS=OFF -DOCTAVO_BUILD_EXAMPLES=OFF -DOCTAVO_BUILD_BENCHMARKS=OFF)
vcpkg_cmake_install()
# (CMake finds share/cmake/octavo and lib/cmake/octavo where they are, and both can be moved.)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
