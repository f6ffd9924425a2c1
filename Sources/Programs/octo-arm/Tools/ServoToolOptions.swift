import ArgumentParser
import ArmDrivers
import Foundation
import JSONTree
import Kinematics
import Manifests
import NodeShell
import ServoTools

/// The arm that a tool is about: its line and its calibration file.
struct ArmOptions: ParsableArguments {
    @Option(help: "Take port, baud rate and calibration file from the \"arm\" of this manifest.")
    var manifest: String?

    @Option(help: "Take the servos from this calibration file, for example calibration/so101.json.")
    var calibration: String?

    @Option(help: "Use this serial port. Without it, the only adapter that is plugged in.")
    var port: String?

    @Option(help: "Talk to the servos at this many bits per second (1000000).")
    var baud: Int?

    func validate() throws {
        if manifest == nil, calibration == nil {
            throw ValidationError("No arm was named; give --manifest, or --calibration with the arm's file.")
        }
        if let baud, !(9_600...4_500_000).contains(baud) { throw ValidationError("--baud: give 9600 to 4500000.") }
    }

    /// Reads the arm's calibration file, and finds its port and baud rate.
    /// - Throws: what is wrong with manifest or calibration, `SerialPortChoice`.
    func arm() throws -> ToolArm {
        var (path, line): (String?, Manifest.Arm.SerialLine?) = (calibration, nil)
        if let manifest {
            let section = try ArmManifest.load(manifest).arm
            path = path ?? section.calibration
            switch section.driver {
            case .dynamixel(let found, _), .feetech(let found): line = found
            case .simulated: break
            }
        }
        return try ToolArm(
            path: path ?? "", port: try port ?? line?.port ?? SerialPortChoice.only(),
            baud: baud ?? line?.baud ?? 1_000_000)
    }
}

/// An arm as its calibration file describes it, and where it is plugged in.
struct ToolArm {
    let file: CalibrationFile
    let root: JSONNode
    let calibration: ArmCalibration
    let layout: ServoLayout
    let port: String
    let baud: Int

    init(path: String, port: String, baud: Int) throws {
        file = CalibrationFile(path: path)
        (root, calibration, layout) = try Self.read(path)
        (self.port, self.baud) = (port, baud)
    }

    static func read(_ path: String) throws -> (JSONNode, ArmCalibration, ServoLayout) {
        let calibration = try ArmCalibration(contentsOfFile: path)
        let text = try CalibrationFile(path: path).read() ?? []
        let layout = try ServoLayout(calibration: text, file: path, joints: calibration.joints.count)
        return (try JSONNode(parsing: text), calibration, layout)
    }

    var names: [String] { calibration.joints.map(\.name) }
    /// How far each joint can turn by the arm's construction, radians.
    var spans: [ClosedRange<Double>] { calibration.joints.map { $0.lower...$0.upper } }

    func openLine() throws(SerialPortError) -> ServoLine<SerialPort> {
        ServoLine(port: try SerialPort(path: port, baud: baud), baud: baud, servoProtocol: layout.servoProtocol)
    }

    /// The file's new text with another layout, checked as if it were read.
    func text(with layout: ServoLayout) throws -> String {
        let text = layout.written(into: root).text(columns: 120) + "\n"
        _ = try ArmCalibration(parsing: Array(text.utf8), file: file.path)
        _ = try ServoLayout(calibration: Array(text.utf8), file: file.path, joints: calibration.joints.count)
        return text
    }

    /// Puts another layout into the file; the old one is kept under a dated name.
    /// - Returns: what to tell the person.
    func save(_ layout: ServoLayout, at date: Date) throws -> String {
        let text = try text(with: layout)
        let kept = try file.keepOld(stamp: Self.stamp("yyyy-MM-dd'T'HH-mm-ss", date))
        try file.write(text)
        return "calibration written to \(file.path)" + (kept.map { "; the old one is \($0)" } ?? "")
    }
}

extension ToolArm {
    static func stamp(_ format: String, _ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = format
        return formatter.string(from: date)
    }
}

/// Why no serial port can be chosen where none was named.
enum SerialPortChoice: Error, CustomStringConvertible {
    case none
    case several([String])

    static func only() throws(SerialPortChoice) -> String {
        let found = SerialDevices.present(in: "/dev").devices.map(\.path)
        guard let first = found.first else { throw .none }
        guard found.count == 1 else { throw .several(found) }
        note("the only serial adapter is \(first)")
        return first
    }

    var description: String {
        switch self {
        case .none:
            "choosing a serial port: found no serial adapter, expected the arm's. Plug it in, or name it with --port."
        case .several(let paths):
            "choosing a serial port: found \(paths.joined(separator: ", ")), expected one. Name the arm's with --port; "
                + "'octo-arm find-port' tells which it is."
        }
    }
}
