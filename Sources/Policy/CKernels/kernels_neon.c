// NEON: thirty-two registers of four floats; twenty-four hold the sums of 6 rows and one panel.
#include "kernel_set.h"

#if defined(__aarch64__)

#define LANES 4
#include "vectors.h"

#include "rows.h"
#include "tiles.h"

ALL_TILE_TABLES(6, 2, 1)

const octo_kernel_set octo_neon_kernels = {
    .name = "neon",
    .tiles = TILE_TABLES_OF_SET,
    .tile_rows = {6, 2, 1},
    .usual_panels = 1,
    .depth_block = 512,
    .row_block = 120,
    .query_block = 12,
    ROW_KERNELS,
};

#endif
