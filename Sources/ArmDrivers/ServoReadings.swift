import Geometry
import Messages
import Time

/// The last answer of every servo, and how it fares when one is missed.
struct ServoReadings {
    struct Reading {
        var pulse = 0.0
        /// Pulses per second.
        var velocity = 0.0
        /// -1 ... 1 of what it may push.
        var load = 0.0
        /// Degrees Celsius.
        var temperature = 0.0
        /// Ticks in a row without an answer.
        var misses = 0
        var hasAnswered = false
        /// Bits of an error the servo has told.
        var error: UInt8 = 0
    }
    private(set) var readings: [Reading]
    private var lastTime: MonotonicTime = .zero
    /// Answers that did not come, or not whole, since the start.
    private(set) var missed: UInt64 = 0

    init(count: Int) { readings = [Reading](repeating: Reading(), count: count) }

    var isComplete: Bool {
        for index in readings.indices where !readings[index].hasAnswered { return false }
        return true
    }

    mutating func begin() {
        for index in readings.indices { readings[index].hasAnswered = false }
    }

    mutating func answered(_ index: Int, pulse: Int, velocity: Double, load: Double) {
        readings[index].pulse = Double(pulse)
        readings[index].velocity = velocity
        readings[index].load = load
        readings[index].misses = 0
        readings[index].hasAnswered = true
    }

    mutating func setTemperature(_ degrees: Int, of index: Int) { readings[index].temperature = Double(degrees) }
    mutating func setError(_ bits: UInt8, of index: Int) { readings[index].error = bits }

    /// Who did not answer goes on as it moved, for a few ticks.
    /// - Returns: the first that has been silent for longer than `tolerated` ticks.
    mutating func end(at now: MonotonicTime, tolerated: Int) -> Int? {
        let seconds = lastTime == .zero ? 0 : (now - lastTime).inSeconds
        lastTime = now
        var silent: Int?
        for index in readings.indices where !readings[index].hasAnswered {
            missed += 1
            readings[index].misses += 1
            if readings[index].misses > tolerated {
                silent = silent ?? index
            } else {
                readings[index].pulse += readings[index].velocity * seconds
            }
        }
        return silent
    }

    /// The servos of `layout`'s joints come first, then the gripper's.
    func state(_ layout: ServoLayout, at now: MonotonicTime) -> JointState {
        let count = layout.joints.count
        var positions = JointVector(repeating: 0, count: count)
        var velocities = positions
        var load = positions
        var temperatures = positions
        for joint in 0..<count {
            let reading = readings[joint]
            let direction = Double(layout.joints[joint].direction)
            positions[joint] = layout.joints[joint].radians(reading.pulse)
            velocities[joint] = direction * reading.velocity * ServoLayout.Joint.radiansPerPulse
            load[joint] = direction * reading.load
            temperatures[joint] = reading.temperature
        }
        return JointState(
            time: now, positions: positions, velocities: velocities, gripper: layout.gripper.opening(readings[count].pulse),
            load: load, temperatures: temperatures, gripperLoad: abs(readings[count].load),
            gripperTemperature: readings[count].temperature)
    }
}
