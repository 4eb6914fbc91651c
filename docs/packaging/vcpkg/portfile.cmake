# SPDX-License-Identifier: MIT
# An overlay port: OCTAVO_SOURCE is a clone of Octavo.
#   OCTAVO_SOURCE=$PWD vcpkg install octavo --overlay-ports=docs/packaging/vcpkg
set(SOURCE_PATH $ENV{OCTAVO_SOURCE})
if(NOT EXISTS "${SOURCE_PATH}/include/octavo/octavo.hpp")
  message(FATAL_ERROR "OCTAVO_SOURCE: got '${SOURCE_PATH}', expected a clone of Octavo")
endif()
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES c OCTAVO_C)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS ${features}
  -DOCTAVO_BUILD_TESTS=OFF -DOCTAVO_BUILD_EXAMPLES=OFF -DOCTAVO_BUILD_BENCHMARKS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/octavo)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
