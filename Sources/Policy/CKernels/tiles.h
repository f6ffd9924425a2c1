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

// Makes a pointer's origin unknown to the compiler, which else computes each row's address anew and, in an unrolled loop,
// holds them all: then the sums no longer fit.
#define KEPT_IN_REGISTER(POINTER) __asm__("" : "+r"(POINTER))

// COUNT steps along the inner dimension. Rows are addressed as base + {0, 1, 2} strides from every third row, and the
// steps by a constant: fourteen pointers would not fit into the general registers.
#define TILE_STEPS(MULTIPLY, ROWS, PANELS, COUNT)                                                                     \
    UNROLL for (int g = 0; g < (ROWS + 2) / 3; g++) KEPT_IN_REGISTER(a[g]);                                           \
    UNROLL for (int j = 0; j < COUNT; j++) {                                                                          \
        KEPT_IN_REGISTER(b);                                                                                          \
        vi words[PANELS * VECTORS];                                                                                   \
        UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                                                             \
            words[v] = *(const vi_memory *)(b + (size_t)(v / VECTORS) * b_panel + v % VECTORS * LANES);               \
        __builtin_prefetch(ahead, 0, 2);                                                                                   \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                       \
            const int32_t word = a[r / 3][(size_t)(r % 3) * stride + j];                                              \
            UNROLL for (int v = 0; v < PANELS * VECTORS; v++) sums[r][v] = MULTIPLY(sums[r][v], word, words[v]);      \
        }                                                                                                             \
        b += b_stride;                                                                                                \
        ahead += ahead_step;                                                                                          \
    }                                                                                                                 \
    UNROLL for (int g = 0; g < (ROWS + 2) / 3; g++) a[g] += COUNT;

#define TILE_KERNEL(NAME, MULTIPLY, STEPS, ROWS, PANELS)                                                                   \
    static void NAME##_##ROWS##x##PANELS(const octo_tile *t) {                                                        \
        const size_t stride = t->a_stride, b_stride = t->b_stride, b_panel = t->b_panel, c_stride = t->c_stride;      \
        const int_memory *a[(ROWS + 2) / 3];                                                                          \
        UNROLL for (int g = 0; g < (ROWS + 2) / 3; g++) a[g] = (const int_memory *)t->a + (size_t)(3 * g) * stride;   \
        const int_memory *b = t->b;                                                                                   \
        float_memory *const c = t->c;                                                                                 \
        const char *ahead = t->ahead;                                                                                 \
        const size_t ahead_step = t->ahead_step;                                                                      \
        vf sums[ROWS][PANELS * VECTORS];                                                                              \
        if (t->accumulate) {                                                                                          \
            UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                   \
                sums[r][v] = load(c + (size_t)r * c_stride + v * LANES);                                              \
        } else {                                                                                                      \
            UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                   \
                sums[r][v] = (vf)0.0f;                                                                                \
        }                                                                                                             \
        int k = t->depth;                                                                                             \
        for (; k >= STEPS; k -= STEPS) { TILE_STEPS(MULTIPLY, ROWS, PANELS, STEPS) }                                  \
        for (; k > 0; k--) { TILE_STEPS(MULTIPLY, ROWS, PANELS, 1) }                                                  \
        UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int v = 0; v < PANELS * VECTORS; v++)                       \
            store(c + (size_t)r * c_stride + v * LANES, sums[r][v]);                                                  \
    }

// Kernels for 1 ... n rows and tables of them. ONE, TWO, FOUR: the most rows of tiles of so many panels.
#define TILES_1(NAME, M, S, P) TILE_KERNEL(NAME, M, S, 1, P)
#define TILES_2(NAME, M, S, P) TILES_1(NAME, M, S, P) TILE_KERNEL(NAME, M, S, 2, P)
#define TILES_3(NAME, M, S, P) TILES_2(NAME, M, S, P) TILE_KERNEL(NAME, M, S, 3, P)
#define TILES_6(NAME, M, S, P)                                                                         \
    TILES_3(NAME, M, S, P)                                                                             \
    TILE_KERNEL(NAME, M, S, 4, P) TILE_KERNEL(NAME, M, S, 5, P) TILE_KERNEL(NAME, M, S, 6, P)
#define TILES_14(NAME, M, S, P)                                                                        \
    TILES_6(NAME, M, S, P)                                                                             \
    TILE_KERNEL(NAME, M, S, 7, P) TILE_KERNEL(NAME, M, S, 8, P) TILE_KERNEL(NAME, M, S, 9, P)          \
    TILE_KERNEL(NAME, M, S, 10, P) TILE_KERNEL(NAME, M, S, 11, P) TILE_KERNEL(NAME, M, S, 12, P)       \
    TILE_KERNEL(NAME, M, S, 13, P) TILE_KERNEL(NAME, M, S, 14, P)
#define NAMES_1(NAME, P) NAME##_1x##P
#define NAMES_2(NAME, P) NAMES_1(NAME, P), NAME##_2x##P
#define NAMES_3(NAME, P) NAMES_2(NAME, P), NAME##_3x##P
#define NAMES_6(NAME, P) NAMES_3(NAME, P), NAME##_4x##P, NAME##_5x##P, NAME##_6x##P
#define NAMES_14(NAME, P)                                                                                           \
    NAMES_6(NAME, P), NAME##_7x##P, NAME##_8x##P, NAME##_9x##P, NAME##_10x##P, NAME##_11x##P, NAME##_12x##P,        \
        NAME##_13x##P, NAME##_14x##P
#define TILE_TABLES(NAME, MULTIPLY, STEPS, ONE, TWO, FOUR)                                 \
    TILES_##ONE(NAME, MULTIPLY, STEPS, 1)                                                  \
    TILES_##TWO(NAME, MULTIPLY, STEPS, 2)                                                  \
    TILES_##FOUR(NAME, MULTIPLY, STEPS, 4)                                                 \
    static octo_tile_kernel *const NAME##_one[] = {NAMES_##ONE(NAME, 1)};                  \
    static octo_tile_kernel *const NAME##_two[] = {NAMES_##TWO(NAME, 2)};                  \
    static octo_tile_kernel *const NAME##_four[] = {NAMES_##FOUR(NAME, 4)};
// Emulations are not unrolled: they are not there to be fast.
#define ALL_TILE_TABLES(ONE, TWO, FOUR)                                \
    TILE_TABLES(float32, multiply_float32, 4, ONE, TWO, FOUR)          \
    TILE_TABLES(bfloat16, emulate_bfloat16, 1, ONE, TWO, FOUR)         \
    TILE_TABLES(int8, emulate_int8, 1, ONE, TWO, FOUR)
#define TILE_TABLES_OF_SET                                                                  \
    {{float32_one, float32_two, float32_four}, {bfloat16_one, bfloat16_two, bfloat16_four}, \
     {int8_one, int8_two, int8_four}}
