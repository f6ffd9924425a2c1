import ArmDrivers
import Foundation
import JSONTree
import Kinematics
import ServoEmulation
import ServoTools
import TestSupport
import Testing

/// An arm of calibration/ with emulated servos, and a person who calibrates it.
final class CalibrationBench {
    let layout: ServoLayout
    let names: [String]
    let spans: [ClosedRange<Double>]
    let bus: any EmulatedBus
    let line: ServoLine<EmulatedPort>
    var session: CalibrationSession
    var saved: ServoLayout?
    var draft: JSONNode?
    /// The program is killed after so many writes.
    var writesLeft = Int.max

    struct Stop: Error {}

    /// - Parameter other: a bench whose servos it has too: their line is in another time than a new one.
    init(_ arm: String, _ bus: any EmulatedBus, after other: CalibrationBench? = nil) throws {
        let text = try Data(contentsOf: Fixture.packageRoot.appendingPathComponent("calibration/\(arm).json"))
        let calibration = try ArmCalibration(parsing: text, file: arm)
        layout = try ServoLayout(calibration: text, file: arm, joints: calibration.joints.count)
        names = calibration.joints.map(\.name)
        spans = calibration.joints.map { $0.lower...$0.upper }
        self.bus = bus
        line = other?.line ?? ServoLine(port: EmulatedPort(bus), baud: 1_000_000, servoProtocol: layout.servoProtocol)
        session = CalibrationSession(
            layout: layout, names: names, spans: spans, before: try line.registers(of: layout.ids), origin: origin)
    }

    let origin = CalibrationSession.Origin(adapter: "usb-Feetech_42", date: "2026-01-31 12:00")

    func perform(_ actions: [CalibrationSession.Action]) throws {
        for action in actions {
            if case .write = action {
                guard writesLeft > 0 else { throw Stop() }
                writesLeft -= 1
            }
            try line.perform(action)
            if case .keepDraft(let node) = action { draft = node }
            if action == .save { saved = session.result }
        }
    }

    /// Up to the loose arm: the person has said that it is held.
    func begin() throws {
        try perform(session.begin())
        try answer(.next)
    }

    /// Another session with the draft of this one, as it is on disk.
    func resumed(_ draft: JSONNode? = nil) throws -> CalibrationSession {
        let text = try #require(draft ?? self.draft).text(columns: 120)
        return try #require(
            CalibrationSession(
                layout: layout, names: names, spans: spans, draft: try JSONNode(parsing: Array(text.utf8))))
    }
    func look() throws { session.observe(try line.positions(of: layout.leaders)) }
    func answer(_ answer: CalibrationSession.Answer) throws {
        try look()
        try perform(session.answer(answer))
    }

    /// Turns a joint by hand, in steps that a look sees.
    func turn(_ id: UInt8, to end: Int) throws {
        let start = try #require(bus.position(of: id))
        for step in 0...10 {
            bus.turn(id, to: start + (end - start) * step / 10)
            try look()
        }
    }

    /// Turns an SO-101's joints to both ends, as they are built.
    func sweep(except ids: Set<UInt8> = []) throws {
        for (joint, half) in [1_250, 1_137, 1_100, 1_080].enumerated() where !ids.contains(UInt8(joint + 1)) {
            try turn(UInt8(joint + 1), to: 2_047 - half)
            try turn(UInt8(joint + 1), to: 2_047 + half)
        }
    }
}
