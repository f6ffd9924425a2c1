import CShims
import Console
import Files
import Glibc
import NodeShell
import Time

/// The process of one job, with what it writes. For the one thread that made it.
final class JobProcess {
    /// Time after which a job is taken for hung: an hour's recording is verified in less.
    static let longest = Duration.seconds(30 * 60)
    /// Most bytes that are read at once.
    private static let pieceBytes = 64 * 1024

    /// Number of the job.
    let id: Int
    /// Time at which it is ended if it has not ended by itself.
    let deadline: MonotonicTime
    private let program: ChildProgram
    /// Reading end of its standard output; -1 when it has closed it.
    private var output: Int32
    /// Reading end of its standard error; -1 when it has closed it.
    private var words: Int32

    /// Starts the process. The kernel kills it when the calling thread ends. fork(2), execve(2).
    init(_ launch: ConsoleJobs.Launch, environment: [String: String]) throws(SpawnError) {
        let path = try ProgramFinder(environment: environment).find(launch.program)
        var ends: [Int32] = [-1, -1]
        let problem = octo_pipe(&ends)
        guard problem == 0 else { throw .failed(path: path, SystemError(problem)) }
        guard let (reading, writing) = Self.wordEnds() else {
            let problem = errno
            for end in ends { close(end) }
            throw .failed(path: path, SystemError(problem))
        }
        defer {
            close(ends[1])
            close(writing)
        }
        do throws(SpawnError) {
            program = try ChildProgram(
                path: path, arguments: launch.arguments, environment: environment, output: ends[1], errors: writing,
                lastSignal: SIGKILL)
        } catch {
            close(ends[0])
            close(reading)
            throw error
        }
        id = launch.job.id
        deadline = .now() + Self.longest
        (output, words) = (ends[0], reading)
    }

    deinit {
        if output >= 0 { close(output) }
        if words >= 0 { close(words) }
    }

    /// The descriptors on which there may be something to read.
    var descriptors: [Int32] { [output, words].filter { $0 >= 0 } }

    /// What it has written on standard output since the last call.
    func readOutput() -> [UInt8] { Self.read(&output) }

    /// What it has written on standard error since the last call.
    func readWords() -> [UInt8] { Self.read(&words) }

    /// Its status as wait(2) encodes it; nil as long as it lives. What it left running in its group ends with it.
    func reapIfEnded() -> Int32? { program.reapIfEnded() }

    /// Ends it and whatever it started, at once, and waits until it is gone.
    func end() {
        program.killGroup()
        program.reap()
    }

    private static func read(_ descriptor: inout Int32) -> [UInt8] {
        guard descriptor >= 0 else { return [] }
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        let count = Glibc.read(descriptor, &piece, piece.count)
        if count > 0 { return Array(piece[..<count]) }
        // A terminal whose other end is closed says EIO.
        if count == 0 || (errno != EAGAIN && errno != EINTR) {
            close(descriptor)
            descriptor = -1
        }
        return []
    }

    /// A terminal for standard error: programs say how far they are where somebody watches. Where none is to be had, a
    /// pipe.
    private static func wordEnds() -> (reading: Int32, writing: Int32)? {
        var name = [CChar](repeating: 0, count: 128)
        let terminal = octo_open_terminal(&name, name.count)
        if terminal >= 0 {
            let other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
            if other >= 0 { return (terminal, other) }
            close(terminal)
        }
        var ends: [Int32] = [-1, -1]
        let problem = octo_pipe(&ends)
        errno = problem
        return problem == 0 ? (ends[0], ends[1]) : nil
    }
}
