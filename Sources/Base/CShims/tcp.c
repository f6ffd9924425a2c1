// Apart from the other shims: Linux's own header, whose tcp_info has the counts, excludes that of the C library.
#include "CShims.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int octo_tcp_traffic(int fd, int64_t *received, int64_t *acknowledged) {
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return errno;
    if (size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return ENOTSUP;
    *received = (int64_t)info.tcpi_bytes_received;
    *acknowledged = (int64_t)info.tcpi_bytes_acked;
    return 0;
}
