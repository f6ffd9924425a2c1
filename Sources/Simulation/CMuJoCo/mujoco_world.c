#include "mujoco_world.h"

#include <stdio.h>

#if __has_include(<mujoco/mujoco.h>)

#include <dlfcn.h>
#include <mujoco/mujoco.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "gl_context.h"

// Every function of MuJoCo that is used, with its type from the headers.
#define FUNCTIONS(f)                                                                                                   \
    f(mj_version) f(mj_versionString) f(mj_defaultVFS) f(mj_makeEmptyFileVFS) f(mj_findFileVFS) f(mj_deleteVFS)        \
        f(mj_loadXML) f(mj_deleteModel) f(mj_makeData) f(mj_deleteData) f(mj_resetData) f(mj_forward) f(mj_step)       \
            f(mj_name2id) f(mjv_defaultScene) f(mjv_makeScene) f(mjv_freeScene) f(mjv_updateScene)                     \
                f(mjv_defaultOption) f(mjv_defaultCamera) f(mjr_defaultContext) f(mjr_makeContext) f(mjr_freeContext)  \
                    f(mjr_setBuffer) f(mjr_render) f(mjr_readPixels)

#define POINTER(name) static __typeof__(&name) p_##name;
FUNCTIONS(POINTER)

static void (**p_user_error)(const char *);
static void (**p_user_warning)(const char *);
static char library_problem[512];
static int library_is_there;

// MuJoCo ends the process on an error unless a handler does not return. While `armed`, ours goes back to the call that
// led here; what that call had allocated is lost, which is little against the process.
static _Thread_local jmp_buf rescue;
static _Thread_local int armed;
static _Thread_local char last_error[512];

static void on_error(const char *text) {
    snprintf(last_error, sizeof last_error, "%s", text);
    if (armed) longjmp(rescue, 1);
}

static void on_warning(const char *text) { (void)text; }  // Counted in mjData.warning.

static void load_library(void) {
    char name[64];
    snprintf(name, sizeof name, "libmujoco.so.%d.%d.%d", mjVERSION_HEADER / 100, mjVERSION_HEADER / 10 % 10,
             mjVERSION_HEADER % 10);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(library_problem, sizeof library_problem, "%s", dlerror());
        return;
    }
#define LOOK_UP(symbol)                                                                                                \
    p_##symbol = (__typeof__(&symbol))dlsym(library, #symbol);                                                         \
    if (!p_##symbol) {                                                                                                 \
        snprintf(library_problem, sizeof library_problem, "%s has no function %s", name, #symbol);                     \
        return;                                                                                                        \
    }
    FUNCTIONS(LOOK_UP)
    if (p_mj_version() != mjVERSION_HEADER) {
        snprintf(library_problem, sizeof library_problem, "%s is version %d, this program was built for %d", name,
                 p_mj_version(), mjVERSION_HEADER);
        return;
    }
    p_user_error = (void (**)(const char *))dlsym(library, "mju_user_error");
    p_user_warning = (void (**)(const char *))dlsym(library, "mju_user_warning");
    if (p_user_error) *p_user_error = on_error;
    if (p_user_warning) *p_user_warning = on_warning;
    library_is_there = 1;
}

const char *octo_world_library(char *problem, size_t capacity) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_library);
    if (library_is_there) return p_mj_versionString();
    snprintf(problem, capacity, "%s", library_problem);
    return NULL;
}

struct octo_world {
    mjModel *model;
    mjData *data;
    char problem[512];
    int has_pictures;
    octo_gl gl;
    mjvScene scene;
    mjvOption option;
    mjrContext context;
};

/// Runs a call that may end in MuJoCo's error handler; 0 when it did.
#define GUARDED(call) (setjmp(rescue) == 0 ? (armed = 1, (call), armed = 0, 1) : (armed = 0, 0))

