/// What somebody at the console may do. The one who may more may also do all of the lesser.
package enum Role: String, Comparable, Sendable, CaseIterable {
    /// Sees everything that can be read, and may stop the arm.
    case view
    /// May do everything that the page offers.
    case operate

    package static func < (a: Role, b: Role) -> Bool { a == .view && b == .operate }

    /// Whether this role may give a command.
    /// - Parameter action: its name in `POST /api/command`. Stopping is for everyone who reaches the page: nobody who
    ///   sees that it goes wrong may be kept from it.
    package func mayDo(action: String) -> Bool { self == .operate || action == "stop" }
}
