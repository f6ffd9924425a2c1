import CShims
import Glibc
import Time

/// A serial line of this machine, such as a USB adapter at `/dev/ttyUSB0` or `/dev/ttyACM0`.
///
/// Open for this process alone (TIOCEXCL and flock(2)), raw, at any baud rate, without waiting in the kernel where the
/// driver can do that. For one thread at a time.
package final class SerialPort: ServoPort {
    package let path: String
    /// Baud rate of the line, bits per second.
    package let baud: Int
    private var descriptor: Int32
    private let pathBytes: [CChar]
    /// Why the port's driver refused to hand bytes over at once; errno(3), 0 when it did not.
    package private(set) var lowLatencyRefusal: Int32 = 0

    /// Opens the serial port at `path` with `baud` bits per second, and asks for low latency.
    /// - Throws: `SerialPortError`, which says what to do about it.
    package init(path: String, baud: Int) throws(SerialPortError) {
        self.path = path
        self.baud = baud
        pathBytes = Array(path.utf8CString)
        switch Self.open(pathBytes, baud: baud) {
        case .success(let descriptor):
            self.descriptor = descriptor
            lowLatencyRefusal = octo_serial_low_latency(descriptor)
        case .failure(let failure):
            throw SerialPortError(path: path, baud: baud, step: failure.step, errno: failure.errno)
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private struct Failure: Error {
        var step: SerialPortError.Step
        var errno: Int32
    }

    private static func open(_ path: [CChar], baud: Int) -> Result<Int32, Failure> {
        let descriptor = Glibc.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(Failure(step: .open, errno: Glibc.errno)) }
        func fail(_ step: SerialPortError.Step, _ code: Int32) -> Result<Int32, Failure> {
            close(descriptor)
            return .failure(Failure(step: step, errno: code))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return fail(.claim, Glibc.errno) }
        let claimed = octo_serial_claim(descriptor)
        guard claimed == 0 else { return fail(.claim, claimed) }
        let configured = octo_serial_configure(descriptor, UInt32(clamping: baud))
        guard configured == 0 else { return fail(.configure, configured) }
        octo_serial_discard(descriptor)
        return .success(descriptor)
    }

    package var now: MonotonicTime { .now() }

    /// Sends all of `bytes`, and waits for the driver to take them. write(2), poll(2).
    package func send(_ bytes: UnsafeRawBufferPointer) throws(ServoPortError) {
        guard descriptor >= 0 else { throw ServoPortError(errno: ENODEV) }
        var sent = 0
        // A full kernel buffer empties at the line's speed; far longer than that means that the adapter hangs.
        let deadline = now + .milliseconds(20)
        while sent < bytes.count {
            let count = write(descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent)
            if count > 0 {
                sent += count
                continue
            }
            let code = count == 0 ? EIO : Glibc.errno
            if code == EINTR { continue }
            guard code == EAGAIN else { throw lost(code) }
            var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if octo_poll_until_ns(&polled, 1, deadline.nanoseconds) == 0 { throw ServoPortError(errno: ETIMEDOUT) }
        }
    }

    package func receive(
        into target: UnsafeMutableRawBufferPointer, until deadline: MonotonicTime
    ) throws(ServoPortError) -> Int {
        guard descriptor >= 0 else { throw ServoPortError(errno: ENODEV) }
        while true {
            let count = read(descriptor, target.baseAddress, target.count)
            if count > 0 { return count }
            let code = count == 0 ? EAGAIN : Glibc.errno
            if code == EINTR { continue }
            guard code == EAGAIN else { throw lost(code) }
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = octo_poll_until_ns(&polled, 1, max(deadline.nanoseconds, 0))
            if ready == 0 { return 0 }
            if ready < 0 { throw lost(-ready) }
            // A line that hung up is readable for ever and has nothing: read(2) says 0 as it does on a silent one.
            if polled.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 {
                let last = read(descriptor, target.baseAddress, target.count)
                if last > 0 { return last }
                throw lost(ENODEV)
            }
            if now >= deadline { return 0 }
        }
    }

    /// Throws away what has arrived. TCFLSH in ioctl_tty(2).
    package func discardInput() { if descriptor >= 0 { octo_serial_discard(descriptor) } }

    /// A line that failed is closed, so that the device's name is free for the adapter when it comes back.
    private func lost(_ code: Int32) -> ServoPortError {
        close(descriptor)
        descriptor = -1
        return ServoPortError(errno: code)
    }

    /// Tries once to open the port again after an error.
    package func reopen() throws(ServoPortError) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        switch Self.open(pathBytes, baud: baud) {
        case .success(let descriptor):
            self.descriptor = descriptor
            // Best effort: a pseudo-terminal and some adapters do not know the request.
            lowLatencyRefusal = octo_serial_low_latency(descriptor)
        case .failure(let failure): throw ServoPortError(errno: failure.errno)
        }
    }
}

/// Why a serial line cannot be used.
package struct SerialPortError: Error, Equatable, CustomStringConvertible {
    /// The step of opening the port that failed: opening the file, claiming it for this process, or setting its rate.
    package enum Step: String, Sendable {
        case open
        case claim
        case configure
    }
    package var path: String
    /// Baud rate that was asked for, bits per second.
    package var baud: Int
    package var step: Step
    package var errno: Int32

    package var description: String {
        let reason = String(cString: strerror(errno))
        switch (step, errno) {
        case (.open, ENOENT), (.open, ENODEV), (.open, ENXIO):
            return "opening the serial port \(path): there is no such device, expected the arm's adapter. Plug it in; "
                + "'octo-arm find-port' says which device it is."
        case (.open, EACCES), (.open, EPERM):
            return
                "opening the serial port \(path): \(reason), expected read and write access. Join the group that owns "
                + "it "
                + "(sudo usermod -aG dialout $USER), and log in again."
        case (.open, EBUSY), (.claim, _):
            return
                "opening the serial port \(path): another program has it (\(reason)), expected it free. End that "
                + "program: "
                + "two drivers on one servo bus would move the arm against each other."
        case (.configure, EINVAL):
            return
                "setting the serial port \(path) to \(baud) baud: the adapter cannot do that rate. Set arm.baud to "
                + "one that "
                + "the adapter and the servos know."
        case (.configure, ENOTTY):
            return
                "setting the serial port \(path) to \(baud) baud: it is no serial port. Set arm.port to the arm's "
                + "adapter."
        case (.open, _), (.configure, _):
            return
                "opening the serial port \(path) at \(baud) baud: \(reason), expected a serial line. Check the cable "
                + "and "
                + "the adapter's driver (dmesg)."
        }
    }
}
