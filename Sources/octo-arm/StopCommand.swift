import ArgumentParser
import Launch
import Messages
import NodeShell
import Teleop
import Time

/// The emergency stop of every arm that is driven.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Emergency stop: every arm that you drive brakes and holds until it is reset.",
        discussion: """
            Works from every shell of the user who drives the arm, and as root for all
            users: for runs, and for 'octo-arm jog' and 'home' with --manifest. Each arm's
            own state has to confirm it. A run whose arm process is just being restarted
            comes back stopped.

            Exit codes: 0 all hold, 1 one did not say so in time (switch its power off),
            2 nobody drives an arm.
            """)

    @Option(name: .customLong("run"), help: "Only the arm of this run folder. Without it, all arms.")
    var folder: String?

    func run() throws {
        var arms: [LiveArm] = []
        try reporting {
            let found = try ArmSearch.find(folder)
            arms = found.arms
            for reason in found.ignored { complain("warning: not believed: \(reason)") }
        }
        let stop = EmergencyStop(arms)
        for arm in stop.run() { print("\(arm.place): the arm holds: emergency stop") }
        for failure in stop.failures { complain("error: \(failure)") }
        if !stop.failures.isEmpty { throw NodeExit.failure }
    }
}

/// Stops several arms at once.
private final class EmergencyStop {
    private static let patience = Duration.seconds(3)
    /// An arm that has said nothing for so long may be about to come back: then it is to hold.
    private static let latchTime = Duration.milliseconds(500)
    private static let turn = Duration.milliseconds(5)

    private var waiting: [ArmOrder] = []
    /// By the run's folder, once it was tried: whether the arm will hold when its process comes back.
    private var latched: [String: Bool] = [:]
    /// In words, of the arms that have not confirmed.
    private(set) var failures: [String] = []

    init(_ arms: [LiveArm]) {
        for arm in arms {
            // One that cannot be reached must not keep the others from being stopped.
            do { waiting.append(try ArmOrder(arm)) } catch { fail(arm, "cannot be reached (\(error))") }
        }
    }

    /// - Returns: the arms that have confirmed.
    func run() -> [LiveArm] {
        let start = MonotonicTime.now()
        for order in waiting { order.give(.emergencyStop, by: operatorName, at: start) }
        var done: [LiveArm] = []
        while !waiting.isEmpty, MonotonicTime.now() - start < Self.patience {
            for order in waiting { advance(order, isLate: MonotonicTime.now() - start > Self.latchTime, done: &done) }
        }
        for order in waiting {
            fail(order.arm, "\(order.state == nil ? "says nothing" : "did not confirm it") within \(Self.patience)")
            order.close()
        }
        return done
    }

    private func advance(_ order: ArmOrder, isLate: Bool, done: inout [LiveArm]) {
        do {
            try order.advance(until: .now() + Self.turn, repeats: true)
            if isLate, order.state == nil { latch(order.arm) }
            guard Self.isObeyed(order) else { return }
            done.append(order.arm)
        } catch {
            fail(order.arm, "cannot be reached (\(error))")
        }
        order.close()
        waiting.removeAll { $0 === order }
    }

    /// A run that is ending brakes as well, and takes no chunks any more.
    private static func isObeyed(_ order: ArmOrder) -> Bool {
        let reason = order.answer?.holdReason
        return reason == .emergencyStop || reason == .stopping
    }

    /// The arm's process reads it when it comes back.
    private func latch(_ arm: LiveArm) {
        guard arm.isRun, latched[arm.folder] == nil else { return }
        do {
            try ArmLatch.update(folder: arm.folder) { ($0.isEmergencyStop, $0.stoppedBy) = (true, operatorName) }
            latched[arm.folder] = true
        } catch {
            latched[arm.folder] = false
            failures.append("\(arm.place): \(error)")
        }
    }

    private func fail(_ arm: LiveArm, _ found: String) {
        latch(arm)
        let later = latched[arm.folder] == true ? " Should its process come back, the arm holds until 'octo-arm reset'." : ""
        failures.append(
            "sending the emergency stop to \(arm.place): the arm's process \(found), expected its state to confirm at once. IF THE "
                + "ARM MOVES, SWITCH ITS POWER OFF.\(later)")
    }
}

/// The end of an emergency stop, or else of a fault.
struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Ends the emergency stop, or else clears a fault: the arm goes on holding until something moves it.",
        discussion: """
            One thing at a time: where an emergency stop and a fault hold the arm, run it
            twice. Mend the cause of a fault first, or it comes back at once.

            Exit codes: 0 done, 1 the arm did not say so in time, 2 there is no such arm,
            or several.
            """)

    private static let patience = Duration.seconds(3)

    @Option(name: .customLong("run"), help: "The run's folder. Without it, the one arm that is driven.")
    var folder: String?

    func run() throws {
        var order: ArmOrder?
        try reporting {
            let arms = try ArmSearch.find(folder).arms
            guard arms.count == 1, let arm = arms.first else { throw RunSearchError.severalRunning(arms.map(\.folder)) }
            order = try ArmOrder(arm)
        }
        guard let order else { throw NodeExit.failure }
        defer { order.close() }
        try OperatorShell.attempt { print(try reset(order)) }.get()
    }

    /// - Returns: what has become of it, for people.
    private func reset(_ order: ArmOrder) throws -> String {
        let deadline = MonotonicTime.now() + Self.patience
        try wait(for: order, until: deadline) { order.state != nil && order.isHeard }
        guard let former = order.state?.holdReason, former == .emergencyStop || former.isFault else {
            return "nothing holds the arm that a reset ends"
        }
        // Said once: a second one would end a second thing.
        order.give(.resetEmergencyStop, by: operatorName, at: .now())
        try wait(for: order, until: deadline) { order.answer.map { $0.holdReason != former } ?? false }
        let done = former == .emergencyStop ? "the emergency stop is reset" : "the fault is cleared (\(former))"
        guard let state = order.answer, let reason = state.holdReason, reason == .emergencyStop || reason.isFault else {
            return done
        }
        let joint = state.blamedJoint.map { " (joint \($0 + 1))" } ?? ""
        return "\(done); still held: \(reason)\(joint). Mend the cause, then run 'octo-arm reset' again."
    }

    private func wait(for order: ArmOrder, until deadline: MonotonicTime, _ isSo: () -> Bool) throws {
        while !isSo() {
            let now = MonotonicTime.now()
            guard now < deadline else { throw ResetError(place: order.arm.place, hold: order.state?.holdReason) }
            try order.advance(until: min(deadline, now + .milliseconds(20)), repeats: false)
        }
    }
}

/// The arm did not do what a reset asks.
private struct ResetError: Error, CustomStringConvertible {
    let place: String
    let hold: HoldReason?

    var description: String {
        let found = hold.map { "it still holds (\($0))" } ?? "its process says nothing"
        return "resetting \(place): \(found) after 3 s, expected it to be let go. Mend the cause of a fault first; see 'octo-bus list' "
            + "whether the arm's process is alive."
    }
}
