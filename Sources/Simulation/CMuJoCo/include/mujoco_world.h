// MuJoCo's physics and its offscreen renderer as plain functions. No decisions.
//
// Neither MuJoCo nor a GL library is linked: both are looked up when the first world is made, so that programs which use
// this start, and everything else works, where they are not installed. Built without MuJoCo's headers, every attempt
// fails with that reason.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// One compiled model and its state. Belongs to one thread at a time.
typedef struct octo_world octo_world;

/// What has a name in a model.
enum octo_world_kind {
    OCTO_WORLD_BODY = 0,
    OCTO_WORLD_JOINT = 1,
    OCTO_WORLD_SITE = 2,
    OCTO_WORLD_CAMERA = 3,
    OCTO_WORLD_ACTUATOR = 4,
    OCTO_WORLD_LIGHT = 5,
    OCTO_WORLD_GEOM = 6,
};

/// What went wrong, besides the words for it.
enum octo_world_failure {
    OCTO_WORLD_FINE = 0,
    /// The library is not installed, or another version than this was built for.
    OCTO_WORLD_NO_LIBRARY = 1,
    /// The model's text is wrong.
    OCTO_WORLD_BAD_MODEL = 2,
    /// There is no GL context to be had.
    OCTO_WORLD_NO_GL = 3,
    /// MuJoCo gave up.
    OCTO_WORLD_ERROR = 4,
};

/// The version of the library as it runs ("2.2.2"), or NULL with the reason in `problem`. mj_versionString.
const char *octo_world_library(char *problem, size_t capacity);

/// Compiles an MJCF text; NULL on failure, with an `octo_world_failure` in `failure` and words in `problem`. mj_loadXML.
octo_world *octo_world_make(const char *xml, size_t length, int *failure, char *problem, size_t capacity);
void octo_world_free(octo_world *world);

/// Id of a named thing, or -1. mj_name2id.
int octo_world_find(const octo_world *world, enum octo_world_kind kind, const char *name);

/// Where a joint's numbers begin in `octo_world_positions` and `octo_world_velocities`.
int octo_world_joint_position(const octo_world *world, int joint);
int octo_world_joint_velocity(const octo_world *world, int joint);

/// How many numbers the state has; the arrays live as long as the world.
int octo_world_position_count(const octo_world *world);
int octo_world_velocity_count(const octo_world *world);
double *octo_world_positions(octo_world *world);
double *octo_world_velocities(octo_world *world);
/// One number for each actuator.
double *octo_world_controls(octo_world *world);
int octo_world_control_count(const octo_world *world);
/// Force of each actuator at the last step. mjData.actuator_force.
const double *octo_world_forces(const octo_world *world);

/// Place of a body: metres; and its unit quaternion w x y z. mjData.xpos, xquat.
const double *octo_world_body_position(const octo_world *world, int body);
const double *octo_world_body_rotation(const octo_world *world, int body);
/// Place of a site: metres; and its rotation matrix by rows. mjData.site_xpos, site_xmat.
const double *octo_world_site_position(const octo_world *world, int site);
const double *octo_world_site_matrix(const octo_world *world, int site);

/// A camera in the frame it is fixed to: metres, quaternion w x y z; vertical field of view in degrees. To be changed at
/// will. mjModel.cam_pos, cam_quat, cam_fovy.
double *octo_world_camera_position(octo_world *world, int camera);
double *octo_world_camera_rotation(octo_world *world, int camera);
double *octo_world_camera_view(octo_world *world, int camera);
/// A light's colour, red green blue. mjModel.light_diffuse.
float *octo_world_light_colour(octo_world *world, int light);

/// Seconds of a physics step; seconds since the last reset.
double octo_world_step_seconds(const octo_world *world);
double octo_world_time(const octo_world *world);

/// As at the beginning. mj_resetData.
void octo_world_reset(octo_world *world);
/// Computes what follows from the positions, without moving on. Returns an `octo_world_failure`. mj_forward.
int octo_world_forward(octo_world *world);
/// Moves on by so many steps. Returns an `octo_world_failure`: `OCTO_WORLD_ERROR` when a number was not finite or too
/// large (MuJoCo then starts anew from the beginning, which is no motion of this world). mj_step.
int octo_world_step(octo_world *world, int steps);
/// Words for the last failure of `octo_world_forward` and `octo_world_step`.
const char *octo_world_problem(const octo_world *world);

/// Prepares for pictures of up to so many pixels, which is the model's offwidth and offheight. Returns an
/// `octo_world_failure`. mjr_makeContext.
int octo_world_prepare_pictures(octo_world *world, char *problem, size_t capacity);
/// Which GL library draws: "OSMesa" or "EGL"; NULL before `octo_world_prepare_pictures`.
const char *octo_world_renderer(const octo_world *world);
/// Draws what a camera sees: `height` rows of `width` pixels, red green blue, the highest row first. Returns an
/// `octo_world_failure`. mjv_updateScene, mjr_render, mjr_readPixels.
int octo_world_draw(octo_world *world, int camera, int width, int height, uint8_t *rgb, char *problem, size_t capacity);
