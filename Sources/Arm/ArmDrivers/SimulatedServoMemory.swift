import Glibc
import Maths
import Messages
import Time

/// Why the memory file of a simulated arm cannot be used.
package enum SimulatedServoMemoryError: Error, Equatable, CustomStringConvertible {
    case systemCall(call: String, path: String, errno: Int32)
    case foreignFile(path: String)
    case wrongVersion(path: String, found: UInt64, expected: UInt64)
    case wrongSize(path: String, found: Int, expected: Int)
    case wrongJointCount(path: String, found: Int, expected: Int)
    case damaged(path: String)
    case inUse(path: String)

    package var description: String {
        switch self {
        case .systemCall(let call, let path, let errno):
            "opening the simulated servos' memory \(path): \(call) failed (\(String(cString: strerror(errno)))), "
                + "expected a file that can be written. Check the folder and its rights, or set another path."
        case .foreignFile(let path):
            "opening the simulated servos' memory \(path): the file is something else, expected one that a simulated "
                + "arm made. It was left as it is: set another path."
        case .wrongVersion(let path, let found, let expected):
            "opening the simulated servos' memory \(path): it has format \(found), expected \(expected). "
                + "Delete it: the simulated arm then starts at its rest pose."
        case .wrongSize(let path, let found, let expected):
            "opening the simulated servos' memory \(path): it has \(found) bytes, expected \(expected). "
                + "If it is a simulated arm's, delete it; else set another path."
        case .wrongJointCount(let path, let found, let expected):
            "opening the simulated servos' memory \(path): it is of an arm with \(found) joints, expected \(expected). "
                + "Delete it, or set another path for this arm."
        case .damaged(let path):
            "opening the simulated servos' memory \(path): it holds a NaN or an infinity, expected finite positions. "
                + "Delete it: the simulated arm then starts at its rest pose."
        case .inUse(let path):
            "opening the simulated servos' memory \(path): another process moves these servos, expected to be the only "
                + "one. Stop that process (is the same robot running twice?), or set another path."
        }
    }
}

