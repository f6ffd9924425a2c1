#include "product.h"

#include <math.h>
#include <string.h>

// Memory: panels (then scales and offsets for 8-bit weights), then the bias, each padded with zeros to whole panels.
static size_t weight_bytes(octo_precision precision, int inputs, int outputs) {
    const size_t columns = (size_t)octo_ceil_div(outputs, OCTO_PANEL) * OCTO_PANEL;
    const size_t rows = (size_t)octo_words(precision, inputs) + (precision == OCTO_INT8 ? 2 : 0);
    return rows * columns * sizeof(uint32_t);
}

size_t octo_dense_bytes(octo_precision precision, int inputs, int outputs) {
    const size_t columns = (size_t)octo_ceil_div(outputs, OCTO_PANEL) * OCTO_PANEL;
    return weight_bytes(precision, inputs, outputs) + columns * sizeof(float);
}

// One column of a matrix to its place in a panel. column: first number, `stride` from row to row.
static void pack_column_float32(const float *column, size_t stride, int inputs, uint32_t *words) {
    for (int k = 0; k < inputs; k++) memcpy(words + (size_t)k * OCTO_PANEL, column + (size_t)k * stride, sizeof(float));
}

static void pack_column_bfloat16(const float *column, size_t stride, int inputs, uint32_t *words) {
    for (int k = 0; k < inputs; k += 2) {
        const float pair[2] = {column[(size_t)k * stride], k + 1 < inputs ? column[(size_t)(k + 1) * stride] : 0};
        octo_kernels(OCTO_BFLOAT16)->to_bfloat16(pair, 2, words + (size_t)(k / 2) * OCTO_PANEL);
    }
}

// Symmetric: the largest magnitude becomes 127.
static void pack_column_int8(
    const float *column, size_t stride, int inputs, uint32_t *words, float *scale, int32_t *offset) {
    float largest = 0;
    for (int k = 0; k < inputs; k++) largest = fmaxf(largest, fabsf(column[(size_t)k * stride]));
    *scale = largest > 0 ? largest / 127 : 1;
    int32_t sum = 0;
    for (int k = 0; k < inputs; k++) {
        const int32_t value = (int32_t)lrintf(column[(size_t)k * stride] / *scale);
        sum += value;
        words[(size_t)(k / 4) * OCTO_PANEL] |= (uint32_t)(value & 255) << 8 * (k % 4);
    }
    // The activations' zero is 128: so much too large is every sum.
    *offset = 128 * sum;
}

void octo_dense_pack_columns(
    octo_precision precision, int inputs, int parts, const int *outputs, const float *const *weights,
    const float *const *biases, void *memory, octo_dense *dense) {
    int total = 0;
    bool has_bias = false;
    for (int part = 0; part < parts; part++) {
        total += outputs[part];
        if (biases != NULL && biases[part] != NULL) has_bias = true;
    }
    memset(memory, 0, octo_dense_bytes(precision, inputs, total));
    float *bias = (float *)((char *)memory + weight_bytes(precision, inputs, total));
    *dense = (octo_dense){
        .precision = precision, .inputs = inputs, .outputs = total, .panels = memory, .bias = has_bias ? bias : NULL};
    const octo_weights packed = octo_weights_of(dense);
    int target = 0;
    for (int part = 0; part < parts; part++) {
        for (int column = 0; column < outputs[part]; column++, target++) {
            const float *source = weights[part] + column;
            const size_t stride = (size_t)outputs[part];
            uint32_t *words =
                (uint32_t *)memory + (size_t)(target / OCTO_PANEL) * packed.panel + (size_t)(target % OCTO_PANEL);
            switch (precision) {
            case OCTO_FLOAT32: pack_column_float32(source, stride, inputs, words); break;
            case OCTO_BFLOAT16: pack_column_bfloat16(source, stride, inputs, words); break;
            case OCTO_INT8:
                pack_column_int8(
                    source, stride, inputs, words, (float *)packed.scales + target, (int32_t *)packed.offsets + target);
                break;
            }
            if (biases != NULL && biases[part] != NULL) bias[target] = biases[part][column];
        }
    }
}

void octo_dense_pack(
    octo_precision precision, int inputs, int outputs, const float *weights, const float *bias, void *memory,
    octo_dense *dense) {
    octo_dense_pack_columns(precision, inputs, 1, &outputs, &weights, &bias, memory, dense);
}

