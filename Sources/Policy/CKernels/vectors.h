// The vector type of the instruction set being compiled, and the functions on it that the templates need. Included by
// kernels_*.c after LANES is set and the target attribute is in force.
#pragma once
#include <float.h>
#include <stdint.h>

typedef float vf __attribute__((ext_vector_type(LANES)));
typedef int32_t vi __attribute__((ext_vector_type(LANES)));
typedef uint32_t vu __attribute__((ext_vector_type(LANES)));
// As they lie in memory: anywhere, and seen as any type.
typedef vf vf_memory __attribute__((aligned(4), may_alias));
typedef vi vi_memory __attribute__((aligned(4), may_alias));
typedef float float_memory __attribute__((may_alias));
typedef int32_t int_memory __attribute__((may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p) { return *(const vf_memory *)p; }
INLINE void store(float *p, vf x) { *(vf_memory *)p = x; }

INLINE float sum_of(vf x) {
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += x[i];
    return sum;
}

INLINE float largest_of(vf x) {
    float largest = x[0];
    for (int i = 1; i < LANES; i++) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

// The first n (0 ... LANES) lanes of memory, the others `rest`. For the ends of rows only.
INLINE vf load_first(const float *p, int n, float rest) {
    vf x = (vf)rest;
    __builtin_memcpy(&x, p, (size_t)n * sizeof(float));
    return x;
}

INLINE void store_first(float *p, vf x, int n) { __builtin_memcpy(p, &x, (size_t)n * sizeof(float)); }

// Not fmax: a NaN in x comes through, so that the check for finite results can see it.
INLINE vf at_least(vf x, float limit) { return x < limit ? (vf)limit : x; }
INLINE vf at_most(vf x, float limit) { return x > limit ? (vf)limit : x; }

// e^x within 2 units in the last place for x up to 88; below -87.3 (where floats lose precision) e^-87.3 = 1.2e-38, which
// is nothing beside the 1 that our sums contain. Cody and Waite: x = n ln 2 + r, a polynomial (Cephes' coefficients) for
// e^r, and n added to the exponent.
INLINE vf exponential_below_88(vf x) {
#pragma clang fp contract(fast)
    vf y = at_least(x, -87.3f);
    // Adding 1.5 · 2^23 leaves the nearest integer in the low bits.
    const vf magic = (vf)12582912.0f;
    vf shifted = y * (vf)1.44269504088896341f + magic;
    vf n = shifted - magic;
    vf r = y - n * (vf)0.693359375f;
    r = r - n * (vf)-2.12194440e-4f;
    vf p = (vf)1.9875691500e-4f;
    p = p * r + (vf)1.3981999507e-3f;
    p = p * r + (vf)8.3334519073e-3f;
    p = p * r + (vf)4.1665795894e-2f;
    p = p * r + (vf)1.6666665459e-1f;
    p = p * r + (vf)5.0000001201e-1f;
    p = p * (r * r) + r + (vf)1.0f;
    return (vf)((vi)p + ((vi)shifted << 23));
}

INLINE vf exponential(vf x) { return exponential_below_88(at_most(x, 88.0f)); }

// Activations of octo_activation, one vector at a time.
INLINE vf swish_of(vf x) { return x / ((vf)1.0f + exponential(-x)); }

// 0.5 x (1 + tanh(u)), u = sqrt(2/π) (x + 0.044715 x³), written as x / (1 + exp(-2u)): no cancellation for negative x.
INLINE vf gelu_of(vf x) {
#pragma clang fp contract(fast)
    vf minus_2u = x * ((vf)-1.5957691216f + (vf)-0.0713548163f * (x * x));
    return x / ((vf)1.0f + exponential(minus_2u));
}

INLINE vf activated(octo_activation activation, vf x) {
    switch (activation) {
    case OCTO_LINEAR: return x;
    case OCTO_GELU_TANH: return gelu_of(x);
    case OCTO_SWISH: return swish_of(x);
    case OCTO_RELU: return at_least(x, 0.0f);
    }
    return x;
}
