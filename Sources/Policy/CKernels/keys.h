// How stored keys and values lie in memory, so that both products of attention find their right side as panels.
// keys    [heads][panels of 16 keys][words of a key][16]
// values  [heads][keys (pairs of keys in bfloat16)][columns, padded to whole panels]
#pragma once
#include "kernel_set.h"

static inline int octo_key_words(const octo_key_values *kv) { return octo_words(kv->precision, kv->head_width); }
static inline size_t octo_key_capacity(const octo_key_values *kv) {
    return (size_t)octo_ceil_div(kv->capacity, OCTO_PANEL) * OCTO_PANEL;
}
static inline size_t octo_value_columns(const octo_key_values *kv) {
    return (size_t)octo_ceil_div(kv->head_width, OCTO_PANEL) * OCTO_PANEL;
}
// Words of one head. The keys' are whole lines of cache, so the values begin at one too.
static inline size_t octo_keys_of_head(const octo_key_values *kv) {
    return octo_key_capacity(kv) * (size_t)octo_key_words(kv);
}
static inline size_t octo_values_of_head(const octo_key_values *kv) {
    return (size_t)octo_words(kv->precision, (int)octo_key_capacity(kv)) * octo_value_columns(kv);
}
