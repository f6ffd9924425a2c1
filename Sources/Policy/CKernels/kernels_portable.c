// Any CPU: vectors of four (SSE2 on x86), no fused multiply-add.
#include "kernel_set.h"

#define LANES 4
#include "vectors.h"

#include "rows.h"
#include "tiles.h"

ALL_TILE_TABLES(2, 1, 1)

const octo_kernel_set octo_portable_kernels = {
    .name = "portable",
    .tiles = TILE_TABLES_OF_SET,
    .tile_rows = {2, 1, 1},
    .usual_panels = 1,
    .depth_block = 384,
    .row_block = 120,
    .query_block = 12,
    ROW_KERNELS,
};
