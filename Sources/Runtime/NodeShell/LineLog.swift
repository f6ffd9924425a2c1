import Logging

/// Log lines on standard error, as short as they can be: the launcher puts the node's name in front, and the bus has
/// the times.
package struct LineLog: LogHandler {
    package var logLevel = Logger.Level.info
    package var metadata: Logger.Metadata = [:]

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        LineWriter.standardError.write(Self.line("\(event.message)", at: event.level))
    }

    /// The line for a message; warnings and errors begin with their level.
    package static func line(_ message: String, at level: Logger.Level) -> String {
        (level >= .warning ? "\(level): " : "") + message
    }
}
