import ArmDrivers
import ArmLoop
import ArmSetup
import CShims
import Control
import Foundation
import Launch
import Messages
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
    private(set) var trouble: String?

    /// Starts the control loop: the arm holds where it is.
    /// - Throws: `ArmLoopError`, `ArmNodeError`.
    init(_ opened: OpenedArm<Driver>, manifest: Manifest, warn: (String) -> Void) throws {
        let section = manifest.arm
        arm = TeleopArm(opened.calibration, stateRate: section.controlRate.hertz)
        place = "the arm of '\(manifest.name)'"
        commandPeriod = section.manualPeriod
        loop = try ArmControlLoop(
            driver: opened.driver, calibration: opened.calibration,
            configuration: ArmControllerConfiguration(section, policyRate: manifest.policy.rate))
        let rights = try loop.start(as: section.realTime)
        if !rights.isComplete { warn("\(rights)") }
    }

    func wait(until deadline: MonotonicTime, alsoOn descriptors: [Int32]) {
        var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = octo_poll_until_ns(&polled, UInt32(polled.count), deadline.nanoseconds)
    }

    func takeState() -> ArmState? {
        guard let snapshot = loop.takeSnapshot() else { return nil }
        trouble = snapshot.driverWorks ? nil : snapshot.lastFault.map { "\($0)" }
        // Nobody reads them here, and the channels must not overflow.
        while loop.takeChunkReport() != nil {}
        _ = loop.takeLoopReport()
        return snapshot.state
    }

    func send(_ command: ManualCommand) { loop.submit(command) }

    func send(_ request: ArmRequest) {
        // False means that the loop hangs; its missing state shows that. The emergency stop itself cannot be lost.
        switch request.action {
        case .emergencyStop: loop.emergencyStop()
        case .resetEmergencyStop:
            if let operatorID = OperatorID(ArmOperator.name) { _ = loop.resetEmergencyStop(by: operatorID) }
        case .clearFault: _ = loop.clearFault()
        case .recover: _ = loop.recover()
        }
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
    }
}

/// Why the arm of a manifest cannot be driven by this process.
enum LocalArmError: Error, CustomStringConvertible {
    case isRunning(manifest: String, folder: String)

    var description: String {
        switch self {
        case .isRunning(let manifest, let folder):
            "opening the arm of \(manifest): a run drives it (\(folder)), expected it free. Leave --manifest out and give "
                + "--run \(folder), or stop that run first."
        }
    }
}

enum LocalArmOpening {
    /// Opens the arm and starts its control loop.
    /// - Parameter warn: told what a person should know although it is no error.
    static func open(_ manifest: Manifest, path: String, warn: (String) -> Void) throws -> any ArmHandle {
        let section = manifest.arm
        try checkThatNoRun(drives: section, path: path)
        switch section.driver {
        case .simulated(let simulated):
            return try LocalArm(try section.open(simulated, memory: nil), manifest: manifest, warn: warn)
        case .dynamixel(let line, let watchdog):
            let opened = try section.open(dynamixel: line, watchdog: watchdog) { _ in }
            return try LocalArm(opened, manifest: manifest, warn: warn)
        case .feetech(let line):
            return try LocalArm(try section.open(feetech: line) { _ in }, manifest: manifest, warn: warn)
        }
    }

    /// What the serial port's lock would say anyway, but with a way out; and a simulated arm has no lock.
    private static func checkThatNoRun(drives section: Manifest.Arm, path: String) throws {
        for folder in RunFolder.findLive(in: RunFolder.base(ProcessInfo.processInfo.environment)) {
            // A run that is just beginning or ending has no description: the port's lock has to do.
            guard let run = try? RunDescription.load(folder: folder) else { continue }
            let isSameManifest = resolved(run.manifestPath) == resolved(path)
            let isSamePort = port(of: section).map { $0 == port(of: run.manifest.arm) } ?? isSameManifest
            if isSamePort { throw LocalArmError.isRunning(manifest: path, folder: folder) }
        }
    }

    private static func port(of section: Manifest.Arm) -> String? {
        switch section.driver {
        case .simulated: nil
        case .dynamixel(let line, _), .feetech(let line): resolved(line.port)
        }
    }

    private static func resolved(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
}
