// Kernels of the network, chosen for this CPU when the program starts. No state but that choice and no allocation: the
// caller owns all memory, says how it is aligned below, and passes scratch memory where a function asks for its size.
// All matrices are row-major float32; a stride is the distance between rows in floats. Sizes are positive and strides at
// least the width unless said otherwise. Nothing is checked.
//
// Determinism: with the same instruction set, the same inputs give the same bits, whatever the number of threads and
// whoever takes which task. Rows of a product or of attention do not influence each other: a row gives the same bits
// alone as among others. Between instruction sets results differ in the last places.
//
// A NaN or an infinity among the inputs of a row leaves that row's outputs not finite, in all precisions.
// octo_team may be NULL everywhere: the caller alone.
#pragma once
#include "team.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { OCTO_FLOAT32, OCTO_BFLOAT16, OCTO_INT8 } octo_precision;

// Name of the instruction set in use for a precision ("avx512", "avx2", "neon", "portable"; "avx512bf16",
// "avx512vnni"). NULL if this CPU has no instructions for it (bfloat16, int8): everything works nevertheless, by
// emulation, which is there to measure a precision's error anywhere and not to be fast.
const char *octo_kernels_name(octo_precision precision);
// For tests and benchmarks: from now on the float32 kernels of that name (which emulate the other precisions where the
// CPU lacks instructions); false, and no change, if this CPU cannot run them. Packed memory stays valid. Not while other
// threads compute.
bool octo_kernels_select(const char *name);

// ---- y = activation(x W + b) (+ residual) ----
// OCTO_FLOAT32: sums in float32, along the inputs in their order.
// OCTO_BFLOAT16: weights and x rounded to bfloat16 (to nearest even), sums in float32.
// OCTO_INT8: weights with one scale for each output, x with one for each row (largest magnitude = 127), exact sums.
typedef struct {
    octo_precision precision;
    int inputs, outputs;
    const void *panels;  // packed weights (and scales, sums), in memory the caller owns
    const float *bias;   // padded copy inside the caller's memory; NULL: none
} octo_dense;
// OCTO_GELU_TANH: 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))); OCTO_SWISH: x / (1 + e^-x).
typedef enum { OCTO_LINEAR, OCTO_GELU_TANH, OCTO_SWISH, OCTO_RELU } octo_activation;

size_t octo_dense_bytes(octo_precision precision, int inputs, int outputs);
// weights: [inputs, outputs]; bias: [outputs] or NULL; both are only read here. memory: octo_dense_bytes, 64-byte
// aligned, to be kept as long as `dense`, which points into it. Packs for any CPU.
void octo_dense_pack(octo_precision precision, int inputs, int outputs, const float *weights, const float *bias,
                     void *memory, octo_dense *dense);
// The same from several matrices [inputs, outputs[i]] side by side (Q|K|V in one product); memory: octo_dense_bytes for
// the sum of the outputs. biases, and each of them, may be NULL.
void octo_dense_pack_columns(octo_precision precision, int inputs, int parts, const int *outputs,
                             const float *const *weights, const float *const *biases, void *memory, octo_dense *dense);
// Bytes of scratch that octo_dense_apply needs (converted activations of the reduced precisions; 0 for float32).
size_t octo_dense_scratch_bytes(octo_precision precision, int rows, int inputs);
// x: [rows, inputs], y: [rows, outputs]. y may be the residual (in place addition), never overlap x. residual NULL: none;
// it has y's stride. scratch: 64-byte aligned; NULL for float32. Uses 70 KiB of stack.
void octo_dense_apply(octo_team *team, const octo_dense *dense, const float *x, size_t x_stride, int rows, float *y,
                      size_t y_stride, octo_activation activation, const float *residual, void *scratch);

// ---- norms and element-wise ----
// Every row to mean 0 and variance 1 (epsilon under the root), times scale, plus bias: [width] both. y may be x.
void octo_layer_norm(octo_team *team, const float *x, size_t x_stride, int rows, int width, const float *scale,
                     const float *bias, float epsilon, float *y, size_t y_stride);
// In place over [pixels, channels]: statistics over all pixels of groups of consecutive channels (channels are a
// multiple of groups), epsilon under the root, scale and bias [channels], then ReLU.
// scratch: octo_group_norm_scratch_bytes, 8-byte aligned.
size_t octo_group_norm_scratch_bytes(const octo_team *team, int channels);
void octo_group_norm_relu(octo_team *team, float *x, int pixels, int channels, int groups, const float *scale,
                          const float *bias, float epsilon, void *scratch);
// In place, on the calling thread.
void octo_activate(octo_activation activation, float *x, int count);
// True if all are finite (bit test, one pass, on the calling thread).
bool octo_all_finite(const float *x, size_t count);

// ---- convolution, zero padding on all sides, as products over gathered tiles of rows ----
// dense.inputs = kernel² · channels, in the order [kernel row, kernel column, channel].
typedef struct { int kernel, stride, padding, channels; octo_dense dense; } octo_convolution;
// Depends on the team's threads.
size_t octo_convolution_scratch_bytes(const octo_team *team, const octo_convolution *convolution, int height, int width);
// x [height, width, channels] → y [outHeight · outWidth, outputs] (+ residual of y's shape, NULL: none; y may be it),
// where outHeight = (height + 2 padding - kernel) / stride + 1. scratch: 64-byte aligned.
void octo_convolve(octo_team *team, const octo_convolution *convolution, const float *x, int height, int width, float *y,
                   const float *residual, void *scratch);
// uint8 RGB → float by x·scale[c] + shift[c]; y: [pixels, 3].
void octo_image_to_float(const uint8_t *rgb, int pixels, const float scale[3], const float shift[3], float *y);

// ---- attention over cached keys and values ----
typedef struct {
    octo_precision precision; // OCTO_FLOAT32 or OCTO_BFLOAT16
    int heads, head_width, capacity;
    void *keys, *values;      // packed as the kernels want them, in memory the caller owns
} octo_key_values;
size_t octo_key_values_bytes(octo_precision precision, int heads, int head_width, int capacity);
// memory: octo_key_values_bytes, 64-byte aligned; it is cleared.
void octo_key_values_init(octo_key_values *key_values, octo_precision precision, int heads, int head_width, int capacity,
                          void *memory);
// Puts rows of keys and values [rows, heads · head_width] at positions position ..< position + rows, in place of what
// was there; position + rows ≤ capacity. Whole groups of 16 positions are the fast case.
void octo_key_values_store(octo_team *team, const octo_key_values *key_values, int position, const float *keys,
                           const float *values, size_t stride, int rows);
// softmax(scale · q Kᵀ) V for every head; keys are positions 0 ..< count of `first`, and 0 ..< second_count of `second`
// (NULL: none; same precision, heads and head width) after them, all visible to all queries. q, out: [rows, heads ·
// head_width]; out may be q. count + second_count ≥ 1. In bfloat16 q and the weights of the softmax are rounded too.
// scratch: octo_attend_scratch_bytes for at least these rows and count + second_count keys, 64-byte aligned.
size_t octo_attend_scratch_bytes(const octo_team *team, int rows, int keys);
void octo_attend(octo_team *team, const octo_key_values *first, int count, const octo_key_values *second,
                 int second_count, const float *q, size_t q_stride, int rows, float scale, float *out, size_t out_stride,
                 void *scratch);
