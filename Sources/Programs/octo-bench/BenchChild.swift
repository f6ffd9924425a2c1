import CShims
import Files
import Foundation
import NodeShell
import Time

/// What the kernel has counted of a process.
enum ProcessTimes {
    /// CPU time of a process since its start, all threads, user and system. proc(5), stat: utime and stime.
    static func processorSeconds(of process: pid_t) throws -> Double {
        let path = "/proc/\(process)/stat"
        let text = String(decoding: try FileSystem.read(path), as: UTF8.self)
        // The name in brackets may have spaces and brackets in it; the state follows it, which is the third field.
        let fields = (text.split(separator: ")").last ?? "").split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw ConsoleBenchmarkError.setup("\(path) has no times in it, expected them as proc(5) says")
        }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Programs that the benchmark starts, and that do not outlive it.
enum BenchChild {
    /// Path of a program of this project: beside this one, however it was found.
    static func ours(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    /// Starts a program whose words go into a file.
    /// - Parameter signal: what the kernel sends it when this program ends.
    static func start(_ program: String, _ arguments: [String], log: String, endsWith signal: Int32) throws -> pid_t {
        let output = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw ConsoleBenchmarkError.setup("\(log): \(SystemError(errno))") }
        defer { close(output) }
        let words = ([program] + arguments).map { strdup($0) }
        let variables = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for text in words + variables { free(text) } }
        let child = octo_spawn(program, words + [nil], variables + [nil], output, output, signal)
        guard child > 0 else {
            throw ConsoleBenchmarkError.setup("\(program) could not be run: \(SystemError(-child)). Build all programs")
        }
        return child
    }

    static func hasEnded(_ child: pid_t) -> Bool {
        var information = siginfo_t()
        // Without reaping it.
        return waitid(P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT) != 0 || information.si_signo != 0
    }

    /// Ends a child, with everything in its group once it had its time. kill(2).
    static func end(_ child: pid_t, with signal: Int32) {
        kill(child, signal)
        let limit = MonotonicTime.now() + .seconds(20)
        while !hasEnded(child), MonotonicTime.now() < limit { usleep(20_000) }
        kill(-child, SIGKILL)
        waitpid(child, nil, 0)
    }

    /// Removes a folder with all that is in it.
    static func removeFolder(_ folder: String) {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            note("\(folder) stays: \(error.reason)")
        }
    }
}
