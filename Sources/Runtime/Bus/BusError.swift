import Glibc
import Keys
import Wire

/// Why the bus cannot do what was asked.
package enum BusError: Error, Equatable, Sendable {
    /// The endpoint is neither `ipc://<path>` nor `tcp://<loopback>:<port>`, or otherwise unusable.
    case endpointInvalid(String, reason: String)
    /// The path does not fit in a socket address.
    case endpointTooLong(path: String, byteCount: Int, limit: Int)
    /// A live process answers there.
    case endpointInUse(String)
    /// An endpoint is a port, and there are no keys to say who may come in.
    case unsecured(KeyError)
    /// A message that cannot be put into bytes.
    case unsendable(topic: String, WireError)
    /// A reader takes its messages slower than they come; the message went to nobody and can be published again.
    case readersFull(topic: String)
    /// The process may not have as many files open as its connections need.
    case tooFewFiles(allowed: UInt64, needed: UInt64)
    /// The node was closed before.
    case closed(during: String)
    /// A call of libzmq or the kernel failed.
    case callFailed(String, about: String, code: Int32)
}

extension BusError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .endpointInvalid(let endpoint, let reason):
            "reading the endpoint '\(endpoint)': \(reason). Expected ipc:///absolute/path, or tcp://127.0.0.1:port. "
                + "Correct it where the endpoint comes from: run.json in the run folder, or the command line."
        case .endpointTooLong(let path, let byteCount, let limit):
            "binding '\(path)': the path has \(byteCount) bytes, but a socket's path has at most \(limit). "
                + "Set OCTO_RUN_BASE to a shorter folder, such as /tmp/octo."
        case .endpointInUse(let endpoint):
            "binding '\(endpoint)': another process already serves it, and it must be free. "
                + "Stop that process (is the same robot running twice?), or "
                + (endpoint.hasPrefix("tcp:")
                    ? "set bus.base_port to the first of other free ports." : "choose another run name.")
        case .unsecured(let error):
            "opening a port for the bus: who may come in is said by keys, and there are none. \(error)"
        case .unsendable(let topic, let error):
            "publishing on '\(topic)': \(error)"
        case .readersFull(let topic):
            "publishing on '\(topic)': the queue of a reader is full, expected room for one message. Publish it again "
                + "later; if that does not help, end the program that reads it and hangs."
        case .tooFewFiles(let allowed, let needed):
            "connecting: this process may have \(allowed) files open (ulimit -n), expected at least \(needed). Raise "
                + "the limit: ulimit -n 1024, or LimitNOFILE=1024 in a systemd unit."
        case .closed(let operation):
            "\(operation): the bus node is closed, expected an open one. Close it only after its last use."
        case .callFailed(let call, let about, let code):
            "\(call) for \(about): \(String(cString: strerror(code))) (error \(code)). "
                + Self.mend(for: code)
        }
    }

    private static func mend(for code: Int32) -> String {
        switch code {
        case EMFILE, ENFILE: "Too many open files: raise the limit (ulimit -n), or stop other programs."
        case ENOENT, ENOTDIR: "A folder of the path is missing: create it, or start through octo-launch, which does."
        case EACCES, EPERM, EROFS: "The folder must belong to, and be writable by, the user who runs this."
        case ENOMEM, ENOBUFS: "The machine is out of memory: stop other programs."
        default: "Check that the endpoint's folder exists and that all nodes run as one user, then start again."
        }
    }
}
