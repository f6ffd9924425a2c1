// The plainest fixed-rate loop there is, to measure ours against. Linked only into the benchmark program.
#pragma once
#include <stdint.h>

/// Wakes `ticks` times, at start + k x period_ns, and writes how late each wake-up was (nanoseconds) to `lateness_ns`,
/// which has room for `ticks` numbers. Runs in the calling thread, with whatever rights it has.
/// Returns 0 or an errno. clock_nanosleep(2).
int octo_bare_loop(int64_t period_ns, int64_t ticks, int64_t *lateness_ns);
