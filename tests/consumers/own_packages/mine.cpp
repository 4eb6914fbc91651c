// SPDX-License-Identifier: MIT
#include <octavo/formats/json_object.hpp>
#include <octavo/tensor/matrix_view.hpp>

#if !defined(HOST_HAS_Eigen) || !defined(HOST_HAS_nlohmann_json)
#error "Octavo must use the host's packages, so that a program has one of each"
#endif

octavo::Index columns_of_mine();

octavo::Index columns_of_mine() {
  const float numbers[6] = {};
  return octavo::MatrixView<const float>(numbers, 2, 3).columns;
}
