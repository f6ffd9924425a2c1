#include "CVideo.h"

#include <errno.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// Whether a device was handed to libv4l2. Most cameras have formats of ours, and do without; from the first that has none on,
// its functions are asked, which pass on what concerns a descriptor that was not handed to it.
static int converts;

static int request(int fd, unsigned long code, void *argument) {
    return (converts ? v4l2_ioctl(fd, code, argument) : ioctl(fd, code, argument)) == 0 ? 0 : errno;
}

int octo_video_convert(int fd) {
    // It would write to standard error that a frame is not there yet.
    setenv("LIBV4L2_LOG_FILENAME", "/dev/null", 0);
    // What it converts to is to be in the list of formats.
    if (v4l2_fd_open(fd, V4L2_ENABLE_ENUM_FMT_EMULATION) < 0) return errno;
    converts = 1;
    return 0;
}

void *octo_video_map(int fd, size_t length, int64_t offset) {
    void *memory = converts ? v4l2_mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset)
                            : mmap(NULL, length, PROT_READ, MAP_SHARED, fd, offset);
    return memory == MAP_FAILED ? NULL : memory;
}

void octo_video_unmap(void *memory, size_t length) {
    if (converts)
        v4l2_munmap(memory, length);
    else
        munmap(memory, length);
}

void octo_video_close(int fd) {
    if (converts)
        v4l2_close(fd);
    else
        close(fd);
}

int octo_video_capability(int fd, struct octo_video_capability *capability) {
    struct v4l2_capability found;
    memset(&found, 0, sizeof found);
    int error = request(fd, VIDIOC_QUERYCAP, &found);
    memset(capability, 0, sizeof *capability);
    if (error != 0) return error;
    // One device file of several that share a driver: what the file can do, where the driver tells that apart.
    __u32 can = found.capabilities & V4L2_CAP_DEVICE_CAPS ? found.device_caps : found.capabilities;
    capability->captures = (can & V4L2_CAP_VIDEO_CAPTURE) != 0;
    capability->streams = (can & V4L2_CAP_STREAMING) != 0;
    memcpy(capability->card, found.card, sizeof found.card);
    memcpy(capability->bus, found.bus_info, sizeof found.bus_info);
    return 0;
}

int octo_video_set_format(int fd, struct octo_video_format *format) {
    struct v4l2_format wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    wanted.fmt.pix.pixelformat = format->pixel_format;
    wanted.fmt.pix.width = format->width;
    wanted.fmt.pix.height = format->height;
    wanted.fmt.pix.field = V4L2_FIELD_NONE;
    int error = request(fd, VIDIOC_S_FMT, &wanted);
    if (error != 0) return error;
    const struct v4l2_pix_format *chosen = &wanted.fmt.pix;
    format->pixel_format = chosen->pixelformat;
    format->width = chosen->width;
    format->height = chosen->height;
    format->bytes_per_line = chosen->bytesperline;
    format->whole = chosen->field == V4L2_FIELD_NONE || chosen->field == V4L2_FIELD_ANY ||
                    chosen->field == V4L2_FIELD_INTERLACED || chosen->field == V4L2_FIELD_INTERLACED_TB ||
                    chosen->field == V4L2_FIELD_INTERLACED_BT;
    return 0;
}

int octo_video_set_interval(int fd, uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_streamparm parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    parameters.parm.capture.timeperframe.numerator = *numerator;
    parameters.parm.capture.timeperframe.denominator = *denominator;
    int error = request(fd, VIDIOC_S_PARM, &parameters);
    if (error != 0) return error;
    *numerator = parameters.parm.capture.timeperframe.numerator;
    *denominator = parameters.parm.capture.timeperframe.denominator;
    return 0;
}

int octo_video_list_format(int fd, uint32_t index, uint32_t *pixel_format) {
    struct v4l2_fmtdesc description;
    memset(&description, 0, sizeof description);
    description.index = index;
    description.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int error = request(fd, VIDIOC_ENUM_FMT, &description);
    *pixel_format = description.pixelformat;
    return error;
}

int octo_video_list_size(int fd, uint32_t pixel_format, uint32_t index, struct octo_video_size *size) {
    struct v4l2_frmsizeenum found;
    memset(&found, 0, sizeof found);
    found.index = index;
    found.pixel_format = pixel_format;
    memset(size, 0, sizeof *size);
    int error = request(fd, VIDIOC_ENUM_FRAMESIZES, &found);
    if (error != 0) return error;
    if (found.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
        size->min_width = size->max_width = found.discrete.width;
        size->min_height = size->max_height = found.discrete.height;
        size->step_width = size->step_height = 1;
    } else {
        // A range is the only entry there is.
        if (index != 0) return EINVAL;
        size->min_width = found.stepwise.min_width;
        size->max_width = found.stepwise.max_width;
        size->step_width = found.stepwise.step_width;
        size->min_height = found.stepwise.min_height;
        size->max_height = found.stepwise.max_height;
        size->step_height = found.stepwise.step_height;
    }
    return 0;
}

