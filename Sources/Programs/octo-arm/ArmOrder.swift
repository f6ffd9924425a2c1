import Bus
import Keys
import Manifests
import Messages
import NodeShell
import Time
import Wire

/// One command to one arm that is driven, until the arm's own state confirms it.
///
/// The arm is believed by its sockets, which lie in a folder that only its user can write to (`ArmRegistry`).
final class ArmOrder {
    /// This program, in its commands.
    static let name = OperatorName("octo-arm")

    let arm: LiveArm
    private let bus: BusNode
    private let states: Subscription<ArmState>
    private let publisher: Publisher<ArmCommand>
    private var ids = CommandIDs()
    private var command: ArmCommand?
    private var exchange: NodeExchange
    /// The newest state, whenever it was measured.
    private(set) var state: ArmState?

    /// Connects to the arm's sockets.
    /// - Throws: `BusError`.
    init(_ arm: LiveArm) throws {
        self.arm = arm
        bus = try BusNode(
            BusOptions(
                node: "\(Self.name)", runID: arm.runID, endpoint: nil, peers: [arm.endpoint],
                listeners: [arm.commandEndpoint],
                security: arm.keyFolder.map { .keys(KeyFolder(path: $0)) } ?? .insecure))
        states = try bus.subscribe(Topics.armState)
        publisher = bus.publisher(Topics.armCommand)
        exchange = Self.exchange(repeats: false, at: .now())
    }

    private static func exchange(repeats: Bool, at now: MonotonicTime) -> NodeExchange {
        NodeExchange(
            with: Manifest.armNode, on: Topics.armCommand.name, isLimitedInAll: true,
            repeatPeriod: repeats ? NodeExchange.repeatPeriod : nil, at: now)
    }

    /// Whether the arm's process hears commands.
    var isHeard: Bool { bus.isHeard(on: Topics.armCommand) }

    /// Begins to give a command; `advance` carries it out.
    /// - Parameter repeats: whether it is said again and again, in case one is lost.
    func give(_ action: ArmCommand.Action, repeats: Bool, at now: MonotonicTime) {
        command = ArmCommand(id: ids.next(), operatorID: "\(Self.name)", action: action, time: now)
        exchange = Self.exchange(repeats: repeats, at: now)
    }

    /// The newest state that was measured after the command was given.
    var answer: ArmState? {
        guard let command, let state, state.measured.time > command.time else { return nil }
        return state
    }

    /// Says the command if it is time to, and takes what has arrived by `deadline`.
    /// - Throws: `NodeSilence` once the arm has had its time, `BusError`.
    func advance(until deadline: MonotonicTime) throws {
        let now = MonotonicTime.now()
        switch exchange.step(isHeard: isHeard, at: now) {
        case .say: if let command { try publisher.publish(command, at: now) }
        case .wait(let time): try bus.wait(until: min(deadline, time))
        case .giveUp(let silence): throw silence
        }
        while let received = states.take() { state = received.message }
    }

    func close() { bus.close() }
}

/// Finds the arms that are driven at present.
enum ArmSearch {
    /// Looks for arms.
    /// - Parameter folder: folder of the run, as the user named it with --run; nil takes all arms.
    /// - Returns: at least one arm; and in words, what was found but is not believed.
    /// - Throws: `NoArmError`, `RunSearchError`, `RunFolderError`.
    static func find(_ folder: String?) throws -> (arms: [LiveArm], ignored: [String]) {
        let registry = ArmRegistry.standard
        var (arms, ignored) = registry.find()
        if let folder {
            let path = RunFolder.resolved(folder)
            if let named = arms.first(where: { RunFolder.resolved($0.folder) == path }) { return ([named], []) }
            return ([try liveArm(RunSearch.folder(folder))], [])
        }
        // A run of this shell's surroundings is registered too; looked for all the same, since an arm that is missed
        // moves on.
        for run in RunFolder.findLive(in: RunSearch.base) where !arms.contains(where: { $0.folder == run }) {
            do { arms.append(try liveArm(run)) } catch { ignored.append("\(error)") }
        }
        guard !arms.isEmpty else { throw NoArmError(ignored: ignored, others: registry.hiddenOwners) }
        return (arms, ignored)
    }

    private static func liveArm(_ folder: String) throws -> LiveArm {
        let run = try RunDescription.load(folder: folder)
        guard let arm = LiveArm(run) else {
            throw RunFolderError.damaged(path: folder, problem: "the arm takes no commands")
        }
        return arm
    }
}

/// Nobody drives an arm, as far as can be seen.
struct NoArmError: Error, CustomStringConvertible {
    let ignored: [String]
    /// Ids of users whose arms cannot be seen.
    let others: [UInt32]

    var description: String {
        var text = "looking for arms: no robot is running, and no program of yours drives an arm; expected one."
        if !ignored.isEmpty { text += " Not believed: \(ignored.joined(separator: "; "))." }
        if !others.isEmpty {
            let users = others.map { "\($0)" }.joined(separator: ", ")
            text += " Another user may drive one (user \(users)): stop it as that user, or as root."
        }
        return text + " IF AN ARM MOVES, SWITCH ITS POWER OFF."
    }
}
