import ArgumentParser
import ArmDrivers
import Kinematics
import Foundation
import JSONTree
import Manifests
import NodeShell
import ServoTools

/// The arm that a tool is about: its line and its calibration file.
struct ArmOptions: ParsableArguments {
    @Option(help: "Take port, baud rate and calibration file from the \"arm\" of this manifest.")
    var manifest: String?

    @Option(help: "The arm's calibration file, for example calibration/so101.json.")
    var calibration: String?

    @Option(help: "The arm's serial port. Without it, the only adapter that is plugged in.")
    var port: String?

    @Option(help: "Bits per second of the servos (1000000).")
    var baud: Int?

    func validate() throws {
        if manifest == nil, calibration == nil {
            throw ValidationError("No arm was named; give --manifest, or --calibration with the arm's file.")
        }
        if let baud, !(9_600...4_500_000).contains(baud) { throw ValidationError("--baud: give 9600 to 4500000.") }
    }

    /// Reads the arm's files.
    /// - Throws: `NodeExit.badInput`, after it has said why.
    func arm() throws -> ToolArm {
        do {
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
        } catch {
            throw Console.refuse(error)
        }
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

    func openLine() throws -> ServoLine<SerialPort> {
        do {
            return ServoLine(
                port: try SerialPort(path: port, baud: baud), baud: baud, servoProtocol: layout.servoProtocol)
        } catch {
            throw Console.refuse(error)
        }
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

/// The serial port that is meant where none was named.
enum SerialPortChoice: Error, CustomStringConvertible {
    case none
    case several([String])

    static func only() throws(SerialPortChoice) -> String {
        let found = SerialDevices.present(in: "/dev").devices.map(\.path)
        guard let first = found.first else { throw .none }
        guard found.count == 1 else { throw .several(found) }
        Console.note("the only serial adapter is \(first)")
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

/// Words for the person at the terminal.
enum Console {
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    /// Says why something cannot be used, and gives the exit code for that.
    static func refuse(_ error: any Error) -> any Error {
        note("error: \(error)")
        return NodeExit.badInput
    }

    static func fail(_ error: any Error) -> any Error {
        note("error: \(error)")
        return NodeExit.failure
    }

    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Prints a line that the next one replaces; nothing where nobody watches.
    static func progress(_ text: String) {
        if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8)) }
    }

    static func endProgress() { progress("") }

    /// Sets rows in columns that are as wide as their widest entry.
    static func table(_ rows: [[String]]) -> String {
        guard let first = rows.first else { return "" }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                line += text + String(repeating: " ", count: widths[column] - text.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
