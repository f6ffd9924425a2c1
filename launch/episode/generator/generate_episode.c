// Renders the demo episode: an arm reaches for a block, closes the gripper, lifts the block and puts it into a tray.
// One frame stands for one policy step of 0.2 s. Nothing is simulated over time: each step's joint angles come from
// numerical inverse kinematics, so the output depends on nothing but this file and scene.xml.
//
// Usage: generate_episode scene.xml output-folder

#include <dlfcn.h>
#include <math.h>
#include <mujoco/mujoco.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { size = 256, oversampling = 4, steps = 30, arm_joints = 6 };

static const double finger_closed = 0.015, finger_open = 0.037;  // metres from the middle
static const double finger_on_block = 0.0200;                    // half the block and half a finger's thickness

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("generate_episode: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

// --- A window-less OpenGL context -----------------------------------------------------------------------------------

// MuJoCo looks for OpenGL in what the process has loaded already, so the library is opened globally and first. The
// prototypes are those of GL/osmesa.h; opening it by hand saves the development package.
static void make_context(void) {
    void *library = dlopen("libOSMesa.so.8", RTLD_NOW | RTLD_GLOBAL);
    if (!library) fail("%s. Install libosmesa6.", dlerror());
    typedef void *(*create)(const int *attributes, void *shared);
    typedef unsigned char (*make_current)(void *context, void *buffer, unsigned type, int width, int height);
    create create_context = (create)dlsym(library, "OSMesaCreateContextAttribs");
    make_current make_context_current = (make_current)dlsym(library, "OSMesaMakeCurrent");
    if (!create_context || !make_context_current) fail("libOSMesa.so.8 lacks OSMesaCreateContextAttribs.");
    const int attributes[] = {
        0x22, 0x1908,  // OSMESA_FORMAT, RGBA
        0x30, 24,      // OSMESA_DEPTH_BITS
        0x31, 8,       // OSMESA_STENCIL_BITS
        0x33, 0x35,    // OSMESA_PROFILE, OSMESA_COMPAT_PROFILE
        0,
    };
    static unsigned char buffer[64 * 64 * 4];  // MuJoCo draws into its own
    void *context = create_context(attributes, NULL);
    if (!context || !make_context_current(context, buffer, 0x1401, 64, 64)) fail("OSMesa gives no OpenGL context.");
}

// --- What the arm does ----------------------------------------------------------------------------------------------

// Where the end effector is at a step, pointing down; the gripper is commanded there (1 open, 0 closed).
typedef struct {
    int step;
    double position[3], yaw, finger, gripper_target;
} waypoint;

static const waypoint waypoints[] = {
    {0, {0.215, 0.030, 0.200}, 0.00, 0.037, 1},   //
    {5, {0.315, -0.105, 0.105}, -0.30, 0.037, 1},  // above the block
    {8, {0.315, -0.105, 0.026}, -0.30, 0.037, 0},  // around it
    {10, {0.315, -0.105, 0.026}, -0.30, finger_on_block, 0},
    {14, {0.310, -0.085, 0.140}, -0.20, finger_on_block, 0},
    {21, {0.300, 0.155, 0.130}, 0.35, finger_on_block, 0},
    {23, {0.300, 0.155, 0.034}, 0.35, finger_on_block, 1},  // in the tray
    {25, {0.300, 0.155, 0.034}, 0.35, 0.037, 1},
    {29, {0.220, 0.060, 0.190}, 0.15, 0.037, 1},
};
enum { grasp_step = 10, release_step = 23 };

// Between waypoints all moves along a straight line, with rest at both ends where the arm stops to grip.
static waypoint at_step(int step) {
    const int count = sizeof waypoints / sizeof *waypoints;
    int i = 0;
    while (i < count - 2 && step >= waypoints[i + 1].step) i++;
    const waypoint *from = &waypoints[i], *to = &waypoints[i + 1];
    double t = (double)(step - from->step) / (to->step - from->step);
    double eased = t * t * (3 - 2 * t);
    waypoint result = *from;
    for (int k = 0; k < 3; k++) result.position[k] += eased * (to->position[k] - from->position[k]);
    result.yaw += eased * (to->yaw - from->yaw);
    result.finger += t * (to->finger - from->finger);
    return result;
}

static void rotation_about_z(double yaw, double matrix[9]) {
    const double c = cos(yaw), s = sin(yaw), m[9] = {c, -s, 0, s, c, 0, 0, 0, 1};
    memcpy(matrix, m, sizeof m);
}

// The end effector's x axis runs along the fingers: pointing down is this rotation. Bridge counts orientation from it.
static const double pointing_down[9] = {0, 0, 1, 0, 1, 0, -1, 0, 0};

// Damped least squares from the present angles; they are left at the solution.
static void solve(const mjModel *model, mjData *data, int site, const double position[3], double yaw) {
    double turn[9], wanted[9], wanted_quaternion[4];
    rotation_about_z(yaw, turn);
    mju_mulMatMat(wanted, turn, pointing_down, 3, 3, 3);
    mju_mat2Quat(wanted_quaternion, wanted);
    double length = 1;
    for (int iteration = 0; iteration < 400 && length > 1e-9; iteration++) {
        mj_kinematics(model, data);
        mj_comPos(model, data);
        double error[6], quaternion[4], inverse[4], difference[4];
        mju_sub3(error, position, data->site_xpos + 3 * site);
        mju_mat2Quat(quaternion, data->site_xmat + 9 * site);
        mju_negQuat(inverse, quaternion);
        mju_mulQuat(difference, wanted_quaternion, inverse);
        mju_quat2Vel(error + 3, difference, 1);
        length = mju_norm(error, 6);

        double jacobian[6 * 16], arm[6 * arm_joints], normal[36], step[6], motion[arm_joints];
        mj_jacSite(model, data, jacobian, jacobian + 3 * model->nv, site);
        for (int row = 0; row < 6; row++)
            mju_copy(arm + row * arm_joints, jacobian + row * model->nv, arm_joints);
        mju_mulMatMatT(normal, arm, arm, 6, arm_joints, 6);
        for (int k = 0; k < 6; k++) normal[k * 7] += 1e-5;
        mju_cholFactor(normal, 6, 0);
        mju_cholSolve(step, normal, error, 6);
        mju_mulMatTVec(motion, arm, step, 6, arm_joints);
        for (int joint = 0; joint < arm_joints; joint++) {
            const double *range = model->jnt_range + 2 * joint;
            data->qpos[joint] = mju_clip(data->qpos[joint] + motion[joint], range[0], range[1]);
        }
    }
    if (length > 1e-6) fail("no joint angles reach %.3f %.3f %.3f", position[0], position[1], position[2]);
}

// Position, roll pitch yaw of R Dᵀ about fixed axes, gripper opening: a Bridge state.
static void read_state(const mjData *data, int site, double finger, double state[7]) {
    double r[9];
    mju_mulMatMatT(r, data->site_xmat + 9 * site, pointing_down, 3, 3, 3);
    mju_copy3(state, data->site_xpos + 3 * site);
    state[3] = atan2(r[7], r[8]);
    state[4] = atan2(-r[6], hypot(r[0], r[3]));
    state[5] = atan2(r[3], r[0]);
    state[6] = (finger - finger_closed) / (finger_open - finger_closed);
}

// --- Output ---------------------------------------------------------------------------------------------------------

// Averages squares of oversampled pixels; OpenGL's rows come from the bottom.
static void write_frame(const unsigned char *rendered, const char *folder, int step) {
    static unsigned char pixels[size * size * 3];
    const int wide = size * oversampling;
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            for (int channel = 0; channel < 3; channel++) {
                int sum = 0;
                for (int dy = 0; dy < oversampling; dy++)
                    for (int dx = 0; dx < oversampling; dx++) {
                        int row = wide - 1 - (y * oversampling + dy), column = x * oversampling + dx;
                        sum += rendered[(row * wide + column) * 3 + channel];
                    }
                const int samples = oversampling * oversampling;
                pixels[(y * size + x) * 3 + channel] = (unsigned char)((sum + samples / 2) / samples);
            }
    char path[1024];
    snprintf(path, sizeof path, "%s/image_0_%03d.png", folder, step);
    png_image image = {.version = PNG_IMAGE_VERSION, .width = size, .height = size, .format = PNG_FORMAT_RGB};
    if (!png_image_write_to_file(&image, path, 0, pixels, 0, NULL)) fail("writing %s: %s", path, image.message);
}

static void write_rows(FILE *file, const char *name, double rows[steps][7], const char *end) {
    fprintf(file, " \"%s\": [\n", name);
    for (int step = 0; step < steps; step++) {
        fputs("  [", file);
        // Adding zero turns -0 into 0.
        for (int k = 0; k < 7; k++) fprintf(file, "%s%.6f", k ? ", " : "", round(rows[step][k] * 1e6) / 1e6 + 0.0);
        fprintf(file, "]%s\n", step < steps - 1 ? "," : "");
    }
    fprintf(file, " ]%s\n", end);
}

static void write_description(const char *folder, double states[steps][7], double actions[steps][7]) {
    char path[1024];
    snprintf(path, sizeof path, "%s/episode.json", folder);
    FILE *file = fopen(path, "w");
    if (!file) fail("cannot write %s", path);
    fprintf(file, "{\n \"source\": \"rendered by launch/episode/generator\",\n");
    fprintf(file, " \"steps\": %d,\n \"image_shape\": [%d, %d, 3],\n", steps, size, size);
    fprintf(file, " \"language_instruction\": \"put the red block into the tray\",\n");
    write_rows(file, "state", states, ",");
    write_rows(file, "action", actions, "");
    fputs("}\n", file);
    if (fclose(file) != 0) fail("cannot write %s", path);
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage: generate_episode scene.xml output-folder");
    char problem[1000] = "";
    mjModel *model = mj_loadXML(argv[1], NULL, problem, sizeof problem);
    if (!model) fail("%s", problem);
    mjData *data = mj_makeData(model);
    const int site = mj_name2id(model, mjOBJ_SITE, "ee_gripper_link");
    const int camera_id = mj_name2id(model, mjOBJ_CAMERA, "primary");
    const int block = mj_name2id(model, mjOBJ_BODY, "block");
    if (site < 0 || camera_id < 0 || block < 0) fail("the scene lacks ee_gripper_link, primary or block");
    if (model->nq != arm_joints + 2) fail("the scene has %d joints, not %d", model->nq, arm_joints + 2);

    make_context();
    mjvOption option;
    mjvCamera camera;
    mjvScene scene;
    mjrContext context;
    mjv_defaultOption(&option);
    mjv_defaultCamera(&camera);
    mjv_defaultScene(&scene);
    mjr_defaultContext(&context);
    mjv_makeScene(model, &scene, 200);
    mjr_makeContext(model, &context, mjFONTSCALE_100);
    mjr_setBuffer(mjFB_OFFSCREEN, &context);
    camera.type = mjCAMERA_FIXED;
    camera.fixedcamid = camera_id;
    const mjrRect view = {0, 0, size * oversampling, size * oversampling};
    unsigned char *rendered = malloc((size_t)view.width * view.height * 3);
    if (!rendered) fail("no memory");

    // The elbow bent and the gripper about down: the solver starts near a natural posture.
    const double posture[arm_joints] = {0, -0.6, 0.4, 0, 1.7, 0};
    memcpy(data->qpos, posture, sizeof posture);
    static double states[steps][7], actions[steps][7];
    double *block_position = data->mocap_pos + 3 * model->body_mocapid[block];
    double *block_quaternion = data->mocap_quat + 4 * model->body_mocapid[block];
    double grip_offset[3] = {0, 0, 0};
    for (int step = 0; step < steps; step++) {
        const waypoint now = at_step(step);
        solve(model, data, site, now.position, now.yaw);
        data->qpos[arm_joints] = now.finger;
        data->qpos[arm_joints + 1] = -now.finger;
        // Between grasp and release the block hangs in the gripper; the gripper only ever turns about z.
        if (step == 0) {
            const waypoint grip = at_step(grasp_step);
            double upright[3] = {0, 0, 1};
            mju_axisAngle2Quat(block_quaternion, upright, grip.yaw);
        }
        if (step == grasp_step) mju_sub3(grip_offset, block_position, now.position);
        if (step > grasp_step && step <= release_step) {
            double upright[3] = {0, 0, 1};
            mju_add3(block_position, now.position, grip_offset);
            mju_axisAngle2Quat(block_quaternion, upright, now.yaw);
        }
        mj_forward(model, data);
        read_state(data, site, now.finger, states[step]);
        actions[step][6] = now.gripper_target;
        mjv_updateScene(model, data, &option, NULL, &camera, mjCAT_ALL, &scene);
        mjr_render(view, &scene, &context);
        mjr_readPixels(rendered, NULL, view, &context);
        write_frame(rendered, argv[2], step);
    }
    // What the arm did until the next step; after the last one it stays.
    for (int step = 0; step < steps - 1; step++)
        for (int k = 0; k < 6; k++) actions[step][k] = states[step + 1][k] - states[step][k];
    write_description(argv[2], states, actions);

    free(rendered);
    mjr_freeContext(&context);
    mjv_freeScene(&scene);
    mj_deleteData(data);
    mj_deleteModel(model);
    return 0;
}
