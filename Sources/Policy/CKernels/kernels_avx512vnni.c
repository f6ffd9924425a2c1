// AVX-512 VNNI: vpdpbusd adds four products of an unsigned and a signed byte to each lane.
#include "kernel_set.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define LANES 16
#pragma clang attribute push( \
    __attribute__((target("avx512vnni,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#include "vectors.h"

INLINE vf multiply_int8(vf sums, int32_t a, vi b) {
    return (vf)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)(vi)a, (__m512i)b);
}

#include "rows.h"
#include "tiles.h"

TILE_TABLES(int8, multiply_int8, 4, 14, 14, 6)

#pragma clang attribute pop

const octo_kernel_set octo_avx512vnni_kernels = {
    .name = "avx512vnni",
    .tiles = {[OCTO_INT8] = {int8_one, int8_two, int8_four}},
    .tile_rows = {14, 14, 6},
    .usual_panels = 2,
    .depth_block = 768,
    .row_block = 168,
    .query_block = 14,
    ROW_KERNELS,
};

#endif
