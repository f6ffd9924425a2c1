#include "CShims.h"

// termios2 lies in the kernel's header, which cannot stand beside glibc's <termios.h>.
#include <asm/termbits.h>
#include <errno.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/ioctl.h>

int octo_serial_configure(int fd, unsigned baud) {
    struct termios2 line;
    if (ioctl(fd, TCGETS2, &line) != 0) return errno;
    line.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
    line.c_oflag &= ~OPOST;
    line.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    line.c_cflag &= ~(CSIZE | PARENB | CSTOPB | CRTSCTS | CBAUD | (CBAUD << IBSHIFT));
    line.c_cflag |= CS8 | CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT);
    line.c_ispeed = baud;
    line.c_ospeed = baud;
    line.c_cc[VMIN] = 0;
    line.c_cc[VTIME] = 0;
    if (ioctl(fd, TCSETS2, &line) != 0) return errno;
    // A driver that cannot do the rate may choose another without an error.
    if (ioctl(fd, TCGETS2, &line) != 0) return errno;
    const unsigned difference = line.c_ospeed > baud ? line.c_ospeed - baud : baud - line.c_ospeed;
    return difference > baud / 50 ? EINVAL : 0;
}

int octo_serial_baud(int fd) {
    struct termios2 line;
    return ioctl(fd, TCGETS2, &line) == 0 ? (int)line.c_ospeed : -errno;
}

int octo_serial_low_latency(int fd) {
    struct serial_struct serial;
    memset(&serial, 0, sizeof serial);
    if (ioctl(fd, TIOCGSERIAL, &serial) != 0) return errno;
    serial.flags |= ASYNC_LOW_LATENCY;
    return ioctl(fd, TIOCSSERIAL, &serial) == 0 ? 0 : errno;
}

int octo_serial_claim(int fd) { return ioctl(fd, TIOCEXCL) == 0 ? 0 : errno; }

void octo_serial_discard(int fd) { ioctl(fd, TCFLSH, TCIFLUSH); }
