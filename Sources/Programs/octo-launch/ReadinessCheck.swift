import ArmDrivers
import Cameras
import Files
import Foundation
import JSONTree
import Keys
import Kinematics
import Launch
import Manifests

/// `octo-launch --check`: everything that is still missing before a robot can run, at once. Moves nothing, opens no
/// device.
struct ReadinessCheck {
    let path: String
    let manifest: Manifest
    private(set) var check: MachineCheck

    /// Checks a manifest and what it names on this machine.
    /// - Throws: `ManifestError` with what would be wrong on any machine.
    init(_ path: String, overrides: [ManifestOverride]) throws(ManifestError) {
        self.path = path
        var problems: [ManifestProblem] = []
        let manifest: Manifest
        do {
            manifest = try Manifest.load(path, overrides: overrides)
        } catch {
            // What still is wrong when nobody looks for files is wrong everywhere.
            manifest = try Manifest.load(path, overrides: overrides, asksForFiles: false)
            problems = error.problems
        }
        var check = MachineCheck(manifest, on: .machine())
        check.add(problems)
        if !problems.contains(where: { "\($0.path)" == "$.arm.calibration" }) {
            if let finding = Self.servos(manifest) { check.add(finding) }
        }
        for camera in manifest.cameras {
            let place = "$.cameras.\(camera.name).calibration"
            guard case .device(let device) = camera.source, let file = device.calibration,
                !problems.contains(where: { "\($0.path)" == place })
            else { continue }
            do {
                _ = try CameraCalibration(path: file)
            } catch {
                check.add(
                    .init(
                        path: place, severity: .missing, found: "\(error)",
                        fix: "mend the file, or run 'octo-camera tune'"))
            }
        }
        if let finding = Self.ownKey(manifest) { check.add(finding) }
        (self.manifest, self.check) = (manifest, check)
        if problems.isEmpty { rehearse(overrides) }
    }

    /// Adds what only the processes themselves can say of their files.
    private mutating func rehearse(_ overrides: [ManifestOverride]) {
        do {
            let environment = ProcessInfo.processInfo.environment
            for refusal in try Rehearsal(of: path, overrides: overrides, environment: environment).refusals {
                check.add(
                    .init(
                        path: "process \(refusal.node)", severity: .missing,
                        found: "that it cannot start: \(refusal.message)", fix: "mend that, and check again"))
            }
        } catch {
            check.add(
                .init(path: "processes", severity: .missing, found: "\(error)", fix: "mend that, and check again"))
        }
    }

    var isReady: Bool { check.isReady }

    /// What is wrong with the user's own key; that there is none yet is not, octo-launch makes it.
    private static func ownKey(_ manifest: Manifest) -> MachineCheck.Finding? {
        guard manifest.needsOwnKey else { return nil }
        do throws(KeyError) {
            _ = try KeyFolder.standard(ProcessInfo.processInfo.environment).own()
            return nil
        } catch .noOwnKey {
            return nil
        } catch {
            return .init(
                path: "own.key", severity: .missing, found: "\(error)", fix: "mend that, and check again")
        }
    }

    /// Whether calibration file, driver and control rate fit together.
    private static func servos(_ manifest: Manifest) -> MachineCheck.Finding? {
        func missing(_ path: String, _ found: String, _ fix: String) -> MachineCheck.Finding {
            .init(path: path, severity: .missing, found: found, fix: fix)
        }
        let file = manifest.arm.calibration
        do {
            let text = try FileSystem.read(file)
            let calibration = try ArmCalibration(parsing: text, file: file)
            let (line, wanted): (Manifest.Arm.SerialLine, ServoLayout.ServoProtocolName)
            switch manifest.arm.driver {
            case .simulated: return nil
            case .dynamixel(let found, _): (line, wanted) = (found, .dynamixel)
            case .feetech(let found): (line, wanted) = (found, .feetech)
            }
            let layout = try ServoLayout(calibration: text, file: file, joints: calibration.joints.count)
            guard layout.servoProtocol == wanted else {
                return missing(
                    "$.arm.calibration", "\(file), which is of \(layout.servoProtocol.rawValue) servos",
                    "set arm.driver to \(layout.servoProtocol.rawValue), or arm.calibration to this arm's file")
            }
            // Without the fast read, which only the servos themselves can tell of.
            let budget = ServoBudget(layout, baud: line.baud, usesFastRead: false)
            guard manifest.arm.controlRate.hertz > budget.highestHertz else { return nil }
            return .init(
                path: "$.arm.control_rate_hz", severity: .warning,
                found: "\(manifest.arm.controlRate.hertz) Hz, and \(budget)",
                fix:
                    "set arm.control_rate_hz to at most \(Int(budget.highestHertz)), or raise the servos' baud rate; "
                    + "servos "
                    + "that answer together may go a little higher")
        } catch {
            return missing("$.arm.calibration", "\(error)", "mend the file, or run 'octo-arm calibrate'")
        }
    }

    // MARK: - Words

    var text: String {
        let head =
            check.isReady
            ? "\(path) is sound: robot '\(manifest.name)', processes \(manifest.nodes.joined(separator: ", "))"
            : "\(path): robot '\(manifest.name)' cannot start here yet"
        let lines = check.findings.map { "  \($0.severity.rawValue): \($0.path): found \($0.found); \($0.fix)" }
        return ([head] + lines).joined(separator: "\n")
    }

    var json: JSONNode {
        let findings = check.findings.map { finding in
            JSONNode.object([
                "path": JSONNode(finding.path), "severity": JSONNode(finding.severity.rawValue),
                "found": JSONNode(finding.found), "fix": JSONNode(finding.fix),
            ])
        }
        return .object([
            "manifest": JSONNode(path), "robot": JSONNode(manifest.name), "ready": JSONNode(.bool(isReady)),
            "findings": JSONNode(.array(findings)),
        ])
    }
}
