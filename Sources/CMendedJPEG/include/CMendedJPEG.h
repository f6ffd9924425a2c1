#ifndef CMENDEDJPEG_H
#define CMENDEDJPEG_H

#include <stddef.h>

/// What came of a JPEG.
enum octo_jpeg_result {
    OCTO_JPEG_WHOLE = 0,
    /// Something was not as the standard has it, but every pixel is as it was coded.
    OCTO_JPEG_MENDED = 1,
    OCTO_JPEG_LOST = -1,
};

/// Reads the header alone. `problem` gets the codec's words where it fails.
int octo_jpeg_header(const unsigned char *bytes, size_t count, int *width, int *height, char *problem, size_t room);

/// Decodes to RGB, `width * height * 3` bytes, with the accurate transform and smooth chroma. Progressive pictures, which no
/// camera makes, are refused.
int octo_jpeg_pixels(
    const unsigned char *bytes, size_t count, unsigned char *rgb, int width, int height, char *problem, size_t room);

#endif