int octo_video_list_interval(int fd, uint32_t pixel_format, uint32_t width, uint32_t height, uint32_t index,
                             uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_frmivalenum found;
    memset(&found, 0, sizeof found);
    found.index = index;
    found.pixel_format = pixel_format;
    found.width = width;
    found.height = height;
    int error = request(fd, VIDIOC_ENUM_FRAMEINTERVALS, &found);
    if (error != 0) return error;
    if (found.type != V4L2_FRMIVAL_TYPE_DISCRETE && index != 0) return EINVAL;
    const struct v4l2_fract *interval =
        found.type == V4L2_FRMIVAL_TYPE_DISCRETE ? &found.discrete : &found.stepwise.min;
    *numerator = interval->numerator;
    *denominator = interval->denominator;
    return 0;
}

int octo_video_request_buffers(int fd, uint32_t *count) {
    struct v4l2_requestbuffers wanted;
    memset(&wanted, 0, sizeof wanted);
    wanted.count = *count;
    wanted.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    wanted.memory = V4L2_MEMORY_MMAP;
    int error = request(fd, VIDIOC_REQBUFS, &wanted);
    *count = error == 0 ? wanted.count : 0;
    return error;
}

static struct v4l2_buffer empty_buffer(uint32_t index) {
    struct v4l2_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.index = index;
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    return buffer;
}

static void describe(const struct v4l2_buffer *found, struct octo_video_buffer *buffer) {
    buffer->index = found->index;
    buffer->bytes_used = found->bytesused;
    buffer->sequence = found->sequence;
    buffer->damaged = (found->flags & V4L2_BUF_FLAG_ERROR) != 0;
    buffer->monotonic = (found->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->time_ns = (int64_t)found->timestamp.tv_sec * 1000000000 + (int64_t)found->timestamp.tv_usec * 1000;
    buffer->length = found->length;
    buffer->offset = found->m.offset;
}

int octo_video_query_buffer(int fd, uint32_t index, struct octo_video_buffer *buffer) {
    struct v4l2_buffer found = empty_buffer(index);
    int error = request(fd, VIDIOC_QUERYBUF, &found);
    describe(&found, buffer);
    return error;
}

int octo_video_queue(int fd, uint32_t index) {
    struct v4l2_buffer buffer = empty_buffer(index);
    return request(fd, VIDIOC_QBUF, &buffer);
}

int octo_video_dequeue(int fd, struct octo_video_buffer *buffer) {
    struct v4l2_buffer found = empty_buffer(0);
    int error = request(fd, VIDIOC_DQBUF, &found);
    describe(&found, buffer);
    return error;
}

int octo_video_stream(int fd, int on) {
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return request(fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

// VIDIOC_QUERYCTRL with NEXT_CTRL leaves out compound controls; what it cannot describe comes as kind 0.
int octo_video_next_control(int fd, uint32_t after, struct octo_video_control *control) {
    struct v4l2_queryctrl found;
    memset(&found, 0, sizeof found);
    found.id = after | V4L2_CTRL_FLAG_NEXT_CTRL;
    int error = request(fd, VIDIOC_QUERYCTRL, &found);
    memset(control, 0, sizeof *control);
    if (error != 0) return error;
    control->id = found.id;
    control->kind = found.type == V4L2_CTRL_TYPE_INTEGER        ? OCTO_VIDEO_CONTROL_INTEGER
                    : found.type == V4L2_CTRL_TYPE_BOOLEAN      ? OCTO_VIDEO_CONTROL_BOOLEAN
                    : found.type == V4L2_CTRL_TYPE_MENU         ? OCTO_VIDEO_CONTROL_MENU
                    : found.type == V4L2_CTRL_TYPE_INTEGER_MENU ? OCTO_VIDEO_CONTROL_INTEGER_MENU
                    : found.type == V4L2_CTRL_TYPE_BUTTON       ? OCTO_VIDEO_CONTROL_BUTTON
                                                                : OCTO_VIDEO_CONTROL_OTHER;
    const int without_value = found.type != V4L2_CTRL_TYPE_BUTTON && (found.flags & V4L2_CTRL_FLAG_WRITE_ONLY);
    if ((found.flags & V4L2_CTRL_FLAG_DISABLED) || without_value) control->kind = OCTO_VIDEO_CONTROL_OTHER;
    memcpy(control->name, found.name, sizeof found.name);
    control->minimum = found.minimum;
    control->maximum = found.maximum;
    control->step = found.step;
    control->preset = found.default_value;
    control->read_only = (found.flags & V4L2_CTRL_FLAG_READ_ONLY) != 0;
    control->inactive = (found.flags & V4L2_CTRL_FLAG_INACTIVE) != 0;
    return 0;
}

int octo_video_menu_item(int fd, uint32_t id, int is_integer, uint32_t index, struct octo_video_menu_item *item) {
    struct v4l2_querymenu found;
    memset(&found, 0, sizeof found);
    found.id = id;
    found.index = index;
    int error = request(fd, VIDIOC_QUERYMENU, &found);
    memset(item, 0, sizeof *item);
    if (error != 0) return error;
    if (is_integer) {
        snprintf(item->name, sizeof item->name, "%lld", (long long)found.value);
    } else {
        memcpy(item->name, found.name, sizeof found.name);
    }
    return 0;
}

int octo_video_get_control(int fd, uint32_t id, int32_t *value) {
    struct v4l2_control control = {.id = id, .value = 0};
    int error = request(fd, VIDIOC_G_CTRL, &control);
    *value = control.value;
    return error;
}

int octo_video_set_control(int fd, uint32_t id, int32_t value) {
    struct v4l2_control control = {.id = id, .value = value};
    return request(fd, VIDIOC_S_CTRL, &control);
}
