// A team of threads that runs numbered tasks: the caller is one of them, the others wait spinning for a short while and
// then sleep. No task is tied to a thread, so a thread the kernel took off its CPU delays only the task it holds.
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct octo_team octo_team;

// threads: the caller included; 1 (or less) makes no thread at all. cpus: one for each of the other threads
// (threads - 1 numbers), or NULL to leave them unpinned; a CPU that cannot be had is not an error. Returns NULL if
// memory or threads cannot be had (errno says why). The threads made block every signal.
octo_team *octo_team_create(int threads, const int *cpus);
// Ends and joins the threads. NULL is allowed. Not while octo_team_run runs.
void octo_team_destroy(octo_team *team);
// The caller included; 1 for NULL.
int octo_team_threads(const octo_team *team);

// Runs task(context, 0) ... task(context, count - 1), in any order, and returns when all are done; what they wrote is
// then visible to the caller. One caller at a time, and no task may run the team again. A team of NULL is the caller
// alone. Allocates nothing.
// worker: 0 ..< threads, the same value for no two tasks at a time: an index for scratch memory. The caller is 0.
typedef void (*octo_task)(void *context, int index, int worker);
void octo_team_run(octo_team *team, octo_task task, void *context, int count);
