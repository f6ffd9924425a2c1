#include "CEpoll.h"

#include <errno.h>
#include <sys/epoll.h>

int octo_epoll_create(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

int octo_epoll_watch(int epoll, int descriptor, int events) {
    struct epoll_event event = {.events = 0, .data.fd = descriptor};
    if (events & OCTO_EPOLL_READ) event.events |= EPOLLIN | EPOLLRDHUP;
    if (events & OCTO_EPOLL_WRITE) event.events |= EPOLLOUT;
    if (events == 0) {
        // One that is closed is not watched any more.
        if (epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) == 0 || errno == ENOENT || errno == EBADF) return 0;
        return -errno;
    }
    // The descriptor may be another socket's than the last time, so what is watched is asked of the kernel.
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0) return 0;
    if (errno != ENOENT) return -errno;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int octo_epoll_wait(int epoll, struct octo_epoll_event *events, int most) {
    enum { MOST = 64 };
    struct epoll_event found[MOST];
    int count = epoll_wait(epoll, found, most < MOST ? most : MOST, -1);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        unsigned flags = found[index].events;
        int isBroken = (flags & (EPOLLERR | EPOLLHUP)) != 0;
        events[index].descriptor = found[index].data.fd;
        events[index].events = (isBroken || flags & (EPOLLIN | EPOLLRDHUP) ? OCTO_EPOLL_READ : 0) |
                               (isBroken || flags & EPOLLOUT ? OCTO_EPOLL_WRITE : 0);
    }
    return count;
}
