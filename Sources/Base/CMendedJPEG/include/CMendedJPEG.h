#ifndef CMENDEDJPEG_H
#define CMENDEDJPEG_H

#include <stddef.h>

/// Decodes a JPEG to RGB with the accurate transform and smooth chroma, although something in it is not as the standard has it, as
/// long as every pixel is as it was coded. Progressive pictures, which no camera makes, are refused.
///
/// `rgb` is NULL to learn width and height alone, or has room for `*width * *height * 3` bytes. Returns whether it could be done;
/// jpeglib's own error handling is by longjmp, which must not cross Swift frames.
int octo_jpeg_mend(const unsigned char *bytes, size_t count, int *width, int *height, unsigned char *rgb);

#endif
