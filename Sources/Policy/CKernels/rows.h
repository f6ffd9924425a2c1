// Template of everything that works along rows: what follows a product, softmax, norms, activations, conversions.
// Included by kernels_*.c after vectors.h.
#pragma once

INLINE vf finished(const octo_finish *f, const void *sums, int row, int column, octo_activation activation) {
    vf x = *(const vf_memory *)sums;
    if (f->scales != NULL) {
        vi whole = (vi)x - *(const vi_memory *)(f->offsets + column);
        x = __builtin_convertvector(whole, vf) * (load(f->scales + column) * (vf)f->row_scales[row]);
    }
    if (f->bias != NULL) x += load(f->bias + column);
    return activated(activation, x);
}

INLINE void finish_rows(
    const octo_finish *f, const float *sums, size_t stride, int rows, int columns, octo_activation activation) {
    for (int row = 0; row < rows; row++) {
        const float *source = sums + (size_t)row * stride;
        float *y = f->y + (size_t)row * f->y_stride;
        const float *residual = f->residual == NULL ? NULL : f->residual + (size_t)row * f->y_stride;
        int c = 0;
        for (; c + LANES <= columns; c += LANES) {
            vf x = finished(f, source + c, row, c, activation);
            if (residual != NULL) x += load(residual + c);
            store(y + c, x);
        }
        if (c < columns) {
            vf x = finished(f, source + c, row, c, activation);
            if (residual != NULL) x += load_first(residual + c, columns - c, 0);
            store_first(y + c, x, columns - c);
        }
    }
}

// columns of sums, bias, scales and offsets are readable up to the next whole panel.
static void finish(const octo_finish *f, const void *sums, size_t stride, int rows, int columns) {
    switch (f->activation) {
    case OCTO_LINEAR: finish_rows(f, sums, stride, rows, columns, OCTO_LINEAR); break;
    case OCTO_GELU_TANH: finish_rows(f, sums, stride, rows, columns, OCTO_GELU_TANH); break;
    case OCTO_SWISH: finish_rows(f, sums, stride, rows, columns, OCTO_SWISH); break;
    case OCTO_RELU: finish_rows(f, sums, stride, rows, columns, OCTO_RELU); break;
    }
}

// The largest of scale · x, lanes of `largest` included.
INLINE vf largest_scaled(const float *x, int count, vf scale, vf largest) {
    int i = 0;
    vf second = largest;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vf a = load(x + i) * scale, b = load(x + i + LANES) * scale;
        largest = a > largest ? a : largest;
        second = b > second ? b : second;
    }
    for (; i < count; i += LANES) {
        vf a = load_first(x + i, octo_min(LANES, count - i), x[i]) * scale;
        largest = a > largest ? a : largest;
    }
    return second > largest ? second : largest;
}

// x → exp(scale · x - largest), 0 from count to the end of its panel; returns sums by lane.
INLINE vf exponentials(float *x, int count, vf scale, vf largest) {
#pragma clang fp contract(fast)
    vf sums = (vf)0.0f;
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        vf weight = exponential_below_88(load(x + i) * scale - largest);
        store(x + i, weight);
        sums += weight;
    }
    const int end = octo_ceil_div(count, OCTO_PANEL) * OCTO_PANEL;
    for (; i < end; i += LANES) {
        vf weight = exponential_below_88(load(x + i) * scale - largest);
        weight = load_first((const float *)&weight, octo_max(0, octo_min(LANES, count - i)), 0);
        store(x + i, weight);
        sums += weight;
    }
    return sums;
}

static void softmax(
    float *scores, size_t stride, int rows, int count, int second, int second_count, float scale, float *sums) {
    for (int row = 0; row < rows; row++) {
        float *x = scores + (size_t)row * stride;
        vf lanes = largest_scaled(x, count, (vf)scale, (vf)-FLT_MAX);
        vf largest = (vf)largest_of(largest_scaled(x + second, second_count, (vf)scale, lanes));
        vf total = exponentials(x, count, (vf)scale, largest);
        total += exponentials(x + second, second_count, (vf)scale, largest);
        sums[row] = sum_of(total);
    }
}

static void layer_norm(
    const float *x, size_t x_stride, int rows, int width, const float *scale, const float *bias, float epsilon,
    float *y, size_t y_stride) {
#pragma clang fp contract(fast)
    const int whole = width / LANES * LANES, rest = width - whole;
    for (int row = 0; row < rows; row++, x += x_stride, y += y_stride) {
        vf sums[2] = {(vf)0.0f, (vf)0.0f};
        int i = 0;
        for (; i + 2 * LANES <= whole; i += 2 * LANES) {
            sums[0] += load(x + i);
            sums[1] += load(x + i + LANES);
        }
        for (; i < whole; i += LANES) sums[0] += load(x + i);
        if (rest > 0) sums[1] += load_first(x + whole, rest, 0);
        const float mean = sum_of(sums[0] + sums[1]) / (float)width;
        vf squares[2] = {(vf)0.0f, (vf)0.0f};
        for (i = 0; i + 2 * LANES <= whole; i += 2 * LANES) {
            vf a = load(x + i) - mean, b = load(x + i + LANES) - mean;
            squares[0] += a * a;
            squares[1] += b * b;
        }
        for (; i < whole; i += LANES) {
            vf a = load(x + i) - mean;
            squares[0] += a * a;
        }
        if (rest > 0) {
            vf a = load_first(x + whole, rest, mean) - mean;
            squares[1] += a * a;
        }
        const float factor = 1 / __builtin_sqrtf(sum_of(squares[0] + squares[1]) / (float)width + epsilon);
        for (i = 0; i < whole; i += LANES)
            store(y + i, (load(x + i) - mean) * ((vf)factor * load(scale + i)) + load(bias + i));
        for (; i < width; i++) y[i] = (x[i] - mean) * (factor * scale[i]) + bias[i];
    }
}

