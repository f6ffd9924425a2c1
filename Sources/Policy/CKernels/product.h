// One block of a dense product, on the calling thread: what dense.c and convolution.c share out to the team.
#pragma once
#include "kernel_set.h"

// Packed weights as they lie in octo_dense.panels.
typedef struct {
    const void *panels;      // [panels][words][16]
    size_t panel;            // words from panel to panel
    const float *scales;     // [columns, padded]; int8 only, else NULL
    const int32_t *offsets;  // [columns, padded]: 128 · sum of the column; int8 only
    const float *bias;       // [columns, padded], or NULL
} octo_weights;
octo_weights octo_weights_of(const octo_dense *);
// Panels of the outputs.
static inline int octo_panels(const octo_dense *dense) { return octo_ceil_div(dense->outputs, OCTO_PANEL); }

typedef struct {
    const octo_dense *dense;
    const void *x;            // [rows, words], converted to the dense layer's precision
    size_t x_stride;          // in words
    const float *row_scales;  // int8 only
    float *y;
    size_t y_stride;
    octo_activation activation;
    const float *residual;
} octo_product;

// Rows row ..< row + rows of the columns in panels panel ..< panel + panels.
// Sums run over the inner dimension in order, one rounding after the other: how a product is cut into blocks, and who
// computes them, changes no bit of the result.
void octo_product_block(const octo_kernel_set *, const octo_product *, int row, int rows, int panel, int panels);
// The most panels a call may take if the inner dimension has so many words.
int octo_product_panels(const octo_kernel_set *, int words, int rows);

// Rows of floats to the words of a precision; scale: of the row, int8 only. Not for float32.
void octo_convert_row(const octo_kernel_set *, octo_precision, const float *x, int count, uint32_t *words, float *scale);
