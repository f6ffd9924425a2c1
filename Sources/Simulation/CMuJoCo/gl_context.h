// An offscreen GL context by whichever library is there.
#pragma once
#include <stddef.h>

typedef struct octo_gl {
    const char *library;
    void *display;
    void *context;
    void *pixels;
} octo_gl;

/// Makes a context, and makes it the calling thread's. Returns 0, or -1 with words in `problem`.
int octo_gl_make(octo_gl *gl, char *problem, size_t capacity);
/// Makes it the calling thread's again. Returns 0 or -1.
int octo_gl_use(const octo_gl *gl);
void octo_gl_free(octo_gl *gl);
