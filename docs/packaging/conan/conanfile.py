# SPDX-License-Identifier: MIT
"""conan create docs/packaging/conan: makes a package of the clone that this file lies in."""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class Octavo(ConanFile):
    name = "octavo"
    license = "MIT"
    description = "Trains small transformers on the CPU in memory known to the byte beforehand"
    settings = "os", "compiler", "build_type", "arch"
    options = {"c": [True, False]}
    default_options = {"c": False}
    package_type = "unknown"  # headers, a static library, with the option a shared one

    @property
    def _clone(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._clone, "include/octavo/base/version.hpp"))
        parts = [line.split()[2] for line in header.splitlines()
                 if line.startswith("#define OCTAVO_VERSION_")]
        self.version = ".".join(parts)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "examples/*"):
            copy(self, pattern, self._clone, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)

    def requirements(self):
        self.requires("eigen/3.4.0", transitive_headers=True)
        self.requires("nlohmann_json/3.11.3", transitive_headers=True)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for part in ("TESTS", "EXAMPLES", "BENCHMARKS"):
            toolchain.cache_variables["OCTAVO_BUILD_" + part] = False
        toolchain.cache_variables["OCTAVO_C"] = bool(self.options.c)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        # The package has CMake files of its own, with all targets.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("share", "cmake", "octavo"))
