import Glibc

/// Who gives commands to a run: a person's program, as messages, logs and errors name it: "octo-teleop (pid 1234)".
package struct OperatorName: Hashable, Sendable, CustomStringConvertible {
    package let program: String
    package let processID: Int32

    /// Makes the name of a program's process.
    /// - Parameter processID: id of the process: this one, unless another is meant.
    package init(_ program: String, processID: Int32 = getpid()) {
        self.program = program
        self.processID = processID
    }

    package var description: String { "\(program) (pid \(processID))" }
}

/// The ids of one program's commands. They count up from a number of chance, so that an answer to another program, or
/// to an earlier run of this one, is not taken for its own.
package struct CommandIDs: Sendable {
    private let first: UInt64
    private var count: UInt64 = 0

    package init() {
        var generator = SystemRandomNumberGenerator()
        self.init(using: &generator)
    }

    package init(using generator: inout some RandomNumberGenerator) { first = generator.next() }

    /// The id of a command that the sender itself counts: the same number has the same id, when it is said again too.
    package func id(ofNumber number: UInt64) -> UInt64 { first &+ number }

    /// The number whose id this is.
    package func number(of id: UInt64) -> UInt64 { id &- first }

    package mutating func next() -> UInt64 {
        count += 1
        return id(ofNumber: count)
    }
}

/// The login name of this process's user; empty where there is none.
package var userName: String { getpwuid(getuid())?.pointee.pw_name.map { String(cString: $0) } ?? "" }
