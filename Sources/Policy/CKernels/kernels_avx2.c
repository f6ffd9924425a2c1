// AVX2 and FMA: sixteen registers of eight floats; twelve hold the sums of 6 rows and one panel.
#include "kernel_set.h"

#if defined(__x86_64__)

#define LANES 8
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "vectors.h"

#include "rows.h"
#include "tiles.h"

ALL_TILE_TABLES(6, 3, 1)

#pragma clang attribute pop

const octo_kernel_set octo_avx2_kernels = {
    .name = "avx2",
    .tiles = TILE_TABLES_OF_SET,
    .tile_rows = {6, 3, 1},
    .usual_panels = 1,
    .depth_block = 384,
    .row_block = 168,
    .query_block = 12,
    ROW_KERNELS,
};

#endif
