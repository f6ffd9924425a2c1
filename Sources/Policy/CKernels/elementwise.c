#include "kernel_set.h"

void octo_activate(octo_activation activation, float *x, int count) {
    octo_kernels(OCTO_FLOAT32)->activate(activation, x, count);
}

bool octo_all_finite(const float *x, size_t count) { return octo_kernels(OCTO_FLOAT32)->all_finite(x, count); }

void octo_image_to_float(const uint8_t *rgb, int pixels, const float scale[3], const float shift[3], float *y) {
    // Sixteen pixels are three vectors of sixteen: so the channels' constants need no lookup, and compilers vectorise it.
    float scales[48], shifts[48];
    for (int i = 0; i < 48; i++) {
        scales[i] = scale[i % 3];
        shifts[i] = shift[i % 3];
    }
    int pixel = 0;
    for (; pixel + 16 <= pixels; pixel += 16, rgb += 48, y += 48)
        for (int i = 0; i < 48; i++) y[i] = (float)rgb[i] * scales[i] + shifts[i];
    for (int i = 0; i < 3 * (pixels - pixel); i++) y[i] = (float)rgb[i] * scales[i] + shifts[i];
}
