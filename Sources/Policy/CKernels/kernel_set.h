// What one instruction set provides. The files kernels_*.c make one each from the same templates (tiles.h, rows.h);
// dispatch.c chooses. Everything above (dense.c, attention.c ...) is plain C that calls through this table.
#pragma once
#include "CKernels.h"

// Packed weights, keys and values stand in panels of so many columns: one cache line of float32, one AVX-512 register.
// The same for every instruction set, so that what was packed stays valid when another set is selected.
enum { OCTO_PANEL = 16 };
// Every operand is an array of 32-bit words: one float32, two bfloat16 or four 8-bit integers along the inner dimension.
// Products differ only in what they do with a pair of words.
enum { OCTO_PRECISIONS = 3 };
// The most rows and panels of a tile of any set.
enum { OCTO_TILE_ROWS = 14, OCTO_TILE_PANELS = 4, OCTO_TILE_COLUMNS = OCTO_PANEL * OCTO_TILE_PANELS };

// c[r][p] (+)= sum over k of a[r][k] · b[p][k], r and p fixed by the kernel, columns 16 at a time. Distances in words.
typedef struct {
    const void *a;       // rows, read one word at a time and broadcast
    size_t a_stride;     // from row to row
    const void *b;       // panels: 16 words for each k
    size_t b_stride;     // from k to k + 1
    size_t b_panel;      // from panel to panel
    void *c;             // float; int32 for 8-bit products
    size_t c_stride;
    int depth;           // number of k
    bool accumulate;     // c += instead of c =
    const char *ahead;   // fetched into the cache meanwhile: what the next tiles will read
    size_t ahead_step;   // bytes from k to k + 1
} octo_tile;
typedef void octo_tile_kernel(const octo_tile *);

// What happens to a tile's sums before they are stored.
typedef struct {
    const float *bias;           // padded to whole panels; NULL: none
    const float *scales;         // of columns, padded; NULL: sums are float already, else int32
    const int32_t *offsets;      // of columns, taken from the int32 sums
    const float *row_scales;
    octo_activation activation;
    const float *residual;       // NULL: none
    float *y;
    size_t y_stride;             // of residual too
} octo_finish;

typedef struct {
    const char *name;
    // [log2 panels][rows - 1], for 1, 2 and 4 panels and up to so many rows.
    octo_tile_kernel *const *tiles[OCTO_PRECISIONS][3];
    int tile_rows[3];
    int usual_panels;    // of a tile where rows are plenty; few rows take wider tiles
    int depth_block;     // words of the inner dimension that one pass over the rows takes: keeps rows in L2
    int row_block;       // rows that share a pass over the weights
    int query_block;     // queries that attention takes at a time
    void (*finish)(const octo_finish *, const void *sums, size_t stride, int rows, int columns);
    // scores [rows, stride] → exp(scale · score - largest) in columns 0 ..< count and second ..< second + second_count,
    // 0 in the rest of their last panels; sums[r] gets the total.
    void (*softmax)(float *scores, size_t stride, int rows, int count, int second, int second_count, float scale,
                    float *sums);
    void (*layer_norm)(const float *x, size_t x_stride, int rows, int width, const float *scale, const float *bias,
                       float epsilon, float *y, size_t y_stride);
    // [pixels, channels]: sum of each channel, and of the squares of its deviations from its own mean.
    void (*channel_moments)(const float *x, int pixels, int channels, float *sums, float *squares);
    void (*scale_shift_relu)(float *x, int pixels, int channels, const float *scale, const float *shift);
    void (*activate)(octo_activation, float *x, int count);
    bool (*all_finite)(const float *x, size_t count);
    // Rows of floats → pairs of bfloat16 (an odd last one with 0), to nearest even.
    void (*to_bfloat16)(const float *x, int count, uint32_t *y);
    // A row of floats → fours of 0 ... 255 with 128 as zero (padded with it); returns what one unit is worth.
    float (*to_int8)(const float *x, int count, uint32_t *y);
} octo_kernel_set;

// The set in use. Reduced precisions have sets of their own where the CPU has instructions for them, else they go
// through the float32 set, which emulates them.
const octo_kernel_set *octo_kernels(octo_precision);

// Defined for the architecture at hand only.
extern const octo_kernel_set octo_portable_kernels;
#if defined(__x86_64__)
extern const octo_kernel_set octo_avx2_kernels, octo_avx512_kernels, octo_avx512bf16_kernels, octo_avx512vnni_kernels;
#elif defined(__aarch64__)
extern const octo_kernel_set octo_neon_kernels;
#endif

static inline int octo_ceil_div(int a, int b) { return (a + b - 1) / b; }
static inline size_t octo_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }
static inline int octo_min(int a, int b) { return a < b ? a : b; }
static inline int octo_max(int a, int b) { return a > b ? a : b; }
// Words of one row of the inner dimension.
static inline int octo_words(octo_precision precision, int inputs) {
    switch (precision) {
    case OCTO_FLOAT32: return inputs;
    case OCTO_BFLOAT16: return octo_ceil_div(inputs, 2);
    case OCTO_INT8: return octo_ceil_div(inputs, 4);
    }
    return inputs;
}
// Where part `index` of `parts` begins when `count` things are split evenly.
static inline int octo_split(int count, int parts, int index) { return (int)((int64_t)count * index / parts); }

// How many panels the next tile takes of those left, as its binary logarithm: the widest that holds all rows, so that
// few rows too give enough independent sums to hide the latency of each.
static inline int octo_tile_width(const octo_kernel_set *set, int rows, int panels_left) {
    if (panels_left >= 4 && rows <= set->tile_rows[2]) return 2;
    if (panels_left >= 2 && (set->usual_panels == 2 || rows <= set->tile_rows[1])) return 1;
    return 0;
}
