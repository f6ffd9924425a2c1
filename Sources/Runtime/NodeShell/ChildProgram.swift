import CShims
package import Files
import Glibc

/// Why a program does not run.
package enum SpawnError: Error, CustomStringConvertible {
    case programMissing(name: String, places: [String])
    case failed(path: String, SystemError)

    package var description: String {
        switch self {
        case .programMissing(let name, let places):
            "looking for the program \(name): found it neither in \(places.joined(separator: " nor ")) nor in PATH; "
                + "expected it beside the other programs. Build all programs with swift build -c release, or say where "
                + "they are with OCTO_BIN_DIR."
        case .failed(let path, let problem):
            "running \(path): \(problem); expected a program that can be run. Build it again with "
                + "swift build -c release."
        }
    }
}

/// Finds the programs that were built together with this one.
package struct ProgramFinder {
    private let places: [String]
    private let path: [String]

    /// Reads OCTO_BIN_DIR and PATH.
    package init(environment: [String: String]) {
        var places: [String] = []
        if let folder = environment["OCTO_BIN_DIR"], !folder.isEmpty { places.append(folder) }
        if let own = FileSystem.resolved("/proc/self/exe") { places.append(FileSystem.folder(of: own)) }
        self.places = places
        path = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    }

    /// Finds a program in OCTO_BIN_DIR, beside this one, or in PATH, in that order. access(2).
    package func find(_ name: String) throws(SpawnError) -> String {
        for folder in places + path where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
        throw .programMissing(name: name, places: places)
    }
}

/// A program that runs as our child and leads a process group of its own.
package struct ChildProgram: Sendable {
    package let processID: Int32

    /// Starts the program. The kernel sends `lastSignal` when the calling *thread* ends: call it from one that lives as
    /// long as the process. fork(2), execve(2).
    ///
    /// - Parameters:
    ///   - output: Descriptor that becomes its standard output.
    ///   - errors: Descriptor that becomes its standard error.
    package init(
        path: String, arguments: [String], environment: [String: String], output: Int32, errors: Int32,
        lastSignal: Int32
    ) throws(SpawnError) {
        let result = Self.withCStrings([path] + arguments) { argv in
            Self.withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                octo_spawn(path, argv, envp, output, errors, lastSignal)
            }
        }
        guard result > 0 else { throw .failed(path: path, SystemError(-result)) }
        processID = result
    }

    /// Asks it to stop. kill(2).
    package func terminate() { kill(processID, SIGTERM) }

    /// Ends it and whatever it started. kill(2).
    package func killGroup() { kill(-processID, SIGKILL) }

    /// Its status as wait(2) encodes it; nil as long as it lives. What it left running in its group ends with it.
    /// waitid(2), waitpid(2).
    package func reapIfEnded() -> Int32? {
        var information = siginfo_t()
        guard waitid(P_PID, id_t(processID), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
            information.si_signo == SIGCHLD
        else { return nil }
        // Not reaped yet, so its number cannot belong to anybody else.
        killGroup()
        return reap()
    }

    /// Waits until it has ended; its status as wait(2) encodes it. waitpid(2).
    @discardableResult package func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0, errno == EINTR {}
        return status
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}
