import ArmLoop
import Bus
import Manifests
import Messages
import Time
import Wire

/// Takes commands for an arm that this process drives without a run, and tells its state, so that `octo-arm stop`
/// reaches it as it reaches a run's.
final class ArmServer {
    private let bus: BusNode
    private let folder: String
    private let registration: ArmRegistration
    private let states: Publisher<ArmState>
    private let commands: Subscription<ArmCommand>

    /// Registers the arm, and begins to listen.
    /// - Parameters:
    ///   - path: path of the manifest.
    ///   - place: name of the arm's place, for people.
    /// - Throws: `RunFolderError`, `BusError`.
    init(_ manifest: ArmManifest, path: String, place: String) throws {
        let registry = ArmRegistry.standard
        folder = try registry.makeSocketFolder()
        let runID = String(UInt64.random(in: .min ... .max), radix: 16)
        let arm = LiveArm(
            place: place, folder: folder, isRun: false, runID: runID, endpoint: "ipc://\(folder)/arm.ipc",
            commandEndpoint: "ipc://\(folder)/commands.ipc", manifestPath: path, port: manifest.arm.serialPort)
        bus = try BusNode(
            BusOptions(
                node: Manifest.armNode, runID: runID, endpoint: arm.endpoint, peers: [],
                commandEndpoint: arm.commandEndpoint))
        commands = try bus.subscribe(Topics.armCommand)
        states = bus.publisher(Topics.armState)
        registration = try registry.register(arm)
    }

    func publish(_ state: ArmState) throws { try states.publish(state, captureTime: state.measured.time, at: .now()) }

    /// Waits as `BusNode.wait` does.
    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) throws {
        try bus.wait(until: deadline, alsoOn: descriptors)
    }

    func takeCommand() -> ArmCommand? { commands.take()?.message }

    func close() {
        registration.end()
        bus.close()
        RunFolder.removeSocketFolder(folder)
    }
}