/// The servos of a simulated arm in a memory-mapped file: they stay where they are when the driver process is killed.
///
/// A driver writes it at every tick as plain memory stores; the kernel keeps the page when the process dies. Killed
/// between two stores, some joints are a tick older than others, which is a position like any other.
///
/// Layout, little-endian, 256 bytes: magic "OctoSrvo", version, joint count, flag and nanoseconds of the last use,
/// eight positions, eight goals (radians), gripper opening and goal; the rest is zero.
// Sendable: the mapping belongs to one driver, which is in one thread at a time; the pointer itself never changes.
package final class SimulatedServoMemory: @unchecked Sendable {
    private static let magic: UInt64 = 0x6F76_7253_6F74_634F  // "OctoSrvo"
    private static let version: UInt64 = 1
    private static let size = 256
    private enum Offset {
        static let magic = 0
        static let version = 8
        static let jointCount = 16
        static let hasTime = 24
        static let time = 32
        static let positions = 40
        static let goals = 104
        static let gripper = 168
        static let gripperGoal = 176
    }

    private let bytes: UnsafeMutableRawPointer
    /// Open as long as the servos are in use: the lock hangs on it, and the kernel lets go of it when the process dies.
    private let descriptor: Int32
    private let jointCount: Int
    /// The file was there: the servos stand where an earlier driver left them.
    package let wasFound: Bool

    /// Opens or makes the file.
    /// - Parameters:
    ///   - path: the file's path, in an existing folder. A file that is not a simulated arm's is refused and left as it
    ///     is.
    ///   - initial: state of the servos if the file is new.
    /// - Throws: `.inUse` while another driver, of this process or another, has the file open. flock(2), mmap(2).
    package init(path: String, initial: SimulatedServos) throws(SimulatedServoMemoryError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .systemCall(call: "open", path: path, errno: errno) }
        do {
            bytes = try Self.map(descriptor, path: path)
        } catch {
            close(descriptor)
            throw error
        }
        do {
            wasFound = try Self.check(bytes, path: path, jointCount: initial.positions.count)
        } catch {
            munmap(bytes, Self.size)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        jointCount = initial.positions.count
        if !wasFound {
            servos = initial
            store(UInt64(jointCount), Offset.jointCount)
            store(Self.version, Offset.version)
            // Last: a file without it counts as new.
            store(Self.magic, Offset.magic)
        }
    }

    /// Takes the file for this driver alone, and into memory.
    private static func map(
        _ descriptor: Int32, path: String
    ) throws(SimulatedServoMemoryError) -> UnsafeMutableRawPointer {
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK ? .inUse(path: path) : .systemCall(call: "flock", path: path, errno: errno)
        }
        let length = Int(lseek(descriptor, 0, SEEK_END))
        guard length >= 0 else { throw .systemCall(call: "lseek", path: path, errno: errno) }
        guard length == 0 || length == size else {
            throw .wrongSize(path: path, found: length, expected: size)
        }
        if length == 0, ftruncate(descriptor, off_t(size)) != 0 {
            throw .systemCall(call: "ftruncate", path: path, errno: errno)
        }
        let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else { throw .systemCall(call: "mmap", path: path, errno: errno) }
        return mapped
    }

    deinit {
        munmap(bytes, Self.size)
        close(descriptor)
    }

    /// Checks that the mapped file is a simulated arm's with `jointCount` joints and finite numbers.
    /// - Returns: false when the file is new: all zero.
    private static func check(
        _ bytes: UnsafeMutableRawPointer, path: String, jointCount: Int
    ) throws(SimulatedServoMemoryError) -> Bool {
        let magic = bytes.load(fromByteOffset: Offset.magic, as: UInt64.self)
        let version = bytes.load(fromByteOffset: Offset.version, as: UInt64.self)
        let joints = bytes.load(fromByteOffset: Offset.jointCount, as: UInt64.self)
        if magic == 0 && (version == 0 || version == Self.version) { return false }
        guard magic == Self.magic else { throw .foreignFile(path: path) }
        guard version == Self.version else { throw .wrongVersion(path: path, found: version, expected: Self.version) }
        guard joints == UInt64(jointCount) else {
            throw .wrongJointCount(path: path, found: Int(clamping: joints), expected: jointCount)
        }
        for offset in stride(from: Offset.positions, through: Offset.gripperGoal, by: 8)
        where !bytes.load(fromByteOffset: offset, as: Double.self).isFinite {
            throw .damaged(path: path)
        }
        return true
    }

    /// The servos as the file holds them. Real-time safe.
    package var servos: SimulatedServos {
        get {
            var servos = SimulatedServos(
                positions: JointVector(repeating: 0, count: jointCount), gripper: load(Offset.gripper))
            servos.goal = servos.positions
            for joint in 0..<jointCount {
                servos.positions[joint] = load(Offset.positions + 8 * joint)
                servos.goal[joint] = load(Offset.goals + 8 * joint)
            }
            servos.gripperGoal = load(Offset.gripperGoal)
            if bytes.load(fromByteOffset: Offset.hasTime, as: UInt64.self) == 1 {
                servos.time = MonotonicTime(nanoseconds: bytes.load(fromByteOffset: Offset.time, as: Int64.self))
            }
            return servos
        }
        set {
            for joint in 0..<jointCount {
                store(newValue.positions[joint], Offset.positions + 8 * joint)
                store(newValue.goal[joint], Offset.goals + 8 * joint)
            }
            store(newValue.gripper, Offset.gripper)
            store(newValue.gripperGoal, Offset.gripperGoal)
            store(newValue.time?.nanoseconds ?? 0, Offset.time)
            store(newValue.time == nil ? UInt64(0) : 1, Offset.hasTime)
        }
    }

    private func load(_ offset: Int) -> Double { bytes.load(fromByteOffset: offset, as: Double.self) }
    private func store(_ value: some BitwiseCopyable, _ offset: Int) {
        bytes.storeBytes(of: value, toByteOffset: offset, as: type(of: value))
    }
}
