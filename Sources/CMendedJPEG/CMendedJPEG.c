#include "CMendedJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
// Needs stdio.h before it.
#include <jerror.h>
#include <jpeglib.h>

// Bytes before a marker within the coded pixels that webcams are known to put there. More of them are coded pixels that were
// read wrongly.
enum { MOST_STRAY_BYTES = 8 };

struct reading {
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    char *problem;
    size_t room;
    int is_mended;
    int is_within_pixels;
};

static void give_up(j_common_ptr common) {
    struct reading *reading = (struct reading *)common->err;
    char words[JMSG_LENGTH_MAX];
    common->err->format_message(common, words);
    snprintf(reading->problem, reading->room, "%s", words);
    longjmp(reading->escape, 1);
}

// The codec warns where it goes on with a guess. Two of its warnings cost no pixel.
static void judge(j_common_ptr common, int level) {
    struct reading *reading = (struct reading *)common->err;
    if (level >= 0) return;
    int is_harmless = 0;
    if (common->err->msg_code == JWRN_EXTRANEOUS_DATA) {
        is_harmless = !reading->is_within_pixels || common->err->msg_parm.i[0] <= MOST_STRAY_BYTES;
    } else if (common->err->msg_code == JWRN_JPEG_EOF) {
        // Where coded pixels are missing too, another warning follows.
        is_harmless = 1;
    }
    if (!is_harmless) give_up(common);
    reading->is_mended = 1;
}

static void be_silent(j_common_ptr common) { (void)common; }

static void begin(struct jpeg_decompress_struct *decoder, struct reading *reading, char *problem, size_t room) {
    memset(reading, 0, sizeof *reading);
    reading->problem = problem;
    reading->room = room;
    decoder->err = jpeg_std_error(&reading->errors);
    reading->errors.error_exit = give_up;
    reading->errors.emit_message = judge;
    reading->errors.output_message = be_silent;
}

int octo_jpeg_header(const unsigned char *bytes, size_t count, int *width, int *height, char *problem, size_t room) {
    struct jpeg_decompress_struct decoder;
    struct reading reading;
    memset(&decoder, 0, sizeof decoder);
    begin(&decoder, &reading, problem, room);
    if (setjmp(reading.escape)) {
        jpeg_destroy_decompress(&decoder);
        return OCTO_JPEG_LOST;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    *width = (int)decoder.image_width;
    *height = (int)decoder.image_height;
    jpeg_destroy_decompress(&decoder);
    return reading.is_mended ? OCTO_JPEG_MENDED : OCTO_JPEG_WHOLE;
}

int octo_jpeg_pixels(
    const unsigned char *bytes, size_t count, unsigned char *rgb, int width, int height, char *problem, size_t room) {
    struct jpeg_decompress_struct decoder;
    struct reading reading;
    memset(&decoder, 0, sizeof decoder);
    begin(&decoder, &reading, problem, room);
    if (setjmp(reading.escape)) {
        jpeg_destroy_decompress(&decoder);
        return OCTO_JPEG_LOST;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    decoder.out_color_space = JCS_RGB;
    decoder.dct_method = JDCT_ISLOW;
    if ((int)decoder.image_width != width || (int)decoder.image_height != height || jpeg_has_multiple_scans(&decoder)) {
        snprintf(problem, room, "another size, or several scans");
        jpeg_destroy_decompress(&decoder);
        return OCTO_JPEG_LOST;
    }
    jpeg_start_decompress(&decoder);
    reading.is_within_pixels = 1;
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW row = rgb + (size_t)decoder.output_scanline * (size_t)width * 3;
        jpeg_read_scanlines(&decoder, &row, 1);
    }
    jpeg_finish_decompress(&decoder);
    int is_mended = reading.is_mended;
    jpeg_destroy_decompress(&decoder);
    return is_mended ? OCTO_JPEG_MENDED : OCTO_JPEG_WHOLE;
}
