#include "kernel_set.h"

#include <math.h>

enum { ROWS_PER_TASK = 16 };

typedef struct {
    const octo_kernel_set *set;
    const float *x, *scale, *bias;
    float *y;
    size_t x_stride, y_stride;
    int rows, width;
    float epsilon;
} layer_norm_job;

static void normalise_rows(void *context, int index, int worker) {
    (void)worker;
    const layer_norm_job *job = context;
    const int row = index * ROWS_PER_TASK;
    job->set->layer_norm(
        job->x + (size_t)row * job->x_stride, job->x_stride, octo_min(ROWS_PER_TASK, job->rows - row), job->width,
        job->scale, job->bias, job->epsilon, job->y + (size_t)row * job->y_stride, job->y_stride);
}

void octo_layer_norm(
    octo_team *team, const float *x, size_t x_stride, int rows, int width, const float *scale, const float *bias,
    float epsilon, float *y, size_t y_stride) {
    layer_norm_job job = {octo_kernels(OCTO_FLOAT32), x, scale, bias, y, x_stride, y_stride, rows, width, epsilon};
    octo_team_run(team, normalise_rows, &job, octo_ceil_div(rows, ROWS_PER_TASK));
}

// The pixels are cut into parts whose number depends on nothing but their own: so do the sums.
enum { MOST_PARTS = 64, PIXELS_PER_PART = 64 };

static int parts_of(int pixels) { return octo_max(1, octo_min(MOST_PARTS, pixels / PIXELS_PER_PART)); }

typedef struct {
    const octo_kernel_set *set;
    float *x;
    int pixels, channels, parts;
    float *sums, *squares;   // [parts, channels]
    float *factors, *shifts; // [channels]
} group_norm_job;

static void sum_part(void *context, int index, int worker) {
    (void)worker;
    const group_norm_job *job = context;
    const int from = octo_split(job->pixels, job->parts, index), to = octo_split(job->pixels, job->parts, index + 1);
    const size_t part = (size_t)index * (size_t)job->channels;
    job->set->channel_moments(
        job->x + (size_t)from * (size_t)job->channels, to - from, job->channels, job->sums + part, job->squares + part);
}

static void normalise_part(void *context, int index, int worker) {
    (void)worker;
    const group_norm_job *job = context;
    const int from = octo_split(job->pixels, job->parts, index), to = octo_split(job->pixels, job->parts, index + 1);
    job->set->scale_shift_relu(
        job->x + (size_t)from * (size_t)job->channels, to - from, job->channels, job->factors, job->shifts);
}

// The moments of parts and channels put together (Chan, Golub and LeVeque 1979), in double.
static void combine_group(
    const group_norm_job *job, int channel, int members, float epsilon, const float *scale, const float *bias) {
    double total = 0;
    for (int part = 0; part < job->parts; part++)
        for (int c = channel; c < channel + members; c++) total += job->sums[(size_t)part * (size_t)job->channels + c];
    const double count = (double)job->pixels * members, mean = total / count;
    double squares = 0;
    for (int part = 0; part < job->parts; part++) {
        const int pixels = octo_split(job->pixels, job->parts, part + 1) - octo_split(job->pixels, job->parts, part);
        for (int c = channel; c < channel + members; c++) {
            const size_t index = (size_t)part * (size_t)job->channels + (size_t)c;
            const double difference = job->sums[index] / (double)pixels - mean;
            squares += job->squares[index] + pixels * difference * difference;
        }
    }
    const double deviation = sqrt(squares / count + (double)epsilon);
    for (int c = channel; c < channel + members; c++) {
        job->factors[c] = (float)(scale[c] / deviation);
        job->shifts[c] = (float)(bias[c] - mean * scale[c] / deviation);
    }
}

size_t octo_group_norm_scratch_bytes(const octo_team *team, int channels) {
    (void)team;
    return (size_t)(2 * MOST_PARTS + 2) * (size_t)channels * sizeof(float);
}

void octo_group_norm_relu(
    octo_team *team, float *x, int pixels, int channels, int groups, const float *scale, const float *bias,
    float epsilon, void *scratch) {
    if (pixels <= 0) return;
    const int parts = parts_of(pixels);
    float *sums = scratch;
    group_norm_job job = {
        .set = octo_kernels(OCTO_FLOAT32), .x = x, .pixels = pixels, .channels = channels, .parts = parts,
        .sums = sums, .squares = sums + (size_t)MOST_PARTS * (size_t)channels,
        .factors = sums + (size_t)(2 * MOST_PARTS) * (size_t)channels,
        .shifts = sums + (size_t)(2 * MOST_PARTS + 1) * (size_t)channels};
    octo_team_run(team, sum_part, &job, parts);
    const int members = channels / groups;
    for (int group = 0; group < groups; group++) combine_group(&job, group * members, members, epsilon, scale, bias);
    octo_team_run(team, normalise_part, &job, parts);
}
