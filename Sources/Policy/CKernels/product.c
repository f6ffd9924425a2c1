#include "product.h"

// Sums between two passes over the inner dimension, on the stack: 64 KiB.
enum { PARTIAL_FLOATS = 16384 };

octo_weights octo_weights_of(const octo_dense *dense) {
    const size_t words = (size_t)octo_words(dense->precision, dense->inputs);
    const size_t columns = (size_t)octo_panels(dense) * OCTO_PANEL;
    octo_weights weights = {.panels = dense->panels, .panel = words * OCTO_PANEL, .bias = dense->bias};
    if (dense->precision == OCTO_INT8) {
        weights.scales = (const float *)dense->panels + words * columns;
        weights.offsets = (const int32_t *)(weights.scales + columns);
    }
    return weights;
}

int octo_product_panels(const octo_kernel_set *set, int words, int rows) {
    if (words <= set->depth_block) return INT32_MAX;
    return octo_max(1, PARTIAL_FLOATS / OCTO_PANEL / rows);
}

void octo_convert_row(
    const octo_kernel_set *set, octo_precision precision, const float *x, int count, uint32_t *words, float *scale) {
    if (precision == OCTO_BFLOAT16) set->to_bfloat16(x, count, words);
    if (precision == OCTO_INT8) *scale = set->to_int8(x, count, words);
}

static void finish_tile(
    const octo_kernel_set *set, const octo_product *product, const octo_weights *weights, const float *sums,
    size_t stride, int row, int rows, int column, int columns) {
    const octo_finish f = {
        .bias = weights->bias == NULL ? NULL : weights->bias + column,
        .scales = weights->scales == NULL ? NULL : weights->scales + column,
        .offsets = weights->offsets == NULL ? NULL : weights->offsets + column,
        .row_scales = product->row_scales == NULL ? NULL : product->row_scales + row,
        .activation = product->activation,
        .residual =
            product->residual == NULL ? NULL : product->residual + (size_t)row * product->y_stride + column,
        .y = product->y + (size_t)row * product->y_stride + column,
        .y_stride = product->y_stride,
    };
    set->finish(&f, sums, stride, rows, octo_min(columns, product->dense->outputs - column));
}

void octo_product_block(
    const octo_kernel_set *set, const octo_product *product, int row, int rows, int panel, int panels) {
    const octo_weights weights = octo_weights_of(product->dense);
    const int words = octo_words(product->dense->precision, product->dense->inputs);
    // All rows go over one part of the inner dimension before the next, so that the part stays in L2.
    const int passes = octo_ceil_div(words, set->depth_block);
    const size_t partial_stride = (size_t)panels * OCTO_PANEL;
    _Alignas(64) float partial[PARTIAL_FLOATS];
    _Alignas(64) float sums[OCTO_TILE_ROWS * OCTO_TILE_COLUMNS];

    for (int pass = 0; pass < passes; pass++) {
        const int from = octo_split(words, passes, pass), depth = octo_split(words, passes, pass + 1) - from;
        const bool last = pass + 1 == passes;
        for (int p = 0, width = 0; p < panels; p += 1 << width) {
            width = octo_tile_width(set, rows, panels - p);
            const int tile_count = octo_ceil_div(rows, set->tile_rows[width]);
            const uint32_t *b = (const uint32_t *)weights.panels + (size_t)(panel + p) * weights.panel +
                                (size_t)from * OCTO_PANEL;
            // The next panels are fetched while these are multiplied, a share with every tile.
            const char *next = (const char *)(b + (weights.panel << width));
            const size_t ahead_step = (size_t)64 * (1u << width) / (size_t)tile_count;
            for (int t = 0; t < tile_count; t++) {
                const int r = octo_split(rows, tile_count, t), tile_rows = octo_split(rows, tile_count, t + 1) - r;
                float *kept = partial + (size_t)r * partial_stride + (size_t)p * OCTO_PANEL;
                octo_tile tile = {
                    .a = (const uint32_t *)product->x + (size_t)(row + r) * product->x_stride + from,
                    .a_stride = product->x_stride,
                    .b = b,
                    .b_stride = OCTO_PANEL,
                    .b_panel = weights.panel,
                    .c = passes == 1 ? sums : kept,
                    .c_stride = passes == 1 ? OCTO_TILE_COLUMNS : partial_stride,
                    .depth = depth,
                    .accumulate = pass > 0,
                    .ahead = next + ahead_step * (size_t)depth * (size_t)t,
                    .ahead_step = ahead_step,
                };
                set->tiles[product->dense->precision][width][tile_rows - 1](&tile);
                if (!last) continue;
                finish_tile(
                    set, product, &weights, tile.c, tile.c_stride, row + r, tile_rows, (panel + p) * OCTO_PANEL,
                    OCTO_PANEL << width);
            }
        }
    }
}
