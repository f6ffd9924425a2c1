// V4L2 requests as plain functions over plain structs, so that the layout of the kernel's is read by C alone. Each returns
// 0 or an errno, EINTR too, unless it says otherwise. No decisions.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// What a video device is. VIDIOC_QUERYCAP.
struct octo_video_capability {
    /// The device takes single-planar frames, and hands them over in mapped buffers.
    int captures;
    int streams;
    /// Closed by a zero byte.
    char card[33];
    char bus[33];
};
int octo_video_capability(int fd, struct octo_video_capability *capability);

/// How frames lie in memory. The pixel format is a four-character code, first character in the lowest byte.
/// Hands an open device to libv4l2, which offers RGB24 in the place of formats that only it understands. 0 or errno.
int octo_video_convert(int fd);

/// Maps a buffer for reading: NULL, with errno set, when that fails. mmap(2), or libv4l2's.
void *octo_video_map(int fd, size_t length, int64_t offset);
void octo_video_unmap(void *memory, size_t length);
/// close(2), or libv4l2's.
void octo_video_close(int fd);

struct octo_video_format {
    uint32_t pixel_format;
    uint32_t width, height;
    uint32_t bytes_per_line;
    /// No single or stacked fields of interlaced video.
    int whole;
};
/// Asks for pixel format, width and height of whole frames; `format` becomes what the device chose. VIDIOC_S_FMT.
int octo_video_set_format(int fd, struct octo_video_format *format);
/// Asks for an interval between frames, in seconds; it becomes what the device chose, 0/0 where it tells none.
/// VIDIOC_S_PARM.
int octo_video_set_interval(int fd, uint32_t *numerator, uint32_t *denominator);

/// The `index`-th pixel format; EINVAL after the last. VIDIOC_ENUM_FMT.
int octo_video_list_format(int fd, uint32_t index, uint32_t *pixel_format);
/// One size, or a range of them when the ends differ; pixels.
struct octo_video_size {
    uint32_t min_width, max_width, step_width;
    uint32_t min_height, max_height, step_height;
};
/// EINVAL after the last. VIDIOC_ENUM_FRAMESIZES.
int octo_video_list_size(int fd, uint32_t pixel_format, uint32_t index, struct octo_video_size *size);
/// The `index`-th interval between frames of a size, in seconds; of a range the shortest, as index 0. EINVAL after the
/// last. VIDIOC_ENUM_FRAMEINTERVALS.
int octo_video_list_interval(int fd, uint32_t pixel_format, uint32_t width, uint32_t height, uint32_t index,
                             uint32_t *numerator, uint32_t *denominator);

/// A buffer of the device, and what it holds.
struct octo_video_buffer {
    uint32_t index;
    uint32_t bytes_used;
    /// Counts frames from the start of the stream, lost ones too.
    uint32_t sequence;
    /// The content is damaged.
    int damaged;
    /// The stamp is of CLOCK_MONOTONIC.
    int monotonic;
    int64_t time_ns;
    /// For mmap(2).
    uint32_t length;
    uint32_t offset;
};
/// Asks for `count` buffers of the device's memory, 0 releases them; it becomes how many there are. VIDIOC_REQBUFS.
int octo_video_request_buffers(int fd, uint32_t *count);
/// Fills length and offset of buffer `index`. VIDIOC_QUERYBUF.
int octo_video_query_buffer(int fd, uint32_t index, struct octo_video_buffer *buffer);
/// Lets the device fill it. VIDIOC_QBUF.
int octo_video_queue(int fd, uint32_t index);
/// Takes the oldest that is filled; EAGAIN when none is. VIDIOC_DQBUF.
int octo_video_dequeue(int fd, struct octo_video_buffer *buffer);
/// VIDIOC_STREAMON, VIDIOC_STREAMOFF.
int octo_video_stream(int fd, int on);

enum {
    /// A text, a bit mask, or one that is switched off for good.
    OCTO_VIDEO_CONTROL_OTHER = 0,
    OCTO_VIDEO_CONTROL_INTEGER,
    OCTO_VIDEO_CONTROL_BOOLEAN,
    /// The choices have names.
    OCTO_VIDEO_CONTROL_MENU,
    /// The choices are numbers.
    OCTO_VIDEO_CONTROL_INTEGER_MENU,
    /// Setting it does something; it keeps no value.
    OCTO_VIDEO_CONTROL_BUTTON,
};
/// What can be set on a camera.
struct octo_video_control {
    uint32_t id;
    int kind;
    /// Closed by a zero byte.
    char name[33];
    int32_t minimum, maximum, step, preset;
    int read_only;
    /// It has no effect while another control, such as an automatic mode, is what it is.
    int inactive;
};
/// The control with the least id above `after`; EINVAL after the last. VIDIOC_QUERYCTRL.
int octo_video_next_control(int fd, uint32_t after, struct octo_video_control *control);
/// Closed by a zero byte.
struct octo_video_menu_item {
    char name[33];
};
/// A choice of a menu; EINVAL where there is none of this number. VIDIOC_QUERYMENU.
int octo_video_menu_item(int fd, uint32_t id, int is_integer, uint32_t index, struct octo_video_menu_item *item);
/// VIDIOC_G_CTRL.
int octo_video_get_control(int fd, uint32_t id, int32_t *value);
/// VIDIOC_S_CTRL.
int octo_video_set_control(int fd, uint32_t id, int32_t value);
