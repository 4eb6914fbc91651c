// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_NUMERIC_ELEMENTARY_HPP)
#define OCTAVO_NUMERIC_ELEMENTARY_HPP

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

// Elementary functions on vectors and on packs, without the C library: fast, with the same bits on
// every machine. All polynomials interpolate their function at Chebyshev nodes, computed with 60
// digits. The functions are written on single vectors, whose operations are the language's: a
// pack's cost the compiler ten times as much.
#define OCTAVO_FILE "octavo/numeric/elementary.hpp"
#include <octavo/numeric/each_isa.inc>

#elif defined(OCTAVO_ISA)  // once per instruction set

namespace OCTAVO_NAMESPACE::OCTAVO_ISA {
namespace detail {

template <Scalar T>
struct ExponentialTraits;

template <>
struct ExponentialTraits<float> {
  using Bits = std::int32_t;
  static constexpr int mantissa_bits = 23;
  static constexpr float shifter = 12582912.0f + 127.0f;  // 1.5 * 2^23, plus the exponent's bias
  static constexpr float lowest = -86.98f;     // logarithm of twice the smallest normal number
  static constexpr float highest = 88.72283f;  // logarithm of the largest number
  static constexpr float ln2_high = 0.693359375f;
  static constexpr float ln2_low = -2.12194440e-4f;
  // (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2
  static constexpr std::array<float, 5> tail{0.5f, 0.166665766661f, 0.041666554212f,
                                             0.008363232883f, 0.001392625083f};
};

template <>
struct ExponentialTraits<double> {
  using Bits = std::int64_t;
  static constexpr int mantissa_bits = 52;
  static constexpr double shifter = 6755399441055744.0 + 1023.0;  // 1.5 * 2^52, plus the bias
  static constexpr double lowest = -708.04;
  static constexpr double highest = 709.782712893384;
  static constexpr double ln2_high = 0.6931471803691238;
  static constexpr double ln2_low = 1.9082149292705877e-10;
  static constexpr std::array<double, 11> tail{0.5,
                                               0.1666666666666667103,
                                               0.041666666666666669783,
                                               0.0083333333333260831202,
                                               0.0013888888888883711167,
                                               0.00019841269875002278793,
                                               0.0000248015873256774619,
                                               2.7557255170000887438e-6,
                                               2.7557273478718580474e-7,
                                               2.5105312729622101787e-8,
                                               2.09147553258932022e-9};
};

/// Horner's rule; the table has the highest power last.
template <Scalar T, std::size_t N>
OCTAVO_ALWAYS_INLINE simd::Vector<T> polynomial(const std::array<T, N>& coefficient,
                                                simd::Vector<T> x) {
  simd::Vector<T> result = simd::broadcast(coefficient[N - 1]);
  OCTAVO_UNROLL
  for (std::size_t i = N - 1; i > 0; --i) {
    result = simd::fma(result, x, simd::broadcast(coefficient[i - 1]));
  }
  return result;
}

template <Scalar T>
using BitsOf = typename simd::detail::VectorType<typename ExponentialTraits<T>::Bits,
                                                 simd::vector_bytes>::type;

// The functions below of one vector: see those of packs for what they compute.

template <Scalar T>
OCTAVO_ALWAYS_INLINE simd::Vector<T> vector_exp(simd::Vector<T> x) {
  using V = simd::Vector<T>;
  using Traits = ExponentialTraits<T>;
  const V lowest = simd::broadcast(Traits::lowest);
  const V highest = simd::broadcast(Traits::highest);
  const V at_most = x > highest ? highest : x;
  const V clamped = lowest > at_most ? lowest : at_most;
  const V shifter = simd::broadcast(Traits::shifter);
  const V shifted =
      simd::fma(clamped, simd::broadcast(static_cast<T>(1.4426950408889634074L)), shifter);
  const V n = shifted - shifter;
  const V high = simd::fma(n, simd::broadcast(-Traits::ln2_high), clamped);
  const V r = simd::fma(n, simd::broadcast(-Traits::ln2_low), high);
  const V one = simd::broadcast(T{1});
  const V value = simd::fma(polynomial<T>(Traits::tail, r), r * r, r) + one;
  // 2^n in two factors, as 2^128 (2^1024) does not fit: 2^(n-1) * 2. The shifter left n and the
  // exponent's bias in the low mantissa bits.
  const V scale = V(BitsOf<T>(shifted - one) << Traits::mantissa_bits);
  const V result = value * scale * simd::broadcast(T{2});
  const V bounded = x > highest ? simd::broadcast(std::numeric_limits<T>::infinity()) : result;
  return lowest > x ? V{} : bounded;
}

template <Scalar T>
OCTAVO_ALWAYS_INLINE simd::Vector<T> vector_quotient(simd::Vector<T> a, simd::Vector<T> b) {
  using V = simd::Vector<T>;
  if constexpr (std::same_as<T, double>) {
    return a / b;
  } else {
    const V low = simd::broadcast(0x1p-125f), high = simd::broadcast(0x1p125f);
    b = low > b ? low : b;
    b = b > high ? high : b;
    const V one = simd::broadcast(T{1});
    V reciprocal = V(0x7ef311c7 - BitsOf<T>(b));
    V error = simd::fma(-b, reciprocal, one);
    reciprocal = simd::fma(reciprocal, simd::fma(error, error, error), reciprocal);
    error = simd::fma(-b, reciprocal, one);
    reciprocal = simd::fma(reciprocal, simd::fma(error, error, error), reciprocal);
    const V quotient = a * reciprocal;
    return simd::fma(simd::fma(-b, quotient, a), reciprocal, quotient);
  }
}

template <Scalar T>
struct LogarithmTraits;
template <>
struct LogarithmTraits<float> {
  static constexpr std::int32_t root_half = 0x3f3504f3;  // the bits of sqrt(1/2)
  static constexpr std::size_t terms = 4;
};
template <>
struct LogarithmTraits<double> {
  static constexpr std::int64_t root_half = 0x3fe6a09e667f3bcd;
  static constexpr std::size_t terms = 11;
};

/// 2/3, 2/5, 2/7, ...: log((1+s)/(1-s)) = 2 s + s z (2/3 + 2/5 z + ...) with z = s^2.
template <Scalar T>
inline constexpr auto logarithm_series = [] {
  std::array<T, LogarithmTraits<T>::terms> series{};
  for (std::size_t i = 0; i < series.size(); ++i) series[i] = T{2} / static_cast<T>(2 * i + 3);
  return series;
}();

template <Scalar T>
OCTAVO_ALWAYS_INLINE simd::Vector<T> vector_log(simd::Vector<T> x) {
  using V = simd::Vector<T>;
  using Traits = ExponentialTraits<T>;
  // x = 2^exponent * mantissa with a mantissa from sqrt(1/2) to sqrt(2)
  const BitsOf<T> bits = BitsOf<T>(x);
  const BitsOf<T> power = (bits - LogarithmTraits<T>::root_half) >> Traits::mantissa_bits;
  const V exponent = __builtin_convertvector(power, V);
  const V mantissa = V(bits - (power << Traits::mantissa_bits));
  const V f = mantissa - simd::broadcast(T{1});
  const V half = simd::broadcast(T(0.5)) * f;
  const V s = f / (f + simd::broadcast(T{2}));
  const V z = s * s;
  const V tail = simd::fma(z, polynomial<T>(logarithm_series<T>, z), half * f);
  const V low = simd::fma(exponent, simd::broadcast(Traits::ln2_low), s * tail);
  const V value = f - simd::fma(half, f, -low);
  return simd::fma(exponent, simd::broadcast(Traits::ln2_high), value) + (x - x);
}

/// Of the cumulative distribution, as gaussian() below has it: p and the polynomial G.
template <Scalar T>
struct GaussianTraits;
template <>
struct GaussianTraits<float> {
  static constexpr float p = 0.3f;
  static constexpr std::array<float, 9> table{-0.00022946362f, 0.122793954051f, 0.102105460866f,
                                              0.161195709468f, 0.005769195794f, 0.099945556046f,
                                              0.089107591321f, -0.10727034521f, 0.026582344687f};
};
template <>
struct GaussianTraits<double> {
  static constexpr double p = 0.25;
  static constexpr std::array<double, 19> table{
      7.663591945797955224947e-9, 0.09973544168240730034692, 0.09973523638433326779422,
      0.09353210034438301306748,  0.08061848488632101574278, 0.066852964905687958911,
      0.02465587474911764410682,  0.0997005984757675412329,  -0.232558584224351783251,
      0.5838791345043321159664,   -1.134159683088547869574,  1.691838390018582718256,
      -1.980207708780958306666,   1.75550909122062139773,    -1.13515344719137722693,
      0.5171019244886070142817,   -0.1576063562100811399042, 0.02896242271365535631746,
      -0.002435892542091972334064};
};

template <Scalar T>
struct VectorGaussian {
  simd::Vector<T> density;
  simd::Vector<T> cumulative;
};

template <Scalar T>
OCTAVO_ALWAYS_INLINE VectorGaussian<T> vector_gaussian(simd::Vector<T> x) {
  using V = simd::Vector<T>;
  using Traits = GaussianTraits<T>;
  const V zero = V{};
  const V one = simd::broadcast(T{1});
  const V size = zero > x ? -x : x;
  const V bell = vector_exp<T>(simd::broadcast(T(-0.5)) * x * x);
  const V g = polynomial<T>(Traits::table, one / simd::fma(simd::broadcast(Traits::p), size, one));
  return {bell * simd::broadcast(static_cast<T>(0.39894228040143267794L)),
          zero > x ? bell * g : simd::fma(-bell, g, one)};
}

// (sin(r) - r) / r^3 and (cos(r) - 1) / r^2 in z = r^2, for |r| <= pi/4
inline constexpr std::array<double, 6> sine_tail{-0.16666666666666666,    0.008333333333330946,
                                                 -0.0001984126983675497,  2.755731610068303e-06,
                                                 -2.5051131455427946e-08, 1.591810123027412e-10};
inline constexpr std::array<double, 7> cosine_tail{-0.5,
                                                   0.04166666666666664,
                                                   -0.0013888888888880767,
                                                   2.480158729368715e-05,
                                                   -2.755731556415141e-07,
                                                   2.0875886390883725e-09,
                                                   -1.1367978191553177e-11};

OCTAVO_ALWAYS_INLINE void vector_sine_cosine(simd::Vector<double> x, simd::Vector<double>& sine,
                                             simd::Vector<double>& cosine) {
  using V = simd::Vector<double>;
  using Integers = BitsOf<double>;
  const V shifter = simd::broadcast(6755399441055744.0);  // 1.5 * 2^52: n stands in the low bits
  const V shifted = simd::fma(x, simd::broadcast(0.6366197723675814), shifter);
  const V n = shifted - shifter;
  const V high = simd::fma(n, simd::broadcast(-1.5707963267948966), x);
  const V r = simd::fma(n, simd::broadcast(-6.123233995736766e-17), high);
  const V z = r * r;
  const Integers s = Integers(simd::fma(r * z, polynomial<double>(sine_tail, z), r));
  const Integers c =
      Integers(simd::fma(z, polynomial<double>(cosine_tail, z), simd::broadcast(1.0)));
  // A quarter turn: sin(r + pi/2) = cos(r), cos(r + pi/2) = -sin(r); two of them change both signs.
  const Integers quarters = Integers(shifted);
  const Integers exchange = (s ^ c) & -(quarters & 1);
  sine = V(s ^ exchange ^ ((quarters & 2) << 62));
  cosine = V(c ^ exchange ^ (((quarters + 1) & 2) << 62));
}

}  // namespace detail

/// e^x within 2 units in the last place. exp(0) is exactly 1; x below -86.98 (float) or -708.04
/// (double) gives 0; x above the logarithm of the largest number gives infinity; NaN gives NaN.
/// Reduction x = n ln 2 + r with ln 2 in two parts (Cody, Waite 1980).
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> exp(Pack<T> x) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(x.part[i] = detail::vector_exp<T>(x.part[i]));
  return x;
}