size_t octo_dense_scratch_bytes(octo_precision precision, int rows, int inputs) {
    if (precision == OCTO_FLOAT32) return 0;
    const size_t words = (size_t)octo_words(precision, inputs);
    return octo_lines((size_t)rows * sizeof(float)) + (size_t)rows * words * sizeof(uint32_t);
}

typedef struct {
    const octo_kernel_set *set;
    octo_product product;
    int rows, row_blocks, panels, panel_blocks;
    // Conversion of the activations.
    const float *x;
    size_t x_stride;
    uint32_t *words;
    float *row_scales;
} dense_job;

enum { ROWS_PER_CONVERSION = 8 };

static void convert_rows(void *context, int index, int worker) {
    (void)worker;
    const dense_job *job = context;
    const int inputs = job->product.dense->inputs;
    for (int row = index * ROWS_PER_CONVERSION; row < octo_min(job->rows, (index + 1) * ROWS_PER_CONVERSION); row++)
        octo_convert_row(
            job->set, job->product.dense->precision, job->x + (size_t)row * job->x_stride, inputs,
            job->words + (size_t)row * job->product.x_stride, job->row_scales + row);
}

// The row blocks of the same weights follow each other: the second finds the weights in a cache.
static void multiply_block(void *context, int index, int worker) {
    (void)worker;
    const dense_job *job = context;
    const int row_block = index % job->row_blocks, panel_block = index / job->row_blocks;
    const int row = octo_split(job->rows, job->row_blocks, row_block);
    const int rows = octo_split(job->rows, job->row_blocks, row_block + 1) - row;
    // Blocks of an even number of panels, so that tiles of two have no rest inside.
    const int pairs = octo_ceil_div(job->panels, 2);
    const int panel = 2 * octo_split(pairs, job->panel_blocks, panel_block);
    const int end = octo_min(job->panels, 2 * octo_split(pairs, job->panel_blocks, panel_block + 1));
    if (end > panel) octo_product_block(job->set, &job->product, row, rows, panel, end - panel);
}

// A product below so many multiplications is not worth waking anyone: some 2 us of one core.
static const int64_t ALONE_BELOW = 1 << 17;
// So many blocks for each thread, so that one that is held up leaves its share to the others.
enum { BLOCKS_PER_THREAD = 6 };

static void share_out(dense_job *job, octo_team *team) {
    const octo_dense *dense = job->product.dense;
    const int words = octo_words(dense->precision, dense->inputs);
    job->panels = octo_panels(dense);
    job->row_blocks = octo_ceil_div(job->rows, job->set->row_block);
    const int rows_of_block = octo_ceil_div(job->rows, job->row_blocks);
    const int pairs = octo_ceil_div(job->panels, 2);
    const int threads = octo_team_threads(team);
    const int64_t work = (int64_t)job->rows * words * dense->outputs;
    const int wished = threads == 1 || work < ALONE_BELOW ? 1 : octo_ceil_div(BLOCKS_PER_THREAD * threads, job->row_blocks);
    const int limit = octo_max(2, octo_product_panels(job->set, words, rows_of_block) / 2 * 2);
    job->panel_blocks = octo_max(octo_min(wished, pairs), octo_ceil_div(pairs, limit / 2));
}

void octo_dense_apply(
    octo_team *team, const octo_dense *dense, const float *x, size_t x_stride, int rows, float *y, size_t y_stride,
    octo_activation activation, const float *residual, void *scratch) {
    if (rows <= 0 || dense->outputs <= 0) return;
    dense_job job = {
        .set = octo_kernels(dense->precision),
        .product =
            {.dense = dense, .x = x, .x_stride = x_stride, .y = y, .y_stride = y_stride, .activation = activation,
             .residual = residual},
        .rows = rows, .x = x, .x_stride = x_stride};
    if (dense->precision != OCTO_FLOAT32) {
        job.row_scales = scratch;
        job.words = (uint32_t *)((char *)scratch + octo_lines((size_t)rows * sizeof(float)));
        job.product.x = job.words;
        job.product.x_stride = (size_t)octo_words(dense->precision, dense->inputs);
        job.product.row_scales = job.row_scales;
        octo_team_run(team, convert_rows, &job, octo_ceil_div(rows, ROWS_PER_CONVERSION));
    }
    share_out(&job, team);
    octo_team_run(team, multiply_block, &job, job.row_blocks * job.panel_blocks);
}
