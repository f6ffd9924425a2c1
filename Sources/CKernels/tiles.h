// Template of the products' inner kernels: a tile of ROWS × PANELS sums held in registers while k runs over the inner
// dimension. Included by kernels_*.c after vectors.h; needs TILE_KERNELS below instantiated for the set's tile sizes.
#pragma once

enum { VECTORS = OCTO_PANEL / LANES };  // of a panel

// Broadcast word · vector of words, added to the sums. The emulations of the reduced precisions compute the same
// products where there are no instructions for them.
INLINE vf multiply_float32(vf sums, int32_t a, vi b) {
#pragma clang fp contract(fast)
    return sums + (vf)(vi)a * (vf)b;
}

// A bfloat16 is the upper half of a float: the lower one of a pair is shifted up, the other stands right already.
INLINE vf emulate_bfloat16(vf sums, int32_t a, vi b) {
#pragma clang fp contract(fast)
    vi pair = (vi)a;
    sums = sums + (vf)(pair << 16) * (vf)(b << 16);
    return sums + (vf)(pair & (int32_t)0xffff0000) * (vf)(b & (int32_t)0xffff0000);
}

// Unsigned bytes of a, signed bytes of b; the sums are integers.
INLINE vf emulate_int8(vf sums, int32_t a, vi b) {
    vi total = (vi)sums;
    for (int i = 0; i < 4; i++) total += (vi)(int32_t)((uint32_t)a >> 8 * i & 255) * (b << (24 - 8 * i) >> 24);
    return (vf)total;
}

#define UNROLL _Pragma("clang loop unroll(full)")

// Rows are addressed as base + {0, 1, 2} strides from every third row, and k advances all bases together: fourteen
// pointers would not fit into the general registers.
#define TILE_KERNEL(NAME, MULTIPLY, ROWS, PANELS)                                                                     \
    static void NAME##_##ROWS##x##PANELS(const octo_tile *t) {                                                        \
        enum { GROUPS = (ROWS + 2) / 3 };                                                                             \
        const size_t stride = t->a_stride;                                                                            \
        const int_memory *a[GROUPS];                                                                                  \
        UNROLL for (int g = 0; g < GROUPS; g++) a[g] = (const int_memory *)t->a + (size_t)(3 * g) * stride;           \
        const int_memory *b = t->b;                                                                                   \
        const size_t b_stride = t->b_stride, b_panel = t->b_panel;                                                    \
        const char *ahead = t->ahead;                                                                                 \
        const size_t ahead_step = t->ahead_step;                                                                      \
        vf sums[ROWS][PANELS * VECTORS];                                                                              \
        if (t->accumulate) {                                                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                   \
                sums[r][v] = load((const float *)t->c + (size_t)r * t->c_stride + v * LANES);                         \
        } else {                                                                                                      \
            UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                   \
                sums[r][v] = (vf)0.0f;                                                                                \
        }                                                                                                             \
        for (int k = 0; k < t->depth; k++) {                                                                          \
            vi words[PANELS * VECTORS];                                                                               \
            UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                                                         \
                words[v] = *(const vi_memory *)(b + (size_t)(v / VECTORS) * b_panel + v % VECTORS * LANES);           \
            __builtin_prefetch(ahead);                                                                                \
            UNROLL for (int r = 0; r < ROWS; r++) {                                                                   \
                const int32_t word = a[r / 3][(size_t)(r % 3) * stride];                                              \
                UNROLL for (int v = 0; v < PANELS * VECTORS; v++) sums[r][v] = MULTIPLY(sums[r][v], word, words[v]);  \
            }                                                                                                         \
            UNROLL for (int g = 0; g < GROUPS; g++) a[g]++;                                                           \
            b += b_stride;                                                                                            \
            ahead += ahead_step;                                                                                      \
        }                                                                                                             \
        UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                       \
            store((float *)t->c + (size_t)r * t->c_stride + v * LANES, sums[r][v]);                                   \
    }

// Kernels for 1 ... n rows and a table of them.
#define TILES_3(NAME, M, P) TILE_KERNEL(NAME, M, 1, P) TILE_KERNEL(NAME, M, 2, P) TILE_KERNEL(NAME, M, 3, P)
#define TILES_6(NAME, M, P) \
    TILES_3(NAME, M, P) TILE_KERNEL(NAME, M, 4, P) TILE_KERNEL(NAME, M, 5, P) TILE_KERNEL(NAME, M, 6, P)
#define TILES_14(NAME, M, P)                                                                       \
    TILES_6(NAME, M, P)                                                                            \
    TILE_KERNEL(NAME, M, 7, P) TILE_KERNEL(NAME, M, 8, P) TILE_KERNEL(NAME, M, 9, P)               \
    TILE_KERNEL(NAME, M, 10, P) TILE_KERNEL(NAME, M, 11, P) TILE_KERNEL(NAME, M, 12, P)            \
    TILE_KERNEL(NAME, M, 13, P) TILE_KERNEL(NAME, M, 14, P)
#define NAMES_1(NAME, P) NAME##_1x##P
#define NAMES_2(NAME, P) NAMES_1(NAME, P), NAME##_2x##P
#define NAMES_3(NAME, P) NAMES_2(NAME, P), NAME##_3x##P
#define NAMES_6(NAME, P) NAMES_3(NAME, P), NAME##_4x##P, NAME##_5x##P, NAME##_6x##P
#define NAMES_14(NAME, P)                                                                                           \
    NAMES_6(NAME, P), NAME##_7x##P, NAME##_8x##P, NAME##_9x##P, NAME##_10x##P, NAME##_11x##P, NAME##_12x##P,        \
        NAME##_13x##P, NAME##_14x##P
// ONE, TWO, FOUR: the most rows of tiles of so many panels.
#define TILE_TABLES(NAME, MULTIPLY, ONE, TWO, FOUR)                                        \
    TILES_##ONE(NAME, MULTIPLY, 1) TILES_##TWO(NAME, MULTIPLY, 2) TILES_##FOUR(NAME, MULTIPLY, 4) \
    static octo_tile_kernel *const NAME##_one[] = {NAMES_##ONE(NAME, 1)};                  \
    static octo_tile_kernel *const NAME##_two[] = {NAMES_##TWO(NAME, 2)};                  \
    static octo_tile_kernel *const NAME##_four[] = {NAMES_##FOUR(NAME, 4)};
#define TILES_1(NAME, M, P) TILE_KERNEL(NAME, M, 1, P)
#define TILES_2(NAME, M, P) TILE_KERNEL(NAME, M, 1, P) TILE_KERNEL(NAME, M, 2, P)
#define ALL_TILE_TABLES(ONE, TWO, FOUR)                             \
    TILE_TABLES(float32, multiply_float32, ONE, TWO, FOUR)          \
    TILE_TABLES(bfloat16, emulate_bfloat16, ONE, TWO, FOUR)        \
    TILE_TABLES(int8, emulate_int8, ONE, TWO, FOUR)
#define TILE_TABLES_OF_SET                                                          \
    {{float32_one, float32_two, float32_four}, {bfloat16_one, bfloat16_two, bfloat16_four}, \
     {int8_one, int8_two, int8_four}}
