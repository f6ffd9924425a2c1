#define _GNU_SOURCE
#include "team.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// How long a thread without work spins before it sleeps: longer than the plain code between two products of one
// inference (some 10 us), short enough to leave the CPU to others between inferences.
enum { SPIN_NS = 80000, PAUSES_PER_LOOK = 64 };

typedef struct {
    octo_team *team;
    pthread_t thread;
    int worker;
} member;

struct octo_team {
    // Round number (high half) and tasks of that round nobody has taken yet (low half). One word, so that a thread that
    // overslept a round cannot take a task of the next one in the belief that it is of the last: its exchange fails.
    _Alignas(64) _Atomic uint64_t ticket;
    // The same round number for the futex to look at, and how many threads sleep on it.
    _Alignas(64) _Atomic uint32_t round;
    _Atomic uint32_t sleepers;
    _Alignas(64) _Atomic uint32_t unfinished;  // tasks of this round
    _Atomic uint32_t caller_sleeps;
    _Atomic bool ending;
    // The round's job. Written only between rounds, read only by who has taken a task: the round cannot end before
    // that task does.
    _Alignas(64) octo_task task;
    void *context;
    uint32_t count;
    int threads;
    member members[];
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int threads) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

// Takes tasks until none is left.
static void work(octo_team *team, int worker) {
    uint64_t ticket = atomic_load_explicit(&team->ticket, memory_order_acquire);
    for (;;) {
        uint32_t left = (uint32_t)ticket;
        if (left == 0) return;
        if (!atomic_compare_exchange_weak_explicit(
                &team->ticket, &ticket, ticket - 1, memory_order_acq_rel, memory_order_acquire))
            continue;
        team->task(team->context, (int)(team->count - left), worker);
        // seq_cst with caller_sleeps: either the caller sees 0 here, or we see that it sleeps.
        if (atomic_fetch_sub(&team->unfinished, 1) == 1 && atomic_load(&team->caller_sleeps))
            futex_wake(&team->unfinished, 1);
        ticket = atomic_load_explicit(&team->ticket, memory_order_acquire);
    }
}

// Returns the next round's number once it is not `seen`.
static uint32_t await_round(octo_team *team, uint32_t seen) {
    int64_t end = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            uint32_t round = atomic_load_explicit(&team->round, memory_order_acquire);
            if (round != seen) return round;
            relax();
        }
    } while (now_ns() < end);
    atomic_fetch_add(&team->sleepers, 1);
    uint32_t round;
    while ((round = atomic_load(&team->round)) == seen) futex_wait(&team->round, seen);
    atomic_fetch_sub(&team->sleepers, 1);
    return round;
}

static void *member_main(void *argument) {
    member *self = argument;
    octo_team *team = self->team;
    uint32_t seen = 0;
    for (;;) {
        seen = await_round(team, seen);
        if (atomic_load(&team->ending)) return NULL;
        work(team, self->worker);
    }
}

// Starts a round: the ticket first, since a thread that sees the new round looks for tasks.
static void publish(octo_team *team, uint32_t count) {
    uint32_t round = atomic_load_explicit(&team->round, memory_order_relaxed) + 1;
    atomic_store_explicit(&team->ticket, (uint64_t)round << 32 | count, memory_order_release);
    atomic_store(&team->round, round);
    uint32_t sleepers = atomic_load(&team->sleepers);
    // Who does not sleep yet will look at the round once more before it does.
    if (sleepers > 0) futex_wake(&team->round, (int)sleepers);
}

static void await_unfinished(octo_team *team) {
    int64_t end = 0;
    for (;;) {
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if (atomic_load_explicit(&team->unfinished, memory_order_acquire) == 0) return;
            relax();
        }
        if (end == 0) end = now_ns() + SPIN_NS;
        if (now_ns() >= end) break;
    }
    atomic_store(&team->caller_sleeps, 1);
    uint32_t left;
    while ((left = atomic_load(&team->unfinished)) != 0) futex_wait(&team->unfinished, left);
    atomic_store(&team->caller_sleeps, 0);
}

void octo_team_run(octo_team *team, octo_task task, void *context, int count) {
    if (count <= 0) return;
    if (team == NULL || team->threads == 1 || count == 1) {
        for (int i = 0; i < count; i++) task(context, i, 0);
        return;
    }
    team->task = task;
    team->context = context;
    team->count = (uint32_t)count;
    atomic_store_explicit(&team->unfinished, (uint32_t)count, memory_order_relaxed);
    publish(team, (uint32_t)count);
    work(team, 0);
    await_unfinished(team);
}

int octo_team_threads(const octo_team *team) { return team == NULL ? 1 : team->threads; }

static void pin(pthread_t thread, int cpu) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    pthread_setaffinity_np(thread, sizeof set, &set);
}

octo_team *octo_team_create(int threads, const int *cpus) {
    if (threads < 1) threads = 1;
    size_t bytes = sizeof(octo_team) + (size_t)(threads - 1) * sizeof(member);
    octo_team *team = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (team == NULL) return NULL;
    *team = (octo_team){.threads = 1};
    // New threads inherit the mask: signals stay with the threads of the program.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    for (int i = 0; i < threads - 1 && error == 0; i++) {
        member *m = &team->members[i];
        *m = (member){.team = team, .worker = i + 1};
        error = pthread_create(&m->thread, NULL, member_main, m);
        if (error == 0) {
            team->threads = i + 2;
            if (cpus != NULL) pin(m->thread, cpus[i]);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        octo_team_destroy(team);
        errno = error;
        return NULL;
    }
    return team;
}

void octo_team_destroy(octo_team *team) {
    if (team == NULL) return;
    atomic_store(&team->ending, true);
    publish(team, 0);
    for (int i = 0; i < team->threads - 1; i++) pthread_join(team->members[i].thread, NULL);
    free(team);
}
