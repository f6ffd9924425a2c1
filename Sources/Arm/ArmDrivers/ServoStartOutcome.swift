/// How one part of a driver's start ended. A value, since a typed `throws` names one error and a port has its own.
enum ServoStartOutcome {
    case fine
    case failed(ServoStartError)

    func get() throws(ServoStartError) {
        if case .failed(let error) = self { throw error }
    }

    /// Runs the parts in order, up to the first that fails.
    static func first(_ parts: [() throws(ServoPortError) -> Self]) throws(ServoPortError) -> Self {
        for part in parts {
            let outcome = try part()
            if case .failed = outcome { return outcome }
        }
        return .fine
    }
}