// Four vectors of channels at a time stay in registers while the pixels go by.
INLINE void moments_of(const float *x, int pixels, int channels, int vectors, float *sums, float *squares) {
#pragma clang fp contract(fast)
    vf total[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < vectors; v++) total[v] += load(x + (size_t)p * (size_t)channels + v * LANES);
    vf mean[4], square[4] = {(vf)0.0f, (vf)0.0f, (vf)0.0f, (vf)0.0f};
    for (int v = 0; v < vectors; v++) mean[v] = total[v] / (vf)(float)pixels;
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < vectors; v++) {
            vf deviation = load(x + (size_t)p * (size_t)channels + v * LANES) - mean[v];
            square[v] += deviation * deviation;
        }
    for (int v = 0; v < vectors; v++) {
        store(sums + v * LANES, total[v]);
        store(squares + v * LANES, square[v]);
    }
}

static void channel_moments(const float *x, int pixels, int channels, float *sums, float *squares) {
    int c = 0;
    for (; c + 4 * LANES <= channels; c += 4 * LANES) moments_of(x + c, pixels, channels, 4, sums + c, squares + c);
    for (; c + LANES <= channels; c += LANES) moments_of(x + c, pixels, channels, 1, sums + c, squares + c);
    for (; c < channels; c++) {
        float total = 0, square = 0;
        for (int p = 0; p < pixels; p++) total += x[(size_t)p * (size_t)channels + c];
        const float mean = total / (float)pixels;
        for (int p = 0; p < pixels; p++) {
            const float deviation = x[(size_t)p * (size_t)channels + c] - mean;
            square += deviation * deviation;
        }
        sums[c] = total;
        squares[c] = square;
    }
}

static void scale_shift_relu(float *x, int pixels, int channels, const float *scale, const float *shift) {
#pragma clang fp contract(fast)
    for (int p = 0; p < pixels; p++, x += channels) {
        int c = 0;
        for (; c + LANES <= channels; c += LANES)
            store(x + c, at_least(load(x + c) * load(scale + c) + load(shift + c), 0));
        for (; c < channels; c++) {
            const float y = x[c] * scale[c] + shift[c];
            x[c] = y < 0 ? 0 : y;
        }
    }
}

INLINE void activate_all(octo_activation activation, float *x, int count) {
    int i = 0;
    for (; i + LANES <= count; i += LANES) store(x + i, activated(activation, load(x + i)));
    if (i < count) store_first(x + i, activated(activation, load_first(x + i, count - i, 0)), count - i);
}

static void activate(octo_activation activation, float *x, int count) {
    switch (activation) {
    case OCTO_LINEAR: break;
    case OCTO_GELU_TANH: activate_all(OCTO_GELU_TANH, x, count); break;
    case OCTO_SWISH: activate_all(OCTO_SWISH, x, count); break;
    case OCTO_RELU: activate_all(OCTO_RELU, x, count); break;
    }
}

// Infinities and NaNs are the floats whose exponent bits are all set.
static bool all_finite(const float *x, size_t count) {
    const int32_t exponent = 0x7f800000;
    vi found = (vi)0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) found |= ((vi)load(x + i) & exponent) == exponent;
    if (i < count) found |= ((vi)load_first(x + i, (int)(count - i), 0) & exponent) == exponent;
    int32_t any = 0;
    for (int v = 0; v < LANES; v++) any |= found[v];
    return any == 0;
}

// Rounds to nearest even; a NaN stays one.
INLINE uint32_t bfloat16_of(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : rounded;
}

static void to_bfloat16(const float *x, int count, uint32_t *y) {
    for (int i = 0; i < count / 2; i++) y[i] = bfloat16_of(x[2 * i]) | bfloat16_of(x[2 * i + 1]) << 16;
    if (count % 2 == 1) y[count / 2] = bfloat16_of(x[count - 1]);
}

static float to_int8(const float *x, int count, uint32_t *y) {
    // Magnitudes compared as integers, which have the order of the floats and let a NaN win: it makes the whole row NaN.
    vi lanes = (vi)0;
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        vi magnitude = (vi)load(x + i) & 0x7fffffff;
        lanes = magnitude > lanes ? magnitude : lanes;
    }
    if (i < count) {
        vi magnitude = (vi)load_first(x + i, count - i, 0) & 0x7fffffff;
        lanes = magnitude > lanes ? magnitude : lanes;
    }
    int32_t bits_of_largest = 0;
    for (int v = 0; v < LANES; v++) bits_of_largest = octo_max(bits_of_largest, lanes[v]);
    float largest;
    __builtin_memcpy(&largest, &bits_of_largest, sizeof largest);
    const float unit = bits_of_largest > 0 ? largest / 127 : 1, inverse = 1 / unit;
    uint8_t *bytes = (uint8_t *)y;
    for (i = 0; i < count; i++) {
        // Adding 1.5 · 2^23 rounds to nearest even and leaves the integer in the low bits; 128 is the zero point.
        float shifted = x[i] * inverse + 12582912.0f;
        uint32_t bits;
        __builtin_memcpy(&bits, &shifted, sizeof bits);
        bytes[i] = (uint8_t)(bits + 128);
    }
    for (; i % 4 != 0; i++) bytes[i] = 128;
    return unit;
}

#define ROW_KERNELS                                                                                                  \
    .finish = finish, .softmax = softmax, .layer_norm = layer_norm, .channel_moments = channel_moments,              \
    .scale_shift_relu = scale_shift_relu, .activate = activate, .all_finite = all_finite, .to_bfloat16 = to_bfloat16, \
    .to_int8 = to_int8
