#include "bare_loop.h"

#include <errno.h>
#include <time.h>

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int octo_bare_loop(int64_t period_ns, int64_t ticks, int64_t *lateness_ns) {
    int64_t start = now_ns() + period_ns;
    int64_t k = 0;
    for (int64_t i = 0; i < ticks; i++) {
        int64_t deadline = start + k * period_ns;
        struct timespec t = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
        int error;
        do {
            error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        } while (error == EINTR);
        if (error != 0) return error;
        int64_t now = now_ns();
        lateness_ns[i] = now - deadline;
        // Missed deadlines are passed over, as our loop does, so that both count the same thing.
        int64_t future = (now - start) / period_ns + 1;
        k = future > k + 1 ? future : k + 1;
    }
    return 0;
}
