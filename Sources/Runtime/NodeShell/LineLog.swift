import Logging

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
        LineWriter.standardError.write("\(prefix)\(event.message)")
    }
}
