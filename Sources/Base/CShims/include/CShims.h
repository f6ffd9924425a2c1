// Macros, variadic calls and process primitives that Swift cannot express, as plain functions. No decisions.
#pragma once
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>


/// CLOCK_MONOTONIC in nanoseconds; that of another machine where OCTO_CLOCK names the file of its clock. It never goes
/// back. clock_gettime(2).
int64_t octo_monotonic_ns(void);

/// A time of `octo_monotonic_ns` as this machine's own CLOCK_MONOTONIC has it, for the kernel.
int64_t octo_clock_to_machine_ns(int64_t time_ns);
/// Boot id of the machine whose clock is followed; NULL: this one's.
const char *octo_clock_boot_id(void);
/// The process that stands for this one where the clock is from; this one's own number where no clock is followed.
int32_t octo_clock_process(void);

/// A file that says how another machine's clock goes, 64 bytes, which processes follow that have its path in OCTO_CLOCK.
typedef struct octo_clock octo_clock;
/// Makes the file, which must not be there; NULL: errno says why. `boot_id` and `process` are those of the other machine.
octo_clock *octo_clock_make(const char *path, int64_t offset_ns, const char *boot_id, int32_t process);
/// What has to be added to this machine's CLOCK_MONOTONIC from now on.
void octo_clock_set(octo_clock *clock, int64_t offset_ns);
void octo_clock_close(octo_clock *clock);

/// Sleeps until an absolute CLOCK_MONOTONIC time; returns 0 or an errno. Restarts after EINTR. clock_nanosleep(2).
int octo_sleep_until_ns(int64_t deadline_ns);

/// SCHED_FIFO at `priority` for the calling thread; returns 0 or an errno. pthread_setschedparam(3).
int octo_thread_set_fifo(int priority);

/// Pins the calling thread to one CPU; returns 0 or an errno. pthread_setaffinity_np(3).
int octo_thread_set_cpu(int cpu);

/// Locks present and future pages; returns 0 or an errno. mlockall(2).
int octo_lock_memory(void);

/// Name of the calling thread, at most 15 bytes; returns 0 or an errno. pthread_setname_np(3).
int octo_thread_set_name(const char *name);

/// Timer slack of the calling thread, nanoseconds; returns 0 or an errno. prctl(2) PR_SET_TIMERSLACK.
int octo_thread_set_timer_slack(unsigned long ns);

/// Touches `bytes` of the calling thread's stack so that the loop takes no first-use page faults.
void octo_prefault_stack(void);

/// Starts a program as a child that the kernel signals when this *thread* ends (PR_SET_PDEATHSIG): call it from a
/// thread that lives as long as the process. The child leads its own process group, has /dev/null as standard
/// input, and every signal at its default and unblocked. `out_fd`/`err_fd` become its standard output and error
/// when not negative. Returns the pid, or -errno; a failed exec is reported here too, not by an exit status.
/// fork(2), execve(2).
pid_t octo_spawn(const char *path, char *const argv[], char *const envp[], int out_fd, int err_fd,
                 int parent_death_signal);

/// Makes SIGTERM, SIGINT and SIGHUP readable instead of deadly: returns the non-blocking reading end of a pipe that
/// their handler writes to, or -errno. Not a signalfd: that needs the signals blocked in every thread, and libraries
/// (OpenBLAS) start threads before main. sigaction(2).
int octo_signal_fd(void);

/// Reads one pending signal number from `octo_signal_fd`; 0 when none.
int octo_signal_read(int fd);

/// Arms SIGALRM (deadly) in `seconds`: a process that hangs while stopping still ends.
void octo_exit_deadline(unsigned seconds);

/// Arms it in the handler of the first signal that `octo_signal_fd` takes: also a process that does not look at the
/// descriptor, because it is loading or hangs, ends in bounded time.
void octo_exit_deadline_after_signal(unsigned seconds);

/// A non-blocking CLOCK_MONOTONIC timerfd, or -errno.
int octo_timer_fd(void);
/// Sets its absolute deadline (0 disarms); returns 0 or an errno.
int octo_timer_set_ns(int fd, int64_t deadline_ns);
/// Consumes an expiry; returns 1 when it had expired.
int octo_timer_consume(int fd);
/// Waits until one of the descriptors is ready or an absolute CLOCK_MONOTONIC time is reached (negative: without end).
/// Returns how many are ready, 0 at the deadline, or -errno. Restarts after EINTR. ppoll(2).
int octo_poll_until_ns(struct pollfd *descriptors, unsigned count, int64_t deadline_ns);
/// A non-blocking eventfd, or -errno.
int octo_event_fd(void);
void octo_event_signal(int fd);
void octo_event_consume(int fd);

/// A pipe that children do not inherit, with a non-blocking reading end: `ends[0]` reads, `ends[1]` writes. Returns 0 or
/// an errno. pipe2(2).
int octo_pipe(int ends[2]);

/// Makes a terminal line raw: 8 data bits, no parity, 1 stop bit, no flow control, reads that never wait; `baud` may be
/// any number. Returns 0 or an errno. ioctl_tty(2), TCSETS2 with BOTHER.
int octo_serial_configure(int fd, unsigned baud);
/// The rate a terminal line is set to, bits per second, or -errno; for the master of a pseudo-terminal that of its other end.
int octo_serial_baud(int fd);
/// Asks the driver to hand bytes over at once; returns 0 or an errno (ENOTTY where it cannot). TIOCSSERIAL.
int octo_serial_low_latency(int fd);
/// Nobody else may open it any more, but for root; returns 0 or an errno. TIOCEXCL.
int octo_serial_claim(int fd);
/// Throws away what has arrived; what is unsent stays: it may be goals. TCFLSH.
void octo_serial_discard(int fd);

/// Gives memory that was freed back to the system. malloc_trim(3).
void octo_memory_trim(void);

/// Opens a raw pseudo-terminal: returns its non-blocking master, or -errno; `name` gets the path of the other end.
/// posix_openpt(3), ptsname_r(3).
int octo_open_terminal(char *name, size_t capacity);

/// Exchanges two files or folders in one step; both must be there. 0 or errno. renameat2(2), RENAME_EXCHANGE.
int octo_exchange(const char *a, const char *b);
/// Renames a file or folder where nothing of the new name is there. 0 or errno. renameat2(2), RENAME_NOREPLACE.
int octo_rename_new(const char *from, const char *to);


/// What has passed by a TCP connection since it was opened: bytes that came, and bytes that the other end has
/// acknowledged. Returns 0 or an errno. tcp(7), TCP_INFO.
int octo_tcp_traffic(int fd, int64_t *received, int64_t *acknowledged);
