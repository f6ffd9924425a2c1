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
    int is_within_pixels;
};

static void give_up(j_common_ptr common) { longjmp(((struct reading *)common->err)->escape, 1); }

// The codec warns where it goes on with a guess. Two of its warnings cost no pixel.
static void judge(j_common_ptr common, int level) {
    struct reading *reading = (struct reading *)common->err;
    if (level >= 0) return;
    switch (common->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
        if (!reading->is_within_pixels || common->err->msg_parm.i[0] <= MOST_STRAY_BYTES) return;
        break;
    case JWRN_JPEG_EOF: return;  // where coded pixels are missing too, another warning follows
    default: break;
    }
    give_up(common);
}

static void be_silent(j_common_ptr common) { (void)common; }

int octo_jpeg_mend(const unsigned char *bytes, size_t count, int *width, int *height, unsigned char *rgb) {
    struct jpeg_decompress_struct decoder;
    struct reading reading;
    memset(&decoder, 0, sizeof decoder);
    memset(&reading, 0, sizeof reading);
    decoder.err = jpeg_std_error(&reading.errors);
    reading.errors.error_exit = give_up;
    reading.errors.emit_message = judge;
    reading.errors.output_message = be_silent;
    if (setjmp(reading.escape)) {
        jpeg_destroy_decompress(&decoder);
        return 0;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    if (!rgb) {
        *width = (int)decoder.image_width;
        *height = (int)decoder.image_height;
    } else {
        if ((int)decoder.image_width != *width || (int)decoder.image_height != *height || jpeg_has_multiple_scans(&decoder)) {
            longjmp(reading.escape, 1);
        }
        decoder.out_color_space = JCS_RGB;
        decoder.dct_method = JDCT_ISLOW;
        jpeg_start_decompress(&decoder);
        reading.is_within_pixels = 1;
        while (decoder.output_scanline < decoder.output_height) {
            JSAMPROW row = rgb + (size_t)decoder.output_scanline * decoder.output_width * 3;
            jpeg_read_scanlines(&decoder, &row, 1);
        }
        jpeg_finish_decompress(&decoder);
    }
    jpeg_destroy_decompress(&decoder);
    return 1;
}
