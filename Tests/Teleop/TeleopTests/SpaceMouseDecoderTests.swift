import Maths
import Teleop
import TestSupport
import Testing
import Time

/// What is left of a share of the full deflection beyond the zone that counts as nothing.
private func beyondZone(_ share: Double) -> Double { (share.magnitude - 0.06) / 0.94 * (share < 0 ? -1 : 1) }

extension SpaceMouseDecoder {
    /// What it says after a report that says something.
    fileprivate mutating func reading(_ report: [UInt8], at now: MonotonicTime = .zero) -> DeviceReading {
        guard let reading = receive(report, at: now) else {
            Issue.record("\(report) says nothing")
            return DeviceReading()
        }
        return reading
    }
}

private func isClose(_ a: Vector3, _ b: Vector3) -> Bool { (a - b).length < 1e-9 }

@Suite struct SpaceMouseDecoderTests {
    /// Pushed right, half away from the user and a little down, on the device's axes; the arm's x is forward, y left, z
    /// up.
    private let linear: Vector3 = [beyondZone(0.5), -1, beyondZone(-0.2)]
    private let angular: Vector3 = [beyondZone(0.2), beyondZone(-0.1), beyondZone(-0.3)]

    @Test func translationAndRotationMayComeApart() {
        var decoder = SpaceMouseDecoder()
        let first = decoder.reading(RecordedBytes.puckApart[0])
        #expect(isClose(first.linear, linear) && first.angular == .zero)
        let both = decoder.reading(RecordedBytes.puckApart[1])
        #expect(isClose(both.linear, linear) && isClose(both.angular, angular))
        #expect(both.pressed == [.deadMan] && !both.hasSwitch, "who moves the puck holds it")
    }

    @Test func orInOneReport() {
        var decoder = SpaceMouseDecoder()
        let both = decoder.reading(RecordedBytes.puckTogether)
        #expect(isClose(both.linear, linear) && isClose(both.angular, angular))
    }

    @Test func theRightButtonIsTheEmergencyStopAndTheLeftTheGripper() {
        var decoder = SpaceMouseDecoder()
        let pressed = [2, 1, 0].map { decoder.reading([0x03, $0, 0x00]).pressed }
        #expect(pressed == [[.emergencyStop], [.toggleGripper], []])
        // Held while the puck moves.
        _ = decoder.receive([0x03, 0x02, 0x00, 0x00, 0x00], at: .zero)
        let moved = decoder.reading(RecordedBytes.puckTogether)
        #expect(moved.pressed == [.deadMan, .emergencyStop])
    }

    @Test func aPuckThatIsLetGoIsAtRest() {
        var decoder = SpaceMouseDecoder()
        _ = decoder.receive(RecordedBytes.puckTogether, at: .zero)
        let rest = decoder.reading([1] + [UInt8](repeating: 0, count: 12))
        #expect(rest.isAtRest && rest.pressed == [])
    }

    /// The report of its being let go was lost: a button must not bring back where it was.
    @Test func aPuckThatFellSilentIsAtRest() {
        var decoder = SpaceMouseDecoder()
        _ = decoder.receive(RecordedBytes.puckTogether, at: .zero)
        let soon = decoder.reading([3, 1, 0], at: .zero + .milliseconds(100))
        #expect(!soon.isAtRest && soon.pressed == [.deadMan, .toggleGripper])
        let late = decoder.reading([3, 0, 0], at: .zero + .milliseconds(200))
        #expect(late.isAtRest && late.pressed == [])
        // Of one axis triple that is told anew the other is not remembered either.
        _ = decoder.receive(RecordedBytes.puckTogether, at: .zero + .seconds(1))
        let half = decoder.reading(RecordedBytes.puckApart[1], at: .zero + .seconds(2))
        #expect(half.linear == .zero && isClose(half.angular, angular))
    }

    @Test func theLeftButtonIsTheSwitchWhereThatIsAsked() {
        var decoder = SpaceMouseDecoder(deadMan: .button)
        let knocked = decoder.reading(RecordedBytes.puckTogether)
        #expect(knocked.hasSwitch && knocked.pressed == [] && isClose(knocked.linear, linear))
        #expect(decoder.reading([3, 1, 0]).pressed == [.deadMan])
        #expect(decoder.reading([3, 3, 0]).pressed == [.deadMan, .emergencyStop])
        #expect(decoder.reading([3, 2, 0]).pressed == [.emergencyStop])
    }

    @Test func beyondFullDeflectionIsFull() {
        var decoder = SpaceMouseDecoder()
        let reading = decoder.reading([0x01, 0xff, 0x7f, 0x00, 0x80, 0x00, 0x00])
        #expect(reading.linear == [1, -1, 0])
    }

    @Test(
        arguments: [
            [], [1], [1, 2, 3, 4, 5, 6], [2, 0, 0], [3], [0x17, 80], [4, 1], [0xff, 1, 2, 3, 4, 5, 6, 7, 8],
        ] as [[UInt8]])
    func whatIsCutShortOrUnknownSaysNothing(report: [UInt8]) throws {
        var decoder = SpaceMouseDecoder()
        _ = decoder.receive(RecordedBytes.puckTogether, at: .zero)
        let reading = decoder.receive(report, at: .zero)
        #expect(reading == nil)
        let later = decoder.reading([3, 0, 0])
        #expect(isClose(later.linear, linear), "and changes nothing")
    }

    @Test func reportsOfAPipeAreCutWhereTheyBegin() {
        let stream: [UInt8] = Array(RecordedBytes.puckApart.joined()) + [3, 2, 0]
        for piece in 1...stream.count {
            var carry: [UInt8] = []
            var reports: [[UInt8]] = []
            for start in stride(from: 0, to: stream.count, by: piece) {
                carry += stream[start..<min(start + piece, stream.count)]
                reports += SpaceMouseDecoder.reports(in: &carry, isCombined: false)
            }
            #expect(reports == RecordedBytes.puckApart + [[3, 2, 0]] && carry.isEmpty, "in pieces of \(piece)")
        }
        var carry = RecordedBytes.puckTogether + [3]
        #expect(SpaceMouseDecoder.reports(in: &carry, isCombined: true) == [RecordedBytes.puckTogether])
        #expect(carry == [3])
    }

    @Test func noBytesTrapAndEveryReadingIsInItsRange() {
        let seed = SeededGenerator.freshSeed()
        var chance = SeededGenerator(seed: seed)
        var decoder = SpaceMouseDecoder()
        for _ in 0..<5_000 {
            var report: [UInt8] = (0..<Int.random(in: 0...20, using: &chance)).map { _ in
                .random(in: 0...255, using: &chance)
            }
            if !report.isEmpty, Bool.random(using: &chance) { report[0] = .random(in: 0...4, using: &chance) }
            var carry = report
            _ = SpaceMouseDecoder.reports(in: &carry, isCombined: Bool.random(using: &chance))
            guard let reading = decoder.receive(report, at: .zero) else { continue }
            for share in [reading.linear, reading.angular] {
                for index in 0..<3 { #expect(abs(share[index]) <= 1, "seed \(seed)") }
            }
            #expect(reading.pressed.contains(.deadMan) == !reading.isAtRest, "seed \(seed)")
        }
    }
}
