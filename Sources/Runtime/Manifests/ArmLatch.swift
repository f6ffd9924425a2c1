import Files
import Glibc
import JSONTree

/// What holds an arm until a person says go on, kept in the run folder (`arm-latch.json`) so that it outlives the arm's
/// process: one that crashes and is started again holds as before.
///
/// A file that cannot be read counts as an emergency stop: nobody knows what it forbade.
package struct ArmLatch: Equatable, Sendable {
    /// What a servo or a joint did that nobody may overlook.
    package struct Fault: Equatable, Sendable {
        package enum Reason: String, CaseIterable, Sendable {
            case driverFault = "driver_fault"
            case stalled
            case overloaded
            case overheated
            case notFollowing = "not_following"
        }
        package var reason: Reason
        /// Counted from 0 at the base, the gripper last; nil when it is about none.
        package var joint: Int?
        /// What was found, and how it is mended.
        package var text: String

        package init(_ reason: Reason, joint: Int? = nil, text: String = "") {
            self.reason = reason
            self.joint = joint
            self.text = text
        }
    }

    package var isEmergencyStop = false
    /// Who gave the emergency stop; nil when that is not known, or there is none.
    package var stoppedBy: String?
    package var fault: Fault?
    /// There was an emergency stop; the policy moves the arm when a person says that it may go on.
    package var awaitsResume = false
    /// Why the file could not be read; nil when it could, or there is none. It is not written.
    package private(set) var damage: String?

    package init(
        isEmergencyStop: Bool = false, stoppedBy: String? = nil, fault: Fault? = nil, awaitsResume: Bool = false
    ) {
        self.isEmergencyStop = isEmergencyStop
        self.stoppedBy = stoppedBy
        self.fault = fault
        self.awaitsResume = awaitsResume
    }

    /// Nothing holds the arm.
    package var isOpen: Bool { !isEmergencyStop && fault == nil && !awaitsResume }
}

extension ArmLatch {
    package static let fileName = "arm-latch.json"
    private static let lockName = "arm-latch.lock"

    /// What holds the arm of the run in `folder`; without a file, nothing does.
    package static func load(folder: String) -> ArmLatch {
        let path = folder + "/" + fileName
        do throws(FileError) {
            return ArmLatch(parsing: try FileSystem.read(path), path: path)
        } catch .missing {
            return ArmLatch()
        } catch {
            return ArmLatch(damage: "reading \(path): \(error.found)")
        }
    }

    /// Changes what holds the arm, and nothing of what another process has written there meanwhile. Not for a real-time
    /// thread.
    /// - Returns: what holds it now.
    /// - Throws: `.failed` when the file cannot be written: then nothing has changed. flock(2), rename(2).
    @discardableResult
    package static func update(folder: String, _ change: (inout ArmLatch) -> Void) throws(RunFolderError) -> ArmLatch {
        let lockPath = folder + "/" + lockName
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw .failed(doing: "opening", path: lockPath, reason: SystemError(errno).description) }
        defer { close(lock) }
        giveToOwner(of: folder, lock)
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw .failed(doing: "locking", path: lockPath, reason: SystemError(errno).description)
            }
        }
        var latch = load(folder: folder)
        change(&latch)
        latch.damage = nil
        let path = folder + "/" + fileName
        do throws(FileError) {
            try FileSystem.replace(
                path, with: latch.json.text(indented: true) + "\n", mode: 0o600, ownerOf: folder)
        } catch {
            throw .failed(doing: "writing", path: path, reason: error.found)
        }
        return latch
    }

    /// What root makes in another user's folder is that user's, or the arm's process could not read it.
    private static func giveToOwner(of folder: String, _ descriptor: Int32) {
        guard geteuid() == 0, let owner = FileSystem.owner(of: folder) else { return }
        // One that fails leaves a file that the arm's process cannot open: it then holds.
        _ = fchown(descriptor, owner.user, owner.group)
    }

    private init(damage: String) {
        self.init(isEmergencyStop: true)
        self.damage = "\(damage); expected what holds the arm, so it counts as an emergency stop"
    }

    package init(parsing text: some Collection<UInt8>, path: String) {
        do throws(JSONSyntaxError) {
            let root = try JSONNode(parsing: text)
            guard let isStop = root["emergency_stop"]?.bool, let by = root["by"], by.isNull || by.string != nil,
                let node = root["fault"], let fault = Self.fault(node),
                let awaitsResume = root["awaits_resume"]?.bool
            else {
                self.init(damage: "reading \(path): a key is missing or of another type")
                return
            }
            self.init(isEmergencyStop: isStop, stoppedBy: by.string, fault: fault, awaitsResume: awaitsResume)
        } catch {
            self.init(damage: "reading \(path): \(error)")
        }
    }

    /// Reads a fault of the file.
    /// - Returns: nil when the node is no fault; a nil within when it says that there is none.
    private static func fault(_ node: JSONNode) -> Fault?? {
        if node.isNull { return .some(nil) }
        guard let reason = node["reason"]?.string.flatMap(Fault.Reason.init(rawValue:)),
            let text = node["text"]?.string,
            let joint = node["joint"], joint.isNull || joint.int != nil
        else { return nil }
        return Fault(reason, joint: joint.int, text: text)
    }

    package var json: JSONNode {
        .object([
            "emergency_stop": JSONNode(.bool(isEmergencyStop)),
            "by": stoppedBy.map { JSONNode($0) } ?? JSONNode(.null),
            "fault": fault.map { fault in
                .object([
                    "reason": JSONNode(fault.reason.rawValue),
                    "joint": fault.joint.map { JSONNode($0) } ?? JSONNode(.null),
                    "text": JSONNode(fault.text),
                ])
            } ?? JSONNode(.null),
            "awaits_resume": JSONNode(.bool(awaitsResume)),
        ])
    }
}
