#define _GNU_SOURCE
#include "CShims.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct timespec from_ns(int64_t ns) {
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return t;
}

int octo_sleep_until_ns(int64_t deadline_ns) {
    struct timespec t = from_ns(octo_clock_to_machine_ns(deadline_ns));
    int error;
    do {
        error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    } while (error == EINTR);
    return error;
}

int octo_thread_set_fifo(int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
}

int octo_thread_set_cpu(int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int octo_lock_memory(void) { return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno; }

int octo_thread_set_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int octo_thread_set_timer_slack(unsigned long ns) { return prctl(PR_SET_TIMERSLACK, ns, 0, 0, 0) == 0 ? 0 : errno; }

void octo_prefault_stack(void) {
    volatile char pages[64 * 1024];
    for (size_t i = 0; i < sizeof pages; i += 1024) pages[i] = 0;
}

pid_t octo_spawn(const char *path, char *const argv[], char *const envp[], int out_fd, int err_fd,
                 int parent_death_signal) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(report[0]);
        close(report[1]);
        return -error;
    }
    if (child == 0) {
        // Between fork and exec: async-signal-safe calls only.
        prctl(PR_SET_PDEATHSIG, parent_death_signal);
        if (getppid() != parent) _exit(127);  // the parent died before the line above took effect
        setpgid(0, 0);
        int null = open("/dev/null", O_RDWR);
        if (null >= 0) dup2(null, 0);
        if (out_fd >= 0) dup2(out_fd, 1);
        if (err_fd >= 0) dup2(err_fd, 2);
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        // What others opened without O_CLOEXEC, such as a web server's connections, is not the child's. Before Linux 5.11
        // nothing happens. close_range(2).
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        execve(path, argv, envp);
        int error = errno;
        ssize_t ignored = write(report[1], &error, sizeof error);
        (void)ignored;
        _exit(127);
    }
    close(report[1]);
    int error = 0;
    ssize_t got;
    do {
        got = read(report[0], &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof error) {
        int status;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        return -error;
    }
    return child;
}

// Written by the handler, so it must be there before the handler is.
static int signal_pipe[2] = {-1, -1};

// Seconds a process may go on after its first signal; 0: as long as it likes.
static volatile sig_atomic_t seconds_to_stop = 0;

static void note_signal(int number) {
    int saved = errno;
    if (seconds_to_stop > 0) alarm((unsigned)seconds_to_stop);
    seconds_to_stop = 0;
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);
    (void)ignored;
    errno = saved;
}

int octo_signal_fd(void) {
    if (signal_pipe[0] >= 0) return signal_pipe[0];
    if (pipe2(signal_pipe, O_NONBLOCK | O_CLOEXEC) != 0) return -errno;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    // Whoever started this program may have had them blocked, and a blocked signal mask is inherited.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    int error = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return error == 0 ? signal_pipe[0] : -error;
}

int octo_signal_read(int fd) {
    unsigned char number;
    return read(fd, &number, 1) == 1 ? number : 0;
}

static void make_alarm_deadly(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(SIGALRM, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void octo_exit_deadline(unsigned seconds) {
    make_alarm_deadly();
    alarm(seconds);
}

void octo_exit_deadline_after_signal(unsigned seconds) {
    make_alarm_deadly();
    seconds_to_stop = (sig_atomic_t)seconds;
}

int octo_timer_fd(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

int octo_timer_set_ns(int fd, int64_t deadline_ns) {
    struct itimerspec spec = {.it_value = from_ns(deadline_ns == 0 ? 0 : octo_clock_to_machine_ns(deadline_ns))};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0 ? 0 : errno;
}

int octo_timer_consume(int fd) {
    uint64_t expirations;
    return read(fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations;
}

int octo_poll_until_ns(struct pollfd *descriptors, unsigned count, int64_t deadline_ns) {
    for (;;) {
        struct timespec left, *timeout = NULL;
        if (deadline_ns >= 0) {
            int64_t ns = deadline_ns - octo_monotonic_ns();
            left = from_ns(ns > 0 ? ns : 0);
            timeout = &left;
        }
        int ready = ppoll(descriptors, count, timeout, NULL);
        if (ready >= 0) return ready;
        if (errno != EINTR) return -errno;
    }
}

int octo_event_fd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

void octo_event_signal(int fd) {
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

void octo_event_consume(int fd) {
    uint64_t count;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

int octo_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        int error = errno;
        close(ends[0]);
        close(ends[1]);
        return error;
    }
    return 0;
}

void octo_memory_trim(void) { malloc_trim(0); }
