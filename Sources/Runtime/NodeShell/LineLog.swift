import Logging

#if canImport(Glibc)
import Glibc
#endif

/// Log lines on standard error, as short as they can be: the launcher puts the node's name in front, and the bus has
/// the times.
struct LineLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let prefix = event.level >= .warning ? "\(event.level): " : ""
        let line = Array("\(prefix)\(event.message)\n".utf8)
        // One write a line, so that lines of several threads do not mix; a reader that is gone is not our trouble.
        _ = write(STDERR_FILENO, line, line.count)
    }
}
