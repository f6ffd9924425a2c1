#include "gl_context.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// The few functions of EGL 1.5 (Khronos registry) and OSMesa (Mesa's documentation) that are needed, found by name: no
// header and no link, so nothing of this is needed to build.

enum { side = 16 };  // The context's own surface; pictures are drawn into MuJoCo's framebuffer object.

static void *open_library(const char *name) { return dlopen(name, RTLD_NOW | RTLD_GLOBAL); }

// MARK: OSMesa

typedef void *(*osmesa_create)(unsigned format, int depth, int stencil, int accumulation, void *shared);
typedef unsigned char (*osmesa_current)(void *context, void *buffer, unsigned type, int width, int height);
typedef void (*osmesa_destroy)(void *context);

static struct {
    osmesa_create create;
    osmesa_current current;
    osmesa_destroy destroy;
} osmesa;

static int make_osmesa(octo_gl *gl) {
    void *library = open_library("libOSMesa.so.8");
    if (!library) library = open_library("libOSMesa.so.6");
    if (!library) return -1;
    osmesa.create = (osmesa_create)dlsym(library, "OSMesaCreateContextExt");
    osmesa.current = (osmesa_current)dlsym(library, "OSMesaMakeCurrent");
    osmesa.destroy = (osmesa_destroy)dlsym(library, "OSMesaDestroyContext");
    if (!osmesa.create || !osmesa.current || !osmesa.destroy) return -1;
    const unsigned rgba = 0x1908;
    gl->context = osmesa.create(rgba, 24, 8, 0, NULL);
    gl->pixels = calloc(side * side, 4);
    gl->library = "OSMesa";
    if (gl->context && gl->pixels && octo_gl_use(gl) == 0) return 0;
    octo_gl_free(gl);
    return -1;
}

// MARK: EGL

typedef void *(*egl_platform_display)(unsigned platform, void *native, const void *attributes);
typedef unsigned (*egl_initialize)(void *display, int32_t *major, int32_t *minor);
typedef unsigned (*egl_bind)(unsigned api);
typedef unsigned (*egl_choose)(void *display, const int32_t *attributes, void **configs, int32_t size, int32_t *count);
typedef void *(*egl_create)(void *display, void *config, void *shared, const int32_t *attributes);
typedef unsigned (*egl_current)(void *display, void *draw, void *read, void *context);
typedef unsigned (*egl_destroy)(void *display, void *context);

static struct {
    egl_bind bind;
    egl_current current;
    egl_destroy destroy;
} egl;

static int make_egl(octo_gl *gl) {
    void *library = open_library("libEGL.so.1");
    if (!library) return -1;
    egl_platform_display display = (egl_platform_display)dlsym(library, "eglGetPlatformDisplay");
    egl_initialize initialize = (egl_initialize)dlsym(library, "eglInitialize");
    egl_choose choose = (egl_choose)dlsym(library, "eglChooseConfig");
    egl_create create = (egl_create)dlsym(library, "eglCreateContext");
    egl.bind = (egl_bind)dlsym(library, "eglBindAPI");
    egl.current = (egl_current)dlsym(library, "eglMakeCurrent");
    egl.destroy = (egl_destroy)dlsym(library, "eglDestroyContext");
    if (!display || !initialize || !choose || !create || !egl.bind || !egl.current || !egl.destroy) return -1;
    const unsigned surfaceless = 0x31DD, opengl = 0x30A2;  // EGL_PLATFORM_SURFACELESS_MESA, EGL_OPENGL_API
    gl->display = display(surfaceless, NULL, NULL);
    if (!gl->display || !initialize(gl->display, NULL, NULL) || !egl.bind(opengl)) return -1;
    // EGL_SURFACE_TYPE 0 (none is needed), EGL_RENDERABLE_TYPE EGL_OPENGL_BIT, EGL_NONE
    const int32_t wanted[] = {0x3033, 0, 0x3040, 0x0008, 0x3038};
    void *config = NULL;
    int32_t count = 0;
    if (!choose(gl->display, wanted, &config, 1, &count) || count < 1) return -1;
    gl->context = create(gl->display, config, NULL, NULL);
    gl->library = "EGL";
    if (gl->context && octo_gl_use(gl) == 0) return 0;
    octo_gl_free(gl);
    return -1;
}

// MARK: Either

int octo_gl_make(octo_gl *gl, char *problem, size_t capacity) {
    *gl = (octo_gl){0};
    if (make_osmesa(gl) == 0) return 0;
    *gl = (octo_gl){0};
    if (make_egl(gl) == 0) return 0;
    *gl = (octo_gl){0};
    snprintf(problem, capacity, "found neither libOSMesa.so.8 nor a surfaceless display of libEGL.so.1");
    return -1;
}

int octo_gl_use(const octo_gl *gl) {
    if (!gl->context) return -1;
    const unsigned bytes = 0x1401;  // GL_UNSIGNED_BYTE
    if (gl->pixels) return osmesa.current(gl->context, gl->pixels, bytes, side, side) ? 0 : -1;
    // The API in use belongs to the thread, like the context.
    return egl.bind(0x30A2) && egl.current(gl->display, NULL, NULL, gl->context) ? 0 : -1;
}

void octo_gl_free(octo_gl *gl) {
    if (gl->context && gl->pixels) osmesa.destroy(gl->context);
    if (gl->context && !gl->pixels) {
        egl.current(gl->display, NULL, NULL, NULL);
        egl.destroy(gl->display, gl->context);
    }
    free(gl->pixels);
    *gl = (octo_gl){0};
}
