import ArmDrivers
import ArmLoop
import CShims
import Control
import Foundation
import Manifests
import Messages
import NodeShell
import RealTime
import Teleop
import Time

/// The arm of a manifest, driven by this process alone: the same control loop and envelope as in a run, without policy.
final class LocalArm<Driver: ArmDriver>: ArmHandle {
    /// How long a moving arm has for braking at the end.
    private static var brakeTime: Duration { .seconds(3) }

    let arm: TeleopArm
    let place: String
    let commandPeriod: Duration
    private let loop: ArmControlLoop<Driver>
    private let server: ArmServer
    private var untold: ArmState?
    private(set) var trouble: String?

    /// Starts the control loop: the arm holds where it is.
    /// - Throws: `ArmLoopError`.
    init(_ opened: OpenedArm<Driver>, manifest: ArmManifest, server: ArmServer, warn: (String) -> Void) throws {
        self.server = server
        let section = manifest.arm
        arm = TeleopArm(opened.calibration, stateRate: section.controlRate.hertz)
        place = manifest.place
        commandPeriod = section.manualPeriod
        loop = try ArmControlLoop(
            driver: opened.driver, calibration: opened.calibration,
            configuration: ArmControllerConfiguration(section, policyRate: manifest.policyRate))
        let rights = try loop.start(
            rights: RealTimeRights(section.realTime), areRequired: section.realTime.isRequired)
        if let advice = rights.advice { warn("\(rights). To get them: \(advice)") }
    }

    /// Obeys what 'octo-arm stop' and 'octo-arm reset' say meanwhile.
    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) throws {
        if let state = untold {
            untold = nil
            try server.publish(state)
        }
        try server.wait(until: deadline, alsoOn: descriptors)
        while let command = server.takeCommand() { obey(command.action, by: command.operatorID) }
    }

    func takeState() -> ArmState? {
        guard let snapshot = loop.takeSnapshot() else { return nil }
        trouble =
            snapshot.latch.fault?.reason == .driverFault
            ? ArmCondition(snapshot, jointNames: arm.joints + ["gripper"]).headline : nil
        // Nobody reads them here, and the channels must not overflow.
        while loop.takeChunkReport() != nil {}
        _ = loop.takeLoopReport()
        untold = snapshot.state
        return snapshot.state
    }

    func send(_ command: ManualCommand) { loop.submit(command) }

    func send(_ request: ArmRequest) { obey(request.action, by: "\(OperatorName("octo-arm"))") }

    private func obey(_ action: ArmCommand.Action, by name: String) {
        // False means that the loop hangs; its missing state shows that.
        loop.obey(action, by: name)
        // There is no policy here that would have to wait for a person.
        if action == .resetEmergencyStop || action == .clearFault { loop.obey(.resume, by: name) }
    }

    func close() {
        loop.beginStopping()
        let deadline = MonotonicTime.now() + Self.brakeTime
        while MonotonicTime.now() < deadline {
            // The loop needs a tick to see the request; at rest before that is at rest all the same.
            if let snapshot = loop.takeSnapshot(), snapshot.isAtRest { break }
            octo_sleep_until_ns((MonotonicTime.now() + .milliseconds(5)).nanoseconds)
        }
        _ = loop.end()
        server.close()
    }
}

extension ArmManifest {
    /// Where the arm is, in words for people.
    var place: String { "the arm of '\(name)'" }
}

/// Why the arm of a manifest cannot be driven by this process.
enum LocalArmError: Error, CustomStringConvertible {
    case isRunning(manifest: String, folder: String)
    case isDriven(port: String, place: String, process: Int32)

    var description: String {
        switch self {
        case .isDriven(let port, let place, let process):
            "opening the arm at \(port): \(OperatorName("octo-arm", processID: process)) drives it already (\(place)), "
                + "expected it free. End that program first; 'octo-arm stop' stops the arm."
        case .isRunning(let manifest, let folder):
            "opening the arm of \(manifest): a run drives it (\(folder)), expected it free. Leave --manifest out and "
                + "give --run \(folder), or stop that run first."
        }
    }
}

enum LocalArmOpening {
    /// Opens the arm and starts its control loop.
    /// - Parameter warn: told what a person should know although it is no error.
    static func open(_ manifest: ArmManifest, path: String, warn: (String) -> Void) throws -> any ArmHandle {
        try checkThatNobody(drives: manifest.arm, path: path)
        let server = try ArmServer(manifest, path: resolved(path), place: manifest.place)
        do {
            return try open(manifest, server, warn)
        } catch {
            server.close()
            throw error
        }
    }

    private static func open(
        _ manifest: ArmManifest, _ server: ArmServer, _ warn: (String) -> Void
    ) throws -> any ArmHandle {
        let section = manifest.arm
        switch section.driver {
        case .simulated(let simulated):
            return try LocalArm(
                try section.open(simulated, memory: nil), manifest: manifest, server: server, warn: warn)
        case .dynamixel(let line, let watchdog):
            let opened = try section.open(dynamixel: line, watchdog: watchdog) { _ in }
            return try LocalArm(opened, manifest: manifest, server: server, warn: warn)
        case .feetech(let line):
            return try LocalArm(
                try section.open(feetech: line) { _ in }, manifest: manifest, server: server, warn: warn)
        }
    }

    /// Refuses an arm that another process drives. The serial port's lock would do so anyway, but without a way out;
    /// and a simulated arm has no lock.
    private static func checkThatNobody(drives section: Manifest.Arm, path: String) throws {
        if let port = section.serialPort, let other = ArmRegistry.standard.find().arms.first(where: { $0.port == port })
        {
            guard other.isRun else {
                throw LocalArmError.isDriven(port: port, place: other.place, process: other.processID)
            }
            throw LocalArmError.isRunning(manifest: path, folder: other.folder)
        }
        for folder in RunFolder.findLive(in: RunFolder.base(ProcessInfo.processInfo.environment)) {
            // A run that is just beginning or ending has no description: the port's lock has to do.
            guard let run = try? RunDescription.load(folder: folder) else { continue }
            let isSameManifest = resolved(run.manifestPath) == resolved(path)
            let isSamePort = section.serialPort.map { $0 == run.manifest.arm.serialPort } ?? isSameManifest
            if isSamePort { throw LocalArmError.isRunning(manifest: path, folder: folder) }
        }
    }

    private static func resolved(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
}
