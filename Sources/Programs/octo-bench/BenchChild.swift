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

    /// CPU time of a process since its start, as the scheduler has it. clock_getcpuclockid(3).
    static func exactProcessorSeconds(of process: pid_t) throws -> Double {
        var (clock, time) = (clockid_t(), timespec())
        guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw ConsoleBenchmarkError.setup("process \(process) is gone, expected its CPU time")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Memory of a process in bytes: resident, and its share of what it has in common with others. proc(5),
    /// smaps_rollup: Rss and Pss.
    static func memory(of process: pid_t) throws -> (resident: Int, proportional: Int) {
        let path = "/proc/\(process)/smaps_rollup"
        var found: [Substring: Int] = [:]
        for line in String(decoding: try FileSystem.read(path), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, let kilobytes = Int(words[1]) { found[words[0]] = kilobytes * 1_024 }
        }
        guard let resident = found["Rss:"], let proportional = found["Pss:"] else {
            throw ConsoleBenchmarkError.setup("\(path) has no sizes in it, expected them as proc(5) says")
        }
        return (resident, proportional)
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
    /// - Parameters:
    ///   - signal: what the kernel sends it when this program ends.
    ///   - environment: variables besides this program's own, or in their place.
    static func start(
        _ program: String, _ arguments: [String], log: String, endsWith signal: Int32,
        environment: [String: String] = [:]
    ) throws -> pid_t {
        let output = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw ConsoleBenchmarkError.setup("\(log): \(SystemError(errno))") }
        defer { close(output) }
        let words = ([program] + arguments).map { strdup($0) }
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map {
            strdup("\($0.key)=\($0.value)")
        }
        defer { for text in words + variables { free(text) } }
        let child = octo_spawn(program, words + [nil], variables + [nil], output, output, signal)
        guard child > 0 else {
            throw ConsoleBenchmarkError.setup("\(program) could not be run: \(SystemError(-child)). Build all programs")
        }
        return child
    }

    /// A port of 127.0.0.1 at which nobody listens at present. bind(2).
    static func freePort() throws -> UInt16 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard isBound else { throw ConsoleBenchmarkError.setup("no port is free: \(SystemError(errno))") }
        return UInt16(bigEndian: address.sin_port)
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
