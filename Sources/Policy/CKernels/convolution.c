#include "product.h"

#include <string.h>

typedef struct {
    const octo_kernel_set *set;
    const octo_convolution *convolution;
    octo_product product;   // x: filled in by each task
    const float *x;
    int height, width, out_width, pixels, pixel_blocks, panel_blocks, words;
    char *scratch;
    size_t worker_bytes;
} convolution_job;

static int out_size(const octo_convolution *c, int size) { return (size + 2 * c->padding - c->kernel) / c->stride + 1; }

// Gathered pixels that a task multiplies at a time: about 200 KiB of them stay in L2 beside the weights that stream by.
static int pixels_per_block(int words) { return octo_max(28, octo_min(168, 49152 / octo_max(1, words))); }

static bool is_product(const octo_convolution *c) { return c->kernel == 1 && c->stride == 1 && c->padding == 0; }

// One worker's scratch: gathered pixels, their scales, one pixel before it is converted.
static size_t worker_bytes(const octo_convolution *c) {
    const int words = octo_words(c->dense.precision, c->dense.inputs);
    const size_t pixels = (size_t)pixels_per_block(words);
    return octo_lines(pixels * (size_t)words * sizeof(uint32_t)) + octo_lines(pixels * sizeof(float)) +
           octo_lines((size_t)c->dense.inputs * sizeof(float));
}

size_t octo_convolution_scratch_bytes(const octo_team *team, const octo_convolution *c, int height, int width) {
    if (is_product(c)) return octo_dense_scratch_bytes(c->dense.precision, height * width, c->dense.inputs);
    return (size_t)octo_team_threads(team) * worker_bytes(c);
}

// What the kernel sees at one place of the output: [kernel, kernel, channels], zeros outside the image.
static void gather(const convolution_job *job, int pixel, float *patch) {
    const octo_convolution *c = job->convolution;
    const int top = pixel / job->out_width * c->stride - c->padding;
    const int left = pixel % job->out_width * c->stride - c->padding;
    // The part of a kernel's row that lies inside the image is contiguous.
    const int from = octo_min(c->kernel, octo_max(0, -left)), to = octo_max(from, octo_min(c->kernel, job->width - left));
    const size_t channels = (size_t)c->channels;
    for (int ky = 0; ky < c->kernel; ky++, patch += (size_t)c->kernel * channels) {
        const int y = top + ky;
        if (y < 0 || y >= job->height) {
            memset(patch, 0, (size_t)c->kernel * channels * sizeof(float));
            continue;
        }
        memset(patch, 0, (size_t)from * channels * sizeof(float));
        if (to > from)
            memcpy(
                patch + (size_t)from * channels, job->x + ((size_t)y * (size_t)job->width + (size_t)(left + from)) * channels,
                (size_t)(to - from) * channels * sizeof(float));
        memset(patch + (size_t)to * channels, 0, (size_t)(c->kernel - to) * channels * sizeof(float));
    }
}

static void convolve_block(void *context, int index, int worker) {
    const convolution_job *job = context;
    const octo_dense *dense = &job->convolution->dense;
    const int pixel_block = index / job->panel_blocks, panel_block = index % job->panel_blocks;
    const int first = octo_split(job->pixels, job->pixel_blocks, pixel_block);
    const int pixels = octo_split(job->pixels, job->pixel_blocks, pixel_block + 1) - first;
    const size_t words = (size_t)job->words, most = (size_t)pixels_per_block(job->words);
    char *scratch = job->scratch + (size_t)worker * job->worker_bytes;
    uint32_t *rows = (uint32_t *)scratch;
    float *scales = (float *)(scratch + octo_lines(most * words * sizeof(uint32_t)));
    float *patch = (float *)((char *)scales + octo_lines(most * sizeof(float)));
    for (int i = 0; i < pixels; i++) {
        if (dense->precision == OCTO_FLOAT32) {
            gather(job, first + i, (float *)rows + (size_t)i * words);
        } else {
            gather(job, first + i, patch);
            octo_convert_row(job->set, dense->precision, patch, dense->inputs, rows + (size_t)i * words, scales + i);
        }
    }
    octo_product product = job->product;
    product.x = rows;
    product.x_stride = words;
    product.row_scales = scales;
    product.y += (size_t)first * product.y_stride;
    if (product.residual != NULL) product.residual += (size_t)first * product.y_stride;
    const int panels = octo_panels(dense);
    const int end = octo_split(panels, job->panel_blocks, panel_block + 1);
    const int most_panels = octo_product_panels(job->set, job->words, pixels);
    for (int panel = octo_split(panels, job->panel_blocks, panel_block); panel < end;) {
        const int count = octo_min(end - panel, most_panels);
        octo_product_block(job->set, &product, 0, pixels, panel, count);
        panel += count;
    }
}

// Gathering is repeated for each block of panels, so there is more than one only where threads would have no work.
enum { BLOCKS_PER_THREAD = 3, PANELS_AT_LEAST = 4 };

void octo_convolve(
    octo_team *team, const octo_convolution *c, const float *x, int height, int width, float *y, const float *residual,
    void *scratch) {
    const octo_dense *dense = &c->dense;
    const size_t outputs = (size_t)dense->outputs;
    if (is_product(c)) {
        octo_dense_apply(
            team, dense, x, (size_t)c->channels, height * width, y, outputs, OCTO_LINEAR, residual, scratch);
        return;
    }
    const int words = octo_words(dense->precision, dense->inputs);
    convolution_job job = {
        .set = octo_kernels(dense->precision),
        .convolution = c,
        .product = {.dense = dense, .y = y, .y_stride = outputs, .activation = OCTO_LINEAR, .residual = residual},
        .x = x, .height = height, .width = width, .out_width = out_size(c, width),
        .pixels = out_size(c, height) * out_size(c, width), .words = words, .scratch = scratch,
        .worker_bytes = worker_bytes(c)};
    job.pixel_blocks = octo_ceil_div(job.pixels, pixels_per_block(words));
    const int wished = octo_ceil_div(BLOCKS_PER_THREAD * octo_team_threads(team), job.pixel_blocks);
    job.panel_blocks = octo_max(1, octo_min(wished, octo_panels(dense) / PANELS_AT_LEAST));
    octo_team_run(team, convolve_block, &job, job.pixel_blocks * job.panel_blocks);
}
