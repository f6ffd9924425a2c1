import ArgumentParser
import ArmDrivers
import CShims
import Files
import Foundation
import Kinematics
import Manifests
import Maths
import NodeShell
import RealTime
import ServoEmulation
import Time

/// Stands in for a bus of servos, on a pseudo-terminal.
struct EmulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulate",
        abstract: "Stand in for an arm's servos, so that the real drivers have something to talk to.",
        discussion: """
            The servos of a calibration file answer at a pseudo-terminal; LINK points to it, and is what arm.port is \
            set to. They stand in the calibration's neutral pose at first; those of --ids in the middle of their turn. \
            Without both, dynamixel means the servos of a WidowX-250s, and feetech the ids 1 to 6 of an SO-101.

            Faults come in lines on standard input:

              drop P          lose packets with probability P        corrupt P   damage them
              delay S         answer S seconds late                  missing ID  a servo is gone (missing: none is)
              latency S       the adapter keeps answers up to S seconds, or until 62 bytes are there
              hold S          answers pile up for S seconds, then come at once
              stale N         answers come N requests late           garble P    positions are wrong, checksums right
              pause S         the line is frozen for S seconds, both ways
              error ID BITS   a hardware error, as the protocol's bits
              heat ID C       a servo is C degrees Celsius hot
              obstacle ID LO HI   it cannot leave LO ... HI pulses (obstacle ID: free again)
              turn ID PULSES      a hand turns a servo whose torque is off
              torque ID 0|1   torque goes off, or on, by itself: no error tells of it
              level ID N      what a servo answers: Dynamixel 0 pings, 1 reads too, 2 everything; Feetech 0 pings and
                              reads, 1 everything
              phase ID BITS   Feetech's phase register; bit 16 makes positions count turns, beyond 0 ... 4095
              duplicate ID    a second servo has this id: they answer at one time, and spoil each other's answers
              protocol ID 1|2 the Dynamixel protocol the servo is set to; it hears no packet of the other
              firmware ID N M the servo's firmware (Dynamixel: firmware ID N)
              unplug, replug  the adapter is pulled out, and comes back with the power switched off and on
            """)

    @Option(help: "Speak this protocol: dynamixel or feetech.", transform: Self.servoProtocol)
    var driver: ServoLayout.ServoProtocolName?

    @Option(help: "Stand in for the servos of this calibration file.")
    var calibration: String?

    @Option(help: "Stand in for servos of these ids, as in 1,2,3.", transform: Self.servoIDs)
    var ids: [UInt8]?

    @Option(help: "Put the link to the pseudo-terminal there.")
    var link: String

    @Option(help: "Answer at this many bits per second; what comes at another rate is not heard.")
    var baud = 1_000_000

    @Option(help: "Draw the faults' chance from this seed.")
    var seed: UInt64 = 1

    @Option(help: "Write a JSON line for every accepted register write to this file.")
    var registerLog: String?

    @Option(help: "Begin with this fault, given as in a line of standard input. May be repeated.")
    var fault: [String] = []

    func validate() throws {
        guard (9_600...4_500_000).contains(baud) else { throw ValidationError("--baud: give 9600 to 4500000.") }
        if ids != nil, calibration != nil {
            throw ValidationError("--ids and --calibration both name servos: give one of them.")
        }
        if ids != nil, driver == nil {
            throw ValidationError("--ids: give their protocol too, as in --driver feetech.")
        }
    }

    static func servoProtocol(_ name: String) throws -> ServoLayout.ServoProtocolName {
        guard let found = ServoLayout.ServoProtocolName(rawValue: name) else {
            throw ValidationError("--driver: found '\(name)', give dynamixel or feetech.")
        }
        return found
    }

    private static func servoIDs(_ text: String) throws -> [UInt8] {
        let ids = text.split(separator: ",", omittingEmptySubsequences: false).map { UInt8($0) ?? 255 }
        guard ids.allSatisfy({ $0 <= 252 }), Set(ids).count == ids.count else {
            throw ValidationError("--ids: found '\(text)', give different numbers from 0 to 252, as in 1,2,3.")
        }
        return ids
    }

    private func makeBus() throws -> (ServoLayout.ServoProtocolName, any EmulatedBus) {
        if let driver, let ids = ids ?? (driver == .feetech && calibration == nil ? Array(1...6) : nil) {
            switch driver {
            case .dynamixel: return (driver, EmulatedDynamixelBus(ids.map { .init(id: $0) }, baud: baud, seed: seed))
            case .feetech: return (driver, EmulatedFeetechBus(ids.map { .init(id: $0) }, baud: baud, seed: seed))
            }
        }
        let file = calibration ?? ShippedFile.path("calibration/widowx-250s.json")
        let arm = try ArmCalibration(contentsOfFile: file)
        let text = try FileSystem.read(file)
        let layout = try ServoLayout(calibration: text, file: file, joints: arm.joints.count)
        if let driver, driver != layout.servoProtocol {
            throw EmulationError.otherServos(
                calibration: file, found: layout.servoProtocol.rawValue, wanted: driver.rawValue)
        }
        return (layout.servoProtocol, layout.emulated(at: arm.neutral, baud: baud, seed: seed))
    }

    func run() throws {
        let (name, bus) = try makeBus()
        let log = try registerLog.map { path in try working { try Self.openLog(path) } }
        if let log { bus.onWrite = { log.write(Self.line($0)) } }
        let terminal = PseudoTerminal(link: link)
        try terminal.requireFreeLink()
        try terminal.plugIn()
        var server = EmulationServer(bus: bus, terminal: terminal)
        for line in fault { try server.obey(line) }
        print("\(name.rawValue) servos \(bus.ids.map(String.init).joined(separator: " ")) at \(link)")
        fflush(nil)
        // Servos are no program: whatever else the machine does, they answer. Where the right is refused they do their
        // best.
        _ = RealTimeRights(fifoPriority: 60, locksMemory: false, cpu: nil, timerSlackNanoseconds: 1).acquire()
        try working { try server.serve { note("\($0)") } }
        log?.flush(limit: .seconds(10))
    }

    /// Creates the log, or empties the one that is there. Its lines are written by a thread of their own: a disk that
    /// stalls must not silence the servos. open(2).
    private static func openLog(_ path: String) throws -> LineWriter {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw EmulationError.unwritable(path) }
        return LineWriter(descriptor)
    }

    private static func line(_ write: RegisterWrite) -> String {
        let data = write.data.map(String.init).joined(separator: ",")
        return "{\"time_ns\":\(write.time),\"id\":\(write.id),\"address\":\(write.address),\"data\":[\(data)],"
            + "\"position\":\(write.after.position),\"goal\":\(write.after.goal),"
            + "\"had_torque\":\(write.before.isTorqueOn)}"
    }
}
