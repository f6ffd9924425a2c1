import Glibc

/// Motor and gears of an emulated servo: follows what it is told, and stops at what stands in its way.
struct EmulatedMotor: Equatable, Sendable {
    /// Seconds after which 63 % of a small step are done.
    private static let timeConstant = 0.02
    /// Longest time that is computed at once, seconds.
    private static let stretch = 0.002
    /// Longest time that has an effect, seconds: a bus that slept for a day is soon up to date.
    private static let horizon = 10.0

    /// Position, pulses as the bare encoder would say; unbounded.
    var position: Double
    /// Velocity, pulses per second.
    private(set) var velocity = 0.0
    /// Lowest and highest position that the motor can turn to, pulses.
    var lowestFree = -Double.infinity
    var highestFree = Double.infinity
    /// How hard it pushes, -1 ... 1.
    private(set) var effort = 0.0
    /// How long it has pushed against an obstacle, seconds.
    private(set) var stalledSeconds = 0.0
    /// What becomes of its shaft, if a world outside decides that: then `position` is where it tries to be.
    var shaft: EmulatedShaft?

    /// Position of its shaft, pulses as the bare encoder would say.
    var present: Double { shaft?.position ?? position }
    /// Velocity of its shaft, pulses per second.
    var presentVelocity: Double { shaft?.velocity ?? velocity }
    /// Effort at present, -1 ... 1 of the most that the motor can push.
    var presentEffort: Double { shaft?.effort ?? effort }

    init(position: Double) { self.position = position }

    /// Turns towards `goal`, pulses, at no more than `speed`, pulses per second.
    mutating func follow(_ goal: Double, speed: Double, for seconds: Double) {
        advance(seconds) { motor in
            min(max((goal - motor.position) / Self.timeConstant, -speed), speed)
        }
        if stalledSeconds == 0 { effort = min(max((goal - position) / 200, -0.3), 0.3) }
    }

    /// Turns as fast as a share (-1 ... 1) of `speed` says.
    mutating func push(_ share: Double, speed: Double, for seconds: Double) {
        advance(seconds) { _ in share * speed }
        if stalledSeconds == 0 { effort = share * 0.2 } else { effort = share }
    }

    /// Goes on without torque: stays where it is, or goes where its shaft goes.
    mutating func rest() {
        position = present
        (velocity, effort, stalledSeconds) = (0, 0, 0)
    }

    private mutating func advance(_ seconds: Double, _ wanted: (Self) -> Double) {
        var left = min(max(seconds, 0), Self.horizon)
        while left > 0 {
            let step = min(left, Self.stretch)
            left -= step
            velocity = wanted(self)
            let next = position + velocity * step
            position = min(max(next, lowestFree), highestFree)
            if position != next {
                effort = velocity > 0 ? 1 : -1
                velocity = 0
                stalledSeconds += step
            } else if velocity != 0 {
                stalledSeconds = 0
            }
        }
    }
}

/// How a servo's shaft turns, as its encoder and its current sensor see it.
package struct EmulatedShaft: Equatable, Sendable {
    /// Position, pulses as the position register counts.
    package var position: Double
    /// Velocity, pulses per second.
    package var velocity: Double
    /// How hard the servo pushes, as a share of what it may: -1 ... 1.
    package var effort: Double

    package init(position: Double, velocity: Double, effort: Double) {
        self.position = position
        self.velocity = velocity
        self.effort = effort
    }
}