octo_world *octo_world_make(const char *xml, size_t length, int *failure, char *problem, size_t capacity) {
    *failure = OCTO_WORLD_NO_LIBRARY;
    if (!octo_world_library(problem, capacity)) return NULL;
    *failure = OCTO_WORLD_ERROR;
    octo_world *world = calloc(1, sizeof *world);
    mjVFS *files = malloc(sizeof *files);
    const char *name = "world.xml";
    if (!world || !files) {
        snprintf(problem, capacity, "out of memory");
        free(world);
        free(files);
        return NULL;
    }
    p_mj_defaultVFS(files);
    *failure = OCTO_WORLD_BAD_MODEL;
    char words[1024] = "";
    mjModel *volatile model = NULL;
    if (p_mj_makeEmptyFileVFS(files, name, (int)length) == 0) {
        memcpy(files->filedata[p_mj_findFileVFS(files, name)], xml, length);
        if (!GUARDED(model = p_mj_loadXML(name, files, words, sizeof words)))
            snprintf(words, sizeof words, "%s", last_error);
        p_mj_deleteVFS(files);
    } else {
        snprintf(words, sizeof words, "the text has %zu bytes, which is too long", length);
    }
    free(files);
    if (!model) {
        snprintf(problem, capacity, "%s", words);
        free(world);
        return NULL;
    }
    world->model = model;
    mjData *volatile data = NULL;
    if (!GUARDED(data = p_mj_makeData(world->model)) || !data || (world->data = data, octo_world_forward(world)) != 0) {
        snprintf(problem, capacity, "%s", data ? world->problem : last_error);
        octo_world_free(world);
        return NULL;
    }
    *failure = OCTO_WORLD_FINE;
    return world;
}

void octo_world_free(octo_world *world) {
    if (!world) return;
    if (world->has_pictures) {
        octo_gl_use(&world->gl);
        p_mjr_freeContext(&world->context);
        p_mjv_freeScene(&world->scene);
    }
    octo_gl_free(&world->gl);
    if (world->data) p_mj_deleteData(world->data);
    if (world->model) p_mj_deleteModel(world->model);
    free(world);
}

int octo_world_find(const octo_world *world, enum octo_world_kind kind, const char *name) {
    static const int types[] = {mjOBJ_BODY,     mjOBJ_JOINT, mjOBJ_SITE, mjOBJ_CAMERA,
                                mjOBJ_ACTUATOR, mjOBJ_LIGHT, mjOBJ_GEOM};
    return p_mj_name2id(world->model, types[kind], name);
}

int octo_world_joint_position(const octo_world *world, int joint) { return world->model->jnt_qposadr[joint]; }
int octo_world_joint_velocity(const octo_world *world, int joint) { return world->model->jnt_dofadr[joint]; }
int octo_world_position_count(const octo_world *world) { return world->model->nq; }
int octo_world_velocity_count(const octo_world *world) { return world->model->nv; }
double *octo_world_positions(octo_world *world) { return world->data->qpos; }
double *octo_world_velocities(octo_world *world) { return world->data->qvel; }
double *octo_world_controls(octo_world *world) { return world->data->ctrl; }
int octo_world_control_count(const octo_world *world) { return world->model->nu; }
const double *octo_world_forces(const octo_world *world) { return world->data->actuator_force; }
const double *octo_world_body_position(const octo_world *world, int body) { return world->data->xpos + 3 * body; }
const double *octo_world_body_rotation(const octo_world *world, int body) { return world->data->xquat + 4 * body; }
const double *octo_world_site_position(const octo_world *world, int site) { return world->data->site_xpos + 3 * site; }
const double *octo_world_site_matrix(const octo_world *world, int site) { return world->data->site_xmat + 9 * site; }
double *octo_world_camera_position(octo_world *world, int camera) { return world->model->cam_pos + 3 * camera; }
double *octo_world_camera_rotation(octo_world *world, int camera) { return world->model->cam_quat + 4 * camera; }
double *octo_world_camera_view(octo_world *world, int camera) { return world->model->cam_fovy + camera; }
float *octo_world_light_colour(octo_world *world, int light) { return world->model->light_diffuse + 3 * light; }
double octo_world_step_seconds(const octo_world *world) { return world->model->opt.timestep; }
double octo_world_time(const octo_world *world) { return world->data->time; }
const char *octo_world_problem(const octo_world *world) { return world->problem; }

