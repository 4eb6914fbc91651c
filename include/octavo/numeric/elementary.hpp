// SPDX-License-Identifier: MIT
#if !defined(OCTAVO_NUMERIC_ELEMENTARY_HPP)
#define OCTAVO_NUMERIC_ELEMENTARY_HPP

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>

#include <octavo/base/config.hpp>
#include <octavo/numeric/pack.hpp>
#include <octavo/numeric/scalar.hpp>
#include <octavo/numeric/simd.hpp>

// Elementary functions on packs, without the C library: fast, with the same bits on every machine.
// All polynomials interpolate their function at Chebyshev nodes, computed with 60 digits.
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
OCTAVO_ALWAYS_INLINE Pack<T> polynomial(const std::array<T, N>& coefficient, Pack<T> x) {
  Pack<T> result = Pack<T>::broadcast(coefficient[N - 1]);
  OCTAVO_UNROLL
  for (std::size_t i = N - 1; i > 0; --i) {
    result = fma(result, x, Pack<T>::broadcast(coefficient[i - 1]));
  }
  return result;
}

/// 2^(n - bias), where `shifted` is n + bias as left in the low mantissa bits by the shifter.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> power_of_two(Pack<T> shifted) {
  using Traits = ExponentialTraits<T>;
  using Integers =
      typename simd::detail::VectorType<typename Traits::Bits, simd::vector_bytes>::type;
  for (int i = 0; i < Pack<T>::parts; ++i) {
    Integers bits;
    std::memcpy(&bits, &shifted.part[i], sizeof(bits));
    bits <<= Traits::mantissa_bits;
    std::memcpy(&shifted.part[i], &bits, sizeof(bits));
  }
  return shifted;
}

}  // namespace detail

/// e^x within 2 units in the last place. exp(0) is exactly 1; x below -86.98 (float) or -708.04
/// (double) gives 0; x above the logarithm of the largest number gives infinity; NaN gives NaN.
/// Reduction x = n ln 2 + r with ln 2 in two parts (Cody, Waite 1980).
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> exp(Pack<T> x) {
  using P = Pack<T>;
  using Traits = detail::ExponentialTraits<T>;
  const P lowest = P::broadcast(Traits::lowest);
  const P highest = P::broadcast(Traits::highest);
  P clamped = select_greater(x, highest, highest, x);
  clamped = select_greater(lowest, clamped, lowest, clamped);
  const P shifter = P::broadcast(Traits::shifter);
  const P shifted = fma(clamped, P::broadcast(static_cast<T>(1.4426950408889634074L)), shifter);
  const P n = shifted - shifter;
  P r = fma(n, P::broadcast(-Traits::ln2_high), clamped);
  r = fma(n, P::broadcast(-Traits::ln2_low), r);
  const P one = P::broadcast(T{1});
  const P value = fma(detail::polynomial(Traits::tail, r), r * r, r) + one;
  // Two factors, as 2^128 (2^1024) does not fit: 2^(n-1) * 2.
  const P scale = detail::power_of_two<T>(shifted - one);
  P result = value * scale * P::broadcast(T{2});
  result = select_greater(x, highest, P::broadcast(std::numeric_limits<T>::infinity()), result);
  return select_greater(lowest, x, P::broadcast(T{0}), result);
}

/// a / b for positive b, faster than the division instruction. Floats: within 1 unit in the last
/// place if the quotient is a normal number; b is clamped to [2^-125, 2^125]. Computes 1 / b by two
/// third-order Newton steps from a start within 12%, which is b's bits subtracted from a constant;
/// then corrects the quotient once (Markstein 1990). Doubles are divided by the instruction.
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> divide_by_positive(Pack<T> a, Pack<T> b) {
  using P = Pack<T>;
  if constexpr (std::same_as<T, double>) {
    return a / b;
  } else {
    const P low = P::broadcast(0x1p-125f), high = P::broadcast(0x1p125f);
    b = select_greater(low, b, low, b);
    b = select_greater(b, high, high, b);
    P reciprocal;
    for (int i = 0; i < P::parts; ++i) {
      typename simd::detail::VectorType<std::int32_t, simd::vector_bytes>::type bits;
      std::memcpy(&bits, &b.part[i], sizeof(bits));
      bits = 0x7ef311c7 - bits;
      std::memcpy(&reciprocal.part[i], &bits, sizeof(bits));
    }
    const P one = P::broadcast(T{1});
    OCTAVO_UNROLL
    for (int i = 0; i < 2; ++i) {
      const P error = fma(-b, reciprocal, one);
      reciprocal = fma(reciprocal, fma(error, error, error), reciprocal);
    }
    const P quotient = a * reciprocal;
    return fma(fma(-b, quotient, a), reciprocal, quotient);
  }
}

namespace detail {

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
constexpr auto logarithm_series() {
  std::array<T, LogarithmTraits<T>::terms> series{};
  for (std::size_t i = 0; i < series.size(); ++i) series[i] = T{2} / static_cast<T>(2 * i + 3);
  return series;
}

/// x = 2^exponent * mantissa with a mantissa from sqrt(1/2) to sqrt(2); x positive and normal.
template <Scalar T>
OCTAVO_ALWAYS_INLINE void split_exponent(Pack<T> x, Pack<T>& exponent, Pack<T>& mantissa) {
  using Traits = ExponentialTraits<T>;
  using Integers =
      typename simd::detail::VectorType<typename Traits::Bits, simd::vector_bytes>::type;
  for (int i = 0; i < Pack<T>::parts; ++i) {
    Integers bits;
    std::memcpy(&bits, &x.part[i], sizeof(bits));
    const Integers power = (bits - LogarithmTraits<T>::root_half) >> Traits::mantissa_bits;
    exponent.part[i] = __builtin_convertvector(power, simd::Vector<T>);
    bits -= power << Traits::mantissa_bits;
    std::memcpy(&mantissa.part[i], &bits, sizeof(bits));
  }
}

}  // namespace detail

