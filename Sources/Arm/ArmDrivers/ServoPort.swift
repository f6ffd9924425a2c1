import Time

/// The line to a chain of servos: bytes out, bytes in, and the time by which replies are awaited.
///
/// Used by the control loop's thread: nothing here allocates, locks, or waits beyond the deadline it is given.
package protocol ServoPort: AnyObject {
    /// The present, of the clock that deadlines are in.
    var now: MonotonicTime { get }

    /// Sends all of `bytes`.
    /// - Throws: the errno of the line.
    func send(_ bytes: UnsafeRawBufferPointer) throws(ServoPortError)

    /// Waits for bytes until there are some or the deadline has passed.
    /// - Returns: how many bytes were put into `target`; 0 at the deadline.
    func receive(
        into target: UnsafeMutableRawBufferPointer, until deadline: MonotonicTime
    ) throws(ServoPortError) -> Int

    /// Throws away what has arrived: answers to an earlier request.
    func discardInput()

    /// Tries once to open the line again after an error.
    func reopen() throws(ServoPortError)
}

/// The operating system refused; errno(3). Plain numbers: thrown inside the control loop.
package struct ServoPortError: Error, Equatable, Sendable, BitwiseCopyable {
    package var errno: Int32

    package init(errno: Int32) { self.errno = errno }
}
