#include "kernel_set.h"

#include <stdatomic.h>
#include <string.h>

static const octo_kernel_set *_Atomic chosen[OCTO_PRECISIONS];

// Best first. Selectable by name: the float32 sets.
static bool can_run(const octo_kernel_set *set) {
#if defined(__x86_64__)
    if (set == &octo_avx512_kernels)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
    if (set == &octo_avx512bf16_kernels) return can_run(&octo_avx512_kernels) && __builtin_cpu_supports("avx512bf16");
    if (set == &octo_avx512vnni_kernels) return can_run(&octo_avx512_kernels) && __builtin_cpu_supports("avx512vnni");
    if (set == &octo_avx2_kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return set != NULL;
}

static const octo_kernel_set *const float32_sets[] = {
#if defined(__x86_64__)
    &octo_avx512_kernels, &octo_avx2_kernels,
#elif defined(__aarch64__)
    &octo_neon_kernels,
#endif
    &octo_portable_kernels,
};
enum { FLOAT32_SETS = sizeof float32_sets / sizeof float32_sets[0] };

// NULL without instructions for the precision.
static const octo_kernel_set *instructions_for(octo_precision precision) {
#if defined(__x86_64__)
    if (precision == OCTO_BFLOAT16 && can_run(&octo_avx512bf16_kernels)) return &octo_avx512bf16_kernels;
    if (precision == OCTO_INT8 && can_run(&octo_avx512vnni_kernels)) return &octo_avx512vnni_kernels;
#endif
    (void)precision;
    return NULL;
}

__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (int i = FLOAT32_SETS - 1; i >= 0; i--)
        if (can_run(float32_sets[i])) atomic_store(&chosen[OCTO_FLOAT32], float32_sets[i]);
    atomic_store(&chosen[OCTO_BFLOAT16], instructions_for(OCTO_BFLOAT16));
    atomic_store(&chosen[OCTO_INT8], instructions_for(OCTO_INT8));
}

const octo_kernel_set *octo_kernels(octo_precision precision) {
    const octo_kernel_set *set = atomic_load_explicit(&chosen[precision], memory_order_relaxed);
    return set != NULL ? set : atomic_load_explicit(&chosen[OCTO_FLOAT32], memory_order_relaxed);
}

const char *octo_kernels_name(octo_precision precision) {
    const octo_kernel_set *set = atomic_load_explicit(&chosen[precision], memory_order_relaxed);
    return set == NULL ? NULL : set->name;
}

bool octo_kernels_select(const char *name) {
    for (int i = 0; i < FLOAT32_SETS; i++)
        if (strcmp(float32_sets[i]->name, name) == 0 && can_run(float32_sets[i])) {
            atomic_store(&chosen[OCTO_FLOAT32], float32_sets[i]);
            return true;
        }
    return false;
}
