// Counts heap allocations made by the calling thread, by standing in for malloc in the whole process.
// Linked only into the tests and the benchmark program: a control loop that must not allocate is held to it.
#pragma once
#include <stdint.h>

/// Allocations (malloc, calloc, realloc, aligned variants) the calling thread has made since it started.
uint64_t octo_thread_allocation_count(void);
