import CShims
import Glibc
import Launch
import Manifests

/// Why a node's program does not run.
enum SpawnError: Error, CustomStringConvertible {
    case programMissing(name: String, places: [String])
    case failed(path: String, errno: Int32)

    var description: String {
        switch self {
        case .programMissing(let name, let places):
            "looking for the program \(name): found it neither in \(places.joined(separator: " nor ")) nor in PATH; "
                + "expected it beside octo-launch. Build all programs with swift build -c release, or say where they "
                + "are with OCTO_BIN_DIR."
        case .failed(let path, let number):
            "running \(path): \(String(cString: strerror(number))); expected a program that can be run. Build it "
                + "again with swift build -c release."
        }
    }
}

/// One node's process: its output line by line, and its end.
final class ChildProcess {
    let processID: Int32
    /// Descriptor that is readable when there is output; nil when the process has closed it.
    private(set) var output: Int32?
    private var unfinishedLine: [UInt8] = []
    /// A line longer than this is cut in pieces: a node that writes no line breaks must not fill our memory.
    private static let longestLine = 4096

    /// Starts the process. Call it from the main thread: the kernel sends the death signal when the *thread* ends that
    /// made the child. fork(2), execve(2).
    init(path: String, arguments: [String], environment: [String: String]) throws(SpawnError) {
        var ends: [Int32] = [-1, -1]
        let pipeError = octo_pipe(&ends)
        guard pipeError == 0 else { throw .failed(path: path, errno: pipeError) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        // One pipe for both streams keeps their lines in order.
        let result = Self.withCStrings([path] + arguments) { argv in
            Self.withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                octo_spawn(path, argv, envp, writeEnd, writeEnd, SIGTERM)
            }
        }
        close(writeEnd)
        guard result > 0 else {
            close(readEnd)
            throw .failed(path: path, errno: -result)
        }
        processID = result
        output = readEnd
    }

    deinit { closeOutput() }

    /// The complete lines that have come; at the end of the stream also an incomplete one.
    func readLines() -> [String] {
        guard let output else { return [] }
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 {
                if count == 0 {
                    lines += takeUnfinished()
                    closeOutput()
                }
                return lines
            }
            for byte in buffer[..<count] {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: unfinishedLine, as: UTF8.self))
                    unfinishedLine.removeAll(keepingCapacity: true)
                } else {
                    unfinishedLine.append(byte)
                    if unfinishedLine.count >= Self.longestLine { lines += takeUnfinished() }
                }
            }
        }
    }

    /// Reads what it wrote before its end; nothing comes after that, also if something else holds the pipe open.
    func readLastLines() -> [String] {
        let lines = readLines() + takeUnfinished()
        closeOutput()
        return lines
    }

    private func takeUnfinished() -> [String] {
        defer { unfinishedLine.removeAll() }
        return unfinishedLine.isEmpty ? [] : [String(decoding: unfinishedLine, as: UTF8.self)]
    }

    private func closeOutput() {
        if let output { close(output) }
        output = nil
    }

    /// Asks it to stop. kill(2).
    func terminate() { kill(processID, SIGTERM) }

    /// Ends it and whatever it started: it leads its own process group. kill(2).
    func killGroup() { kill(-processID, SIGKILL) }

    /// How it ended; nil as long as it lives. waitid(2), waitpid(2).
    func reapIfEnded() -> Supervisor.Ending? {
        var information = siginfo_t()
        guard waitid(P_PID, id_t(processID), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
            information.si_signo == SIGCHLD
        else { return nil }
        // Not reaped yet, so its number cannot belong to anybody else: what it left running in its group ends here.
        killGroup()
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0, errno == EINTR {}
        // The encoding of wait(2): the signal in the low seven bits, the exit code in the next byte.
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}

/// Finds the programs that belong to this octo-launch.
struct ProgramFinder {
    private let places: [String]
    private let path: [String]

    init(environment: [String: String]) {
        var places: [String] = []
        if let folder = environment["OCTO_BIN_DIR"], !folder.isEmpty { places.append(folder) }
        if let own = realpath("/proc/self/exe", nil) {
            let text = String(cString: own)
            free(own)
            if let slash = text.lastIndex(of: "/") { places.append(String(text[..<slash])) }
        }
        self.places = places
        path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    }

    /// Finds a program in OCTO_BIN_DIR, beside octo-launch, or in PATH, in that order. access(2).
    func find(_ name: String) throws(SpawnError) -> String {
        for folder in places + path where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
        throw .programMissing(name: name, places: places)
    }
}