/// a / b for positive b, faster than the division instruction. Floats: within 1 unit in the last
/// place if the quotient is a normal number; b is clamped to [2^-125, 2^125]. Computes 1 / b by two
/// third-order Newton steps from a start within 12%, which is b's bits subtracted from a constant;
/// then corrects the quotient once (Markstein 1990). Doubles are divided by the instruction.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> divide_by_positive(Pack<T> a, Pack<T> b) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(a.part[i] = detail::vector_quotient<T>(a.part[i], b.part[i]));
  return a;
}

/// The natural logarithm of positive normal numbers within 1 unit in the last place; log(1) is
/// exactly 0. NaN and infinity give NaN. The reduction is that of fdlibm (Sun Microsystems 1993).
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> log(Pack<T> x) {
  constexpr int parts = Pack<T>::parts;
  OCTAVO_FOR_EACH_PART(x.part[i] = detail::vector_log<T>(x.part[i]));
  return x;
}

/// exp for one number.
template <Scalar T>
T exponential(T x) {
  return detail::vector_exp<T>(simd::broadcast(x))[0];
}

/// log for one number. The name differs because overload resolution would prefer the C library's
/// log(double).
template <Scalar T>
T logarithm(T x) {
  return detail::vector_log<T>(simd::broadcast(x))[0];
}

