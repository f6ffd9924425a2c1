#include "keys.h"

typedef struct {
    const octo_kernel_set *set;
    const octo_key_values *first, *second;
    int count, second_count;
    const float *q;
    float *out;
    size_t q_stride, out_stride;
    int rows, blocks;
    float scale;
    char *scratch;
    size_t worker_bytes;
} attention_job;

static int padded(int count) { return octo_ceil_div(count, OCTO_PANEL) * OCTO_PANEL; }

// Scores of a block of queries, and the same as bfloat16.
static size_t worker_bytes(int keys) {
    const size_t columns = (size_t)padded(keys) + OCTO_PANEL;  // two lists of keys may have two padded ends
    return OCTO_TILE_ROWS * columns * (sizeof(float) + sizeof(uint16_t));
}

size_t octo_attend_scratch_bytes(const octo_team *team, int rows, int keys) {
    (void)rows;
    return (size_t)octo_team_threads(team) * octo_lines(worker_bytes(keys));
}

typedef struct {
    const void *a;
    size_t a_stride;
    const void *b;
    size_t b_stride, b_panel;
    float *c;
    size_t c_stride;
    int rows, panels, depth;
    bool accumulate;
} small_product;

static void multiply(const octo_kernel_set *set, octo_precision precision, const small_product *s) {
    for (int p = 0, width = 0; p < s->panels; p += 1 << width) {
        width = octo_tile_width(set, s->rows, s->panels - p);
        const int tiles = octo_ceil_div(s->rows, set->tile_rows[width]);
        const uint32_t *b = (const uint32_t *)s->b + (size_t)p * s->b_panel;
        for (int t = 0; t < tiles; t++) {
            const int row = octo_split(s->rows, tiles, t), rows = octo_split(s->rows, tiles, t + 1) - row;
            const octo_tile tile = {
                .a = (const uint32_t *)s->a + (size_t)row * s->a_stride, .a_stride = s->a_stride,
                .b = b, .b_stride = s->b_stride, .b_panel = s->b_panel,
                .c = s->c + (size_t)row * s->c_stride + (size_t)p * OCTO_PANEL, .c_stride = s->c_stride,
                .depth = s->depth, .accumulate = s->accumulate, .ahead = (const char *)b, .ahead_step = 0};
            set->tiles[precision][width][rows - 1](&tile);
        }
    }
}

// Queries are converted to bfloat16 so many numbers at a time.
enum { QUERY_CHUNK = 256 };

// scores = q Kᵀ for all keys of one list, whole panels of them.
static void score(
    const attention_job *job, const octo_key_values *kv, int count, int head, int row, int rows, float *scores,
    size_t stride) {
    const size_t panel = (size_t)octo_key_words(kv) * OCTO_PANEL;
    const float *q = job->q + (size_t)row * job->q_stride + (size_t)head * (size_t)kv->head_width;
    small_product product = {
        .b = (const uint32_t *)kv->keys + (size_t)head * octo_keys_of_head(kv), .b_stride = OCTO_PANEL, .b_panel = panel,
        .c = scores, .c_stride = stride, .rows = rows, .panels = padded(count) / OCTO_PANEL};
    if (kv->precision == OCTO_FLOAT32) {
        product.a = q;
        product.a_stride = job->q_stride;
        product.depth = kv->head_width;
        multiply(job->set, OCTO_FLOAT32, &product);
        return;
    }
    uint32_t words[OCTO_TILE_ROWS][QUERY_CHUNK / 2];
    const uint32_t *keys = product.b;
    for (int d = 0; d < kv->head_width; d += QUERY_CHUNK) {
        const int width = octo_min(QUERY_CHUNK, kv->head_width - d);
        for (int r = 0; r < rows; r++) job->set->to_bfloat16(q + (size_t)r * job->q_stride + d, width, words[r]);
        product.a = words;
        product.a_stride = QUERY_CHUNK / 2;
        product.b = keys + (size_t)(d / 2) * OCTO_PANEL;
        product.depth = octo_ceil_div(width, 2);
        product.accumulate = d > 0;
        multiply(job->set, OCTO_BFLOAT16, &product);
    }
}

