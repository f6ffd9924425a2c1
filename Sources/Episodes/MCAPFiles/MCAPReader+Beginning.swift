extension MCAPReader {
    /// A metadata record that stands before the first messages. Reads no further: a long file that was cut is else
    /// walked through from its start to its end.
    /// - Throws: what the source throws.
    package static func metadata(
        named name: String, atBeginningOf source: some MCAPSource, limits: MCAPParser.Limits = .init()
    ) throws(MCAPError) -> MCAP.Metadata? {
        var scanner = MCAPScanner(source, limits: limits)
        while case .record(let record, _, _)? = try scanner.next() {
            if case .metadata(let found) = record, found.name == name { return found }
            if case .message = record { return nil }
        }
        return nil
    }
}