/// The standard normal distribution at x.
template <Scalar T>
struct Gaussian {
  Pack<T> density;     ///< exp(-x^2/2) / sqrt(2 pi)
  Pack<T> cumulative;  ///< (1 + erf(x / sqrt 2)) / 2, absolute error below 2e-7 (float), 2e-15
};

/// Cumulative = exp(-x^2/2) G(t), t = 1/(1 + p |x|), for x < 0, and 1 minus that for x > 0: the
/// form of Abramowitz, Stegun 7.1.26 with a polynomial of degree 8 (float) or 18 (double).
template <Scalar T>
OCTAVO_ALWAYS_INLINE Gaussian<T> gaussian(Pack<T> x) {
  Gaussian<T> result;
  OCTAVO_UNROLL
  for (int i = 0; i < Pack<T>::parts; ++i) {
    const detail::VectorGaussian<T> here = detail::vector_gaussian<T>(x.part[i]);
    result.density.part[i] = here.density;
    result.cumulative.part[i] = here.cumulative;
  }
  return result;
}

/// Sine and cosine of the same angles.
struct SineCosine {
  Pack<double> sine;
  Pack<double> cosine;
};

/// sin(x) and cos(x), x in radians, with an absolute error below 3e-16 for |x| up to 1e9; near 0
/// sine and cosine have as many correct digits as elsewhere. NaN and infinity give NaN. Reduction x
/// = n pi/2 + r with pi/2 in two parts (Cody, Waite 1980): the first fused multiply-add is exact.
OCTAVO_ALWAYS_INLINE SineCosine sine_cosine(Pack<double> x) {
  SineCosine result;
  OCTAVO_UNROLL
  for (int i = 0; i < Pack<double>::parts; ++i) {
    detail::vector_sine_cosine(x.part[i], result.sine.part[i], result.cosine.part[i]);
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
