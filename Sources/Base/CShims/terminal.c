#define _GNU_SOURCE
#include "CShims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int octo_open_terminal(char *name, size_t capacity) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) return -errno;
    if (grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, capacity) == 0 &&
        fcntl(master, F_SETFL, O_NONBLOCK) == 0 && fcntl(master, F_SETFD, FD_CLOEXEC) == 0) {
        // Raw from the start: what is sent before the other end is opened must not be echoed.
        octo_serial_configure(master, 1000000);
        return master;
    }
    const int problem = errno;
    close(master);
    return -problem;
}
