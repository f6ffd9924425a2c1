import Glibc

/// How many files this process may have open.
enum OpenFileLimit {
    /// Descriptors that a program has besides its connections: libraries' files, devices, timers, an episode.
    private static let base: rlim_t = 48
    /// Descriptors of a connection: libzmq's sockets, and those that are being made anew while the old ones are not
    /// gone yet.
    private static let perConnection: rlim_t = 4
    /// Descriptors that are asked for where the system allows it.
    private static let comfortable: rlim_t = 1024

    /// Raises the limit as far as it is worth it. getrlimit(2), setrlimit(2).
    /// - Throws: `.tooFewFiles` where the system does not allow enough.
    static func ensure(forConnections count: Int) throws(BusError) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return }  // RLIMIT_NOFILE
        let needed = base + perConnection * rlim_t(count)
        if limit.rlim_cur < max(needed, comfortable), limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = min(max(needed, comfortable), limit.rlim_max)
            setrlimit(__rlimit_resource_t(7), &limit)
        }
        guard limit.rlim_cur >= needed else {
            throw .tooFewFiles(allowed: UInt64(limit.rlim_cur), needed: UInt64(needed))
        }
    }
}