// One panel group of the output: weights · V of both lists.
static void mix(
    const attention_job *job, int head, int rows, const void *weights, size_t stride, int column, int panels,
    float *sums) {
    const octo_key_values *lists[2] = {job->first, job->second};
    const int counts[2] = {job->count, job->second_count};
    size_t from = 0;
    bool accumulate = false;
    for (int i = 0; i < 2; i++) {
        if (counts[i] == 0) continue;
        const octo_key_values *kv = lists[i];
        const small_product product = {
            .a = (const uint32_t *)weights + from, .a_stride = stride,
            .b = (const uint32_t *)kv->values + (size_t)head * octo_values_of_head(kv) + column,
            .b_stride = octo_value_columns(kv), .b_panel = OCTO_PANEL,
            .c = sums, .c_stride = OCTO_TILE_COLUMNS, .rows = rows, .panels = panels,
            .depth = octo_words(kv->precision, counts[i]), .accumulate = accumulate};
        multiply(job->set, kv->precision, &product);
        accumulate = true;
        from += (size_t)octo_words(kv->precision, padded(counts[i]));
    }
}

static void attend_block(void *context, int index, int worker) {
    const attention_job *job = context;
    const octo_key_values *kv = job->first;
    const int head = index / job->blocks, block = index % job->blocks;
    const int row = octo_split(job->rows, job->blocks, block);
    const int rows = octo_split(job->rows, job->blocks, block + 1) - row;
    const int second = padded(job->count);
    const size_t stride = (size_t)(second + padded(job->second_count));
    float *scores = (float *)(job->scratch + (size_t)worker * job->worker_bytes);
    if (job->count > 0) score(job, kv, job->count, head, row, rows, scores, stride);
    if (job->second_count > 0) score(job, job->second, job->second_count, head, row, rows, scores + second, stride);
    float totals[OCTO_TILE_ROWS];
    job->set->softmax(scores, stride, rows, job->count, second, job->second_count, job->scale, totals);

    const void *weights = scores;
    size_t weights_stride = stride;
    if (kv->precision == OCTO_BFLOAT16) {
        uint32_t *words = (uint32_t *)(scores + (size_t)rows * stride);
        weights_stride = stride / 2;
        for (int r = 0; r < rows; r++)
            job->set->to_bfloat16(scores + (size_t)r * stride, (int)stride, words + (size_t)r * weights_stride);
        weights = words;
    }
    _Alignas(64) float sums[OCTO_TILE_ROWS * OCTO_TILE_COLUMNS];
    float *out = job->out + (size_t)row * job->out_stride + (size_t)head * (size_t)kv->head_width;
    for (int column = 0; column < kv->head_width; column += OCTO_TILE_COLUMNS) {
        const int columns = octo_min(OCTO_TILE_COLUMNS, kv->head_width - column);
        mix(job, head, rows, weights, weights_stride, column, octo_ceil_div(columns, OCTO_PANEL), sums);
        for (int r = 0; r < rows; r++) {
            const float factor = 1 / totals[r];
            for (int c = 0; c < columns; c++)
                out[(size_t)r * job->out_stride + (size_t)(column + c)] = sums[r * OCTO_TILE_COLUMNS + c] * factor;
        }
    }
}

void octo_attend(
    octo_team *team, const octo_key_values *first, int count, const octo_key_values *second, int second_count,
    const float *q, size_t q_stride, int rows, float scale, float *out, size_t out_stride, void *scratch) {
    if (rows <= 0) return;
    if (second == NULL) second_count = 0;
    const octo_kernel_set *set = octo_kernels(first->precision);
    attention_job job = {
        .set = set, .first = first, .second = second, .count = count, .second_count = second_count, .q = q, .out = out,
        .q_stride = q_stride, .out_stride = out_stride, .rows = rows, .blocks = octo_ceil_div(rows, set->query_block),
        .scale = scale, .scratch = scratch, .worker_bytes = octo_lines(worker_bytes(count + second_count))};
    octo_team_run(team, attend_block, &job, first->heads * job.blocks);
}