/// The natural logarithm of positive normal numbers within 1 unit in the last place; log(1) is
/// exactly 0. NaN and infinity give NaN. The reduction is that of fdlibm (Sun Microsystems 1993).
template <Scalar T>
OCTAVO_ALWAYS_INLINE Pack<T> log(Pack<T> x) {
  using P = Pack<T>;
  using Traits = detail::ExponentialTraits<T>;
  P exponent, mantissa;
  detail::split_exponent(x, exponent, mantissa);
  const P f = mantissa - P::broadcast(T{1});
  const P half = P::broadcast(T(0.5)) * f;
  const P s = f / (f + P::broadcast(T{2}));
  const P z = s * s;
  const P tail = fma(z, detail::polynomial(detail::logarithm_series<T>(), z), half * f);
  const P low = fma(exponent, P::broadcast(Traits::ln2_low), s * tail);
  const P value = f - fma(half, f, -low);
  return fma(exponent, P::broadcast(Traits::ln2_high), value) + (x - x);
}

/// exp for one number.
template <Scalar T>
T exponential(T x) {
  return exp(Pack<T>::broadcast(x)).part[0][0];
}

/// log for one number. The name differs because overload resolution would prefer the C library's
/// log(double).
template <Scalar T>
T logarithm(T x) {
  return log(Pack<T>::broadcast(x)).part[0][0];
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
  using P = Pack<T>;
  const P zero = P::broadcast(T{0});
  const P one = P::broadcast(T{1});
  const P size = select_greater(zero, x, -x, x);
  const P bell = exp(P::broadcast(T(-0.5)) * x * x);
  P g;
  if constexpr (std::same_as<T, float>) {
    constexpr std::array<float, 9> table{-0.00022946362f, 0.122793954051f, 0.102105460866f,
                                         0.161195709468f, 0.005769195794f, 0.099945556046f,
                                         0.089107591321f, -0.10727034521f, 0.026582344687f};
    g = detail::polynomial(table, one / fma(P::broadcast(0.3f), size, one));
  } else {
    constexpr std::array<double, 19> table{
        7.663591945797955224947e-9, 0.09973544168240730034692, 0.09973523638433326779422,
        0.09353210034438301306748,  0.08061848488632101574278, 0.066852964905687958911,
        0.02465587474911764410682,  0.0997005984757675412329,  -0.232558584224351783251,
        0.5838791345043321159664,   -1.134159683088547869574,  1.691838390018582718256,
        -1.980207708780958306666,   1.75550909122062139773,    -1.13515344719137722693,
        0.5171019244886070142817,   -0.1576063562100811399042, 0.02896242271365535631746,
        -0.002435892542091972334064};
    g = detail::polynomial(table, one / fma(P::broadcast(0.25), size, one));
  }
  return {bell * P::broadcast(static_cast<T>(0.39894228040143267794L)),
          select_greater(zero, x, bell * g, fma(-bell, g, one))};
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
  using P = Pack<double>;
  using Integers = typename simd::detail::VectorType<std::int64_t, simd::vector_bytes>::type;
  // (sin(r) - r) / r^3 and (cos(r) - 1) / r^2 in z = r^2, for |r| <= pi/4
  constexpr std::array<double, 6> sine_tail{-0.16666666666666666,    0.008333333333330946,
                                            -0.0001984126983675497,  2.755731610068303e-06,
                                            -2.5051131455427946e-08, 1.591810123027412e-10};
  constexpr std::array<double, 7> cosine_tail{-0.5,
                                              0.04166666666666664,
                                              -0.0013888888888880767,
                                              2.480158729368715e-05,
                                              -2.755731556415141e-07,
                                              2.0875886390883725e-09,
                                              -1.1367978191553177e-11};
  const P shifter = P::broadcast(6755399441055744.0);  // 1.5 * 2^52: n stands in the low bits
  const P shifted = fma(x, P::broadcast(0.6366197723675814), shifter);
  const P n = shifted - shifter;
  P r = fma(n, P::broadcast(-1.5707963267948966), x);
  r = fma(n, P::broadcast(-6.123233995736766e-17), r);
  const P z = r * r;
  const P sine = fma(r * z, detail::polynomial(sine_tail, z), r);
  const P cosine = fma(z, detail::polynomial(cosine_tail, z), P::broadcast(1.0));
  // A quarter turn: sin(r + pi/2) = cos(r), cos(r + pi/2) = -sin(r); two of them change both signs.
  SineCosine result;
  for (int i = 0; i < P::parts; ++i) {
    Integers quarters, s, c;
    std::memcpy(&quarters, &shifted.part[i], sizeof(quarters));
    std::memcpy(&s, &sine.part[i], sizeof(s));
    std::memcpy(&c, &cosine.part[i], sizeof(c));
    const Integers exchange = (s ^ c) & -(quarters & 1);
    s = s ^ exchange ^ ((quarters & 2) << 62);
    c = c ^ exchange ^ (((quarters + 1) & 2) << 62);
    std::memcpy(&result.sine.part[i], &s, sizeof(s));
    std::memcpy(&result.cosine.part[i], &c, sizeof(c));
  }
  return result;
}

}  // namespace OCTAVO_NAMESPACE::OCTAVO_ISA

#endif
