// A disk that misbehaves: loaded into a program with LD_PRELOAD, it stands between its write(2) calls and regular files.
//
//   DISK_BYTES_PER_S   so slow: a write takes its bytes' time
//   DISK_FULL_AT       so many bytes in all fit; then ENOSPC
//   DISK_FAILS_AT      the write with this number (from 1) fails once, with EIO
//   DISK_STALLS_AT     the write with this number waits DISK_STALL_S seconds first
//   DISK_FROM          a file: all is well, and nothing is counted, until it is there
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long setting(const char *name) {
    const char *text = getenv(name);
    return text == NULL ? 0 : atol(text);
}

static void pass(double seconds) {
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    static long calls, total;
    if (real == NULL) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || fd <= 2) return real(fd, bytes, count);
    const char *from = getenv("DISK_FROM");
    if (from != NULL && access(from, F_OK) != 0) return real(fd, bytes, count);
    calls++;
    if (calls == setting("DISK_STALLS_AT")) pass((double)setting("DISK_STALL_S"));
    if (calls == setting("DISK_FAILS_AT")) {
        errno = EIO;
        return -1;
    }
    const long most = setting("DISK_FULL_AT");
    if (most > 0 && total >= most) {
        errno = ENOSPC;
        return -1;
    }
    if (most > 0 && (long)count > most - total) count = (size_t)(most - total);
    const long rate = setting("DISK_BYTES_PER_S");
    if (rate > 0) pass((double)count / (double)rate);
    const ssize_t put = real(fd, bytes, count);
    if (put > 0) total += put;
    return put;
}
