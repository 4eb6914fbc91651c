// SPDX-License-Identifier: MIT
// One product with Eigen: the unit of compile_time.py.
#include <Eigen/Core>

Eigen::MatrixXf product(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) { return a * b; }
