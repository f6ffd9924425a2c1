#ifndef OCTO_CEPOLL_H
#define OCTO_CEPOLL_H

// epoll(7), which Swift's Glibc does not have. All return -errno where they fail.

enum { OCTO_EPOLL_READ = 1, OCTO_EPOLL_WRITE = 2 };

struct octo_epoll_event {
    int descriptor;
    // OCTO_EPOLL_READ, OCTO_EPOLL_WRITE; both for a connection that broke.
    int events;
};

/// A descriptor for the calls below; programs that are started do not inherit it. epoll_create1(2).
int octo_epoll_create(void);
/// Watches `descriptor` for `events`, level-triggered, whatever it was watched for before; 0 watches it no more, which
/// is no error for one that was not watched. epoll_ctl(2).
int octo_epoll_watch(int epoll, int descriptor, int events);
/// Waits without end; returns how many events there are, or 0 after a signal. epoll_wait(2).
int octo_epoll_wait(int epoll, struct octo_epoll_event *events, int most);

#endif