void octo_world_reset(octo_world *world) { p_mj_resetData(world->model, world->data); }

/// Numbers that MuJoCo found to be unusable since the last reset.
static int check(octo_world *world) {
    static const struct { int warning; const char *what; } bad[] = {
        {mjWARN_BADQPOS, "position"}, {mjWARN_BADQVEL, "velocity"}, {mjWARN_BADQACC, "acceleration"},
        {mjWARN_BADCTRL, "control"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (world->data->warning[bad[i].warning].number == 0) continue;
        snprintf(world->problem, sizeof world->problem, "%s %d of the world is not finite or huge", bad[i].what,
                 world->data->warning[bad[i].warning].lastinfo);
        return OCTO_WORLD_ERROR;
    }
    return OCTO_WORLD_FINE;
}

static int failed(octo_world *world) {
    snprintf(world->problem, sizeof world->problem, "%s", last_error);
    return OCTO_WORLD_ERROR;
}

int octo_world_forward(octo_world *world) {
    if (!GUARDED(p_mj_forward(world->model, world->data))) return failed(world);
    return check(world);
}

int octo_world_step(octo_world *world, int steps) {
    for (int i = 0; i < steps; i++) {
        if (!GUARDED(p_mj_step(world->model, world->data))) return failed(world);
        if (check(world)) return OCTO_WORLD_ERROR;
    }
    return OCTO_WORLD_FINE;
}

int octo_world_prepare_pictures(octo_world *world, char *problem, size_t capacity) {
    if (world->has_pictures) return OCTO_WORLD_FINE;
    if (octo_gl_make(&world->gl, problem, capacity)) return OCTO_WORLD_NO_GL;
    p_mjv_defaultScene(&world->scene);
    p_mjv_defaultOption(&world->option);
    p_mjr_defaultContext(&world->context);
    if (!GUARDED((p_mjv_makeScene(world->model, &world->scene, 1000),
                  p_mjr_makeContext(world->model, &world->context, mjFONTSCALE_100)))) {
        snprintf(problem, capacity, "%s", last_error);
        octo_gl_free(&world->gl);
        return OCTO_WORLD_NO_GL;
    }
    p_mjr_setBuffer(mjFB_OFFSCREEN, &world->context);
    world->has_pictures = 1;
    return OCTO_WORLD_FINE;
}

const char *octo_world_renderer(const octo_world *world) { return world->has_pictures ? world->gl.library : NULL; }

int octo_world_draw(octo_world *world, int camera, int width, int height, uint8_t *rgb, char *problem,
                    size_t capacity) {
    if (!world->has_pictures || octo_gl_use(&world->gl)) {
        snprintf(problem, capacity, "the GL context is gone");
        return OCTO_WORLD_NO_GL;
    }
    if (width > world->context.offWidth || height > world->context.offHeight || width < 1 || height < 1) {
        snprintf(problem, capacity, "a picture of %dx%d was asked for, the model's offwidth and offheight are %dx%d", width,
                 height, world->context.offWidth, world->context.offHeight);
        return OCTO_WORLD_ERROR;
    }
    mjvCamera view;
    p_mjv_defaultCamera(&view);
    view.type = mjCAMERA_FIXED;
    view.fixedcamid = camera;
    const mjrRect rectangle = {0, 0, width, height};
    if (!GUARDED((p_mjv_updateScene(world->model, world->data, &world->option, NULL, &view, mjCAT_ALL, &world->scene),
                  p_mjr_render(rectangle, &world->scene, &world->context),
                  p_mjr_readPixels(rgb, NULL, rectangle, &world->context)))) {
        snprintf(problem, capacity, "%s", last_error);
        return OCTO_WORLD_ERROR;
    }
    // GL counts rows from below.
    const size_t row = 3 * (size_t)width;
    uint8_t *swap = malloc(row);
    if (!swap) {
        snprintf(problem, capacity, "out of memory");
        return OCTO_WORLD_ERROR;
    }
    for (int low = 0, high = height - 1; low < high; low++, high--) {
        memcpy(swap, rgb + low * row, row);
        memcpy(rgb + low * row, rgb + high * row, row);
        memcpy(rgb + high * row, swap, row);
    }
    free(swap);
    return OCTO_WORLD_FINE;
}

#else  // No headers: everything fails with that reason.

static int refuse(char *problem, size_t capacity) {
    snprintf(problem, capacity, "this program was built without MuJoCo's headers");
    return OCTO_WORLD_NO_LIBRARY;
}
const char *octo_world_library(char *problem, size_t capacity) { return refuse(problem, capacity), (const char *)0; }
octo_world *octo_world_make(const char *xml, size_t length, int *failure, char *problem, size_t capacity) {
    (void)xml, (void)length;
    *failure = refuse(problem, capacity);
    return 0;
}
void octo_world_free(octo_world *w) { (void)w; }
int octo_world_find(const octo_world *w, enum octo_world_kind k, const char *n) { return (void)w, (void)k, (void)n, -1; }
int octo_world_joint_position(const octo_world *w, int j) { return (void)w, (void)j, 0; }
int octo_world_joint_velocity(const octo_world *w, int j) { return (void)w, (void)j, 0; }
int octo_world_position_count(const octo_world *w) { return (void)w, 0; }
int octo_world_velocity_count(const octo_world *w) { return (void)w, 0; }
int octo_world_control_count(const octo_world *w) { return (void)w, 0; }
double *octo_world_positions(octo_world *w) { return (void)w, (double *)0; }
double *octo_world_velocities(octo_world *w) { return (void)w, (double *)0; }
double *octo_world_controls(octo_world *w) { return (void)w, (double *)0; }
const double *octo_world_forces(const octo_world *w) { return (void)w, (const double *)0; }
const double *octo_world_body_position(const octo_world *w, int b) { return (void)w, (void)b, (const double *)0; }
const double *octo_world_body_rotation(const octo_world *w, int b) { return (void)w, (void)b, (const double *)0; }
const double *octo_world_site_position(const octo_world *w, int s) { return (void)w, (void)s, (const double *)0; }
const double *octo_world_site_matrix(const octo_world *w, int s) { return (void)w, (void)s, (const double *)0; }
double *octo_world_camera_position(octo_world *w, int c) { return (void)w, (void)c, (double *)0; }
double *octo_world_camera_rotation(octo_world *w, int c) { return (void)w, (void)c, (double *)0; }
double *octo_world_camera_view(octo_world *w, int c) { return (void)w, (void)c, (double *)0; }
float *octo_world_light_colour(octo_world *w, int l) { return (void)w, (void)l, (float *)0; }
double octo_world_step_seconds(const octo_world *w) { return (void)w, 0; }
double octo_world_time(const octo_world *w) { return (void)w, 0; }
void octo_world_reset(octo_world *w) { (void)w; }
int octo_world_forward(octo_world *w) { return (void)w, OCTO_WORLD_NO_LIBRARY; }
int octo_world_step(octo_world *w, int n) { return (void)w, (void)n, OCTO_WORLD_NO_LIBRARY; }
const char *octo_world_problem(const octo_world *w) { return (void)w, ""; }
int octo_world_prepare_pictures(octo_world *w, char *problem, size_t capacity) { return (void)w, refuse(problem, capacity); }
const char *octo_world_renderer(const octo_world *w) { return (void)w, (const char *)0; }
int octo_world_draw(octo_world *w, int c, int x, int y, uint8_t *rgb, char *problem, size_t capacity) {
    return (void)w, (void)c, (void)x, (void)y, (void)rgb, refuse(problem, capacity);
}

#endif
