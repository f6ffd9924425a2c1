// AVX-512 BF16: vdpbf16ps adds two products of bfloat16 to each lane.
#include "kernel_set.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define LANES 16
#pragma clang attribute push( \
    __attribute__((target("avx512bf16,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#include "vectors.h"

INLINE vf multiply_bfloat16(vf sums, int32_t a, vi b) {
    return (vf)_mm512_dpbf16_ps((__m512)sums, (__m512bh)(vi)a, (__m512bh)b);
}

#include "rows.h"
#include "tiles.h"

TILE_TABLES(bfloat16, multiply_bfloat16, 4, 14, 14, 6)

#pragma clang attribute pop

const octo_kernel_set octo_avx512bf16_kernels = {
    .name = "avx512bf16",
    .tiles = {[OCTO_BFLOAT16] = {bfloat16_one, bfloat16_two, bfloat16_four}},
    .tile_rows = {14, 14, 6},
    .usual_panels = 2,
    .depth_block = 768,
    .row_block = 168,
    .query_block = 14,
    ROW_KERNELS,
};

#endif
