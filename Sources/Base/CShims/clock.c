// The clock that a process lives by: the machine's own, or that of another machine, as a file says.
#define _GNU_SOURCE
#include "CShims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct octo_clock {
    // What has to be added to this machine's CLOCK_MONOTONIC, nanoseconds.
    _Atomic int64_t offset_ns;
    // Boot id of the machine whose clock it is.
    char boot_id[40];
    // Process that stands for this one there.
    int32_t process;
    int32_t padding[3];
};
_Static_assert(sizeof(struct octo_clock) == 64, "readers and writers agree");

static struct octo_clock *followed;
// The latest time that was told: an offset that shrinks must not turn time back.
static _Atomic int64_t latest;

static struct octo_clock *map(const char *path, int flags, int protection) {
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return NULL;
    struct stat found;
    void *memory = MAP_FAILED;
    if ((protection & PROT_WRITE && ftruncate(fd, sizeof(struct octo_clock)) != 0) || fstat(fd, &found) != 0)
        goto done;
    if (found.st_size != sizeof(struct octo_clock)) {
        errno = EINVAL;
        goto done;
    }
    memory = mmap(NULL, sizeof(struct octo_clock), protection, MAP_SHARED, fd, 0);
done:;
    int error = errno;
    close(fd);
    errno = error;
    return memory == MAP_FAILED ? NULL : memory;
}

// Before main, and so before any thread and any look at the clock.
__attribute__((constructor)) static void follow(void) {
    const char *path = getenv("OCTO_CLOCK");
    if (path == NULL || *path == 0) return;
    followed = map(path, O_RDONLY, PROT_READ);
    if (followed != NULL) return;
    dprintf(2, "error: OCTO_CLOCK=%s: %s; expected the file of a clock that octo-bus made. Unset OCTO_CLOCK.\n", path,
            strerror(errno));
    _exit(2);
}

int64_t octo_monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    if (followed == NULL) return now;
    now += atomic_load_explicit(&followed->offset_ns, memory_order_relaxed);
    int64_t before = atomic_load_explicit(&latest, memory_order_relaxed);
    while (now > before) {
        if (atomic_compare_exchange_weak_explicit(&latest, &before, now, memory_order_relaxed, memory_order_relaxed))
            return now;
    }
    return before;
}

int64_t octo_clock_to_machine_ns(int64_t time_ns) {
    if (followed == NULL) return time_ns;
    int64_t time = time_ns - atomic_load_explicit(&followed->offset_ns, memory_order_relaxed);
    return time > 0 ? time : 0;
}

const char *octo_clock_boot_id(void) { return followed == NULL ? NULL : followed->boot_id; }
int32_t octo_clock_process(void) { return followed == NULL ? getpid() : followed->process; }

octo_clock *octo_clock_make(const char *path, int64_t offset_ns, const char *boot_id, int32_t process) {
    octo_clock *clock = map(path, O_RDWR | O_CREAT | O_EXCL, PROT_READ | PROT_WRITE);
    if (clock == NULL) return NULL;
    strncpy(clock->boot_id, boot_id, sizeof clock->boot_id - 1);
    clock->process = process;
    octo_clock_set(clock, offset_ns);
    return clock;
}

void octo_clock_set(octo_clock *clock, int64_t offset_ns) {
    atomic_store_explicit(&clock->offset_ns, offset_ns, memory_order_relaxed);
}

void octo_clock_close(octo_clock *clock) { munmap(clock, sizeof *clock); }
