#include "keys.h"

#include <string.h>

size_t octo_key_values_bytes(octo_precision precision, int heads, int head_width, int capacity) {
    const octo_key_values kv = {.precision = precision, .heads = heads, .head_width = head_width, .capacity = capacity};
    return (size_t)heads * (octo_keys_of_head(&kv) + octo_values_of_head(&kv)) * sizeof(uint32_t);
}

void octo_key_values_init(
    octo_key_values *kv, octo_precision precision, int heads, int head_width, int capacity, void *memory) {
    *kv = (octo_key_values){
        .precision = precision, .heads = heads, .head_width = head_width, .capacity = capacity, .keys = memory};
    kv->values = (uint32_t *)memory + (size_t)heads * octo_keys_of_head(kv);
    // Values that were never stored are multiplied by 0: they must be numbers.
    memset(memory, 0, octo_key_values_bytes(precision, heads, head_width, capacity));
}

typedef struct {
    const octo_key_values *kv;
    const float *keys, *values;
    size_t stride;
    int position, rows, parts;
} store_job;

static void store_float32(const store_job *job, int head, int from, int to) {
    const octo_key_values *kv = job->kv;
    const int width = kv->head_width;
    const size_t column = (size_t)head * (size_t)width, words = (size_t)octo_key_words(kv);
    float *keys = (float *)kv->keys + (size_t)head * octo_keys_of_head(kv);
    float *values = (float *)kv->values + (size_t)head * octo_values_of_head(kv);
    for (int row = from; row < to;) {
        // The keys that fall into one panel: written line by line.
        const int position = job->position + row, lane = position % OCTO_PANEL;
        const int count = octo_min(to - row, OCTO_PANEL - lane);
        float *panel = keys + (size_t)(position / OCTO_PANEL) * words * OCTO_PANEL + lane;
        const float *source = job->keys + (size_t)row * job->stride + column;
        if (count == OCTO_PANEL) {
            for (int d = 0; d < width; d++)
                for (int i = 0; i < OCTO_PANEL; i++) panel[d * OCTO_PANEL + i] = source[(size_t)i * job->stride + (size_t)d];
        } else {
            for (int d = 0; d < width; d++)
                for (int i = 0; i < count; i++) panel[d * OCTO_PANEL + i] = source[(size_t)i * job->stride + (size_t)d];
        }
        for (int i = 0; i < count; i++)
            memcpy(
                values + (size_t)(position + i) * octo_value_columns(kv),
                job->values + (size_t)(row + i) * job->stride + column, (size_t)width * sizeof(float));
        row += count;
    }
}

// Pairs along the inner dimension of each product: two numbers of one key, and one number of two following values.
static void store_bfloat16(const store_job *job, int head, int from, int to) {
    const octo_key_values *kv = job->kv;
    const octo_kernel_set *set = octo_kernels(OCTO_BFLOAT16);
    const int width = kv->head_width;
    const size_t column = (size_t)head * (size_t)width, words = (size_t)octo_key_words(kv);
    uint32_t *keys = (uint32_t *)kv->keys + (size_t)head * octo_keys_of_head(kv);
    uint16_t *values = (uint16_t *)((uint32_t *)kv->values + (size_t)head * octo_values_of_head(kv));
    enum { CHUNK = 128 };
    uint32_t pairs[CHUNK / 2];
    for (int row = from; row < to; row++) {
        const size_t position = (size_t)(job->position + row);
        uint32_t *panel = keys + position / OCTO_PANEL * words * OCTO_PANEL + position % OCTO_PANEL;
        uint16_t *value = values + position / 2 * octo_value_columns(kv) * 2 + position % 2;
        for (int d = 0; d < width; d += CHUNK) {
            const int count = octo_min(CHUNK, width - d);
            set->to_bfloat16(job->keys + (size_t)row * job->stride + column + d, count, pairs);
            for (int i = 0; i < octo_ceil_div(count, 2); i++) panel[(size_t)(d / 2 + i) * OCTO_PANEL] = pairs[i];
            set->to_bfloat16(job->values + (size_t)row * job->stride + column + d, count, pairs);
            for (int i = 0; i < count; i++)
                value[(size_t)(d + i) * 2] = (uint16_t)(pairs[i / 2] >> 16 * (i % 2));
        }
    }
}

static void store_part(void *context, int index, int worker) {
    (void)worker;
    const store_job *job = context;
    const int head = index / job->parts, part = index % job->parts;
    const int from = octo_split(job->rows, job->parts, part), to = octo_split(job->rows, job->parts, part + 1);
    if (job->kv->precision == OCTO_FLOAT32) store_float32(job, head, from, to);
    else store_bfloat16(job, head, from, to);
}

enum { ROWS_PER_PART = 128 };

void octo_key_values_store(
    octo_team *team, const octo_key_values *kv, int position, const float *keys, const float *values, size_t stride,
    int rows) {
    if (rows <= 0) return;
    store_job job = {kv, keys, values, stride, position, rows, octo_ceil_div(rows, ROWS_PER_PART)};
    octo_team_run(team, store_part, &job, kv->heads * job.parts);
}
