// AVX-512: thirty-two registers of sixteen floats; twenty-eight hold the sums of 14 rows and two panels.
#include "kernel_set.h"

#if defined(__x86_64__)

#define LANES 16
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#include "vectors.h"

#include "rows.h"
#include "tiles.h"

ALL_TILE_TABLES(14, 14, 6)

#pragma clang attribute pop

const octo_kernel_set octo_avx512_kernels = {
    .name = "avx512",
    .tiles = TILE_TABLES_OF_SET,
    .tile_rows = {14, 14, 6},
    .usual_panels = 2,
    .depth_block = 768,
    .row_block = 168,
    .query_block = 14,
    ROW_KERNELS,
};

#endif
