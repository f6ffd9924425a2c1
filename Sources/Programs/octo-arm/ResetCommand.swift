import ArgumentParser
import Manifests
import Messages
import NodeShell
import Teleop
import Time

/// The end of an emergency stop, or else of a fault.
struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "End the emergency stop, or else clear a fault: nothing moves by that.",
        discussion: """
            After an emergency stop a person may drive the arm, and the policy moves it again only after 'octo-arm \
            resume'. After a fault it goes on with the next chunk.

            One thing at a time: where an emergency stop and a fault hold the arm, run it twice. Mend the cause of a \
            fault first, or it comes back at once.

            Exit codes: 0 done, 1 the arm did not say so in time, 2 there is no such arm, or several.
            """)

    @OptionGroup var choice: DrivenArmOption

    func run() throws { try OrderedArm.run(choice.folder, doing: "resetting", reset) }

    /// Asks the arm for it.
    /// - Returns: what has become of it, for people.
    private func reset(_ arm: OrderedArm) throws -> String {
        let former = try arm.hold()
        if former == .awaitingResume {
            return "the emergency stop is reset already: 'octo-arm resume' lets the policy go on"
        }
        guard let former, former == .emergencyStop || former.isFault else {
            return "nothing holds the arm that a reset ends"
        }
        let state = try arm.give(.resetEmergencyStop) { $0.holdReason != former }
        let done = former == .emergencyStop ? "the emergency stop is reset" : "the fault is cleared (\(former))"
        switch state?.holdReason {
        case .awaitingResume?: return "\(done); the policy waits: 'octo-arm resume' lets it go on"
        case let reason? where reason == .emergencyStop || reason.isFault:
            let joint = state?.blamedJoint.map { " (joint \($0 + 1))" } ?? ""
            return
                "\(done); still held: \(reason)\(joint). Mend the cause, then run "
                + "'\(reason.command ?? "octo-arm reset")'."
        default: return done
        }
    }
}

/// Ends a fault alone.
struct ClearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear",
        abstract: "Clear a fault (a joint that was blocked, overloaded, too hot; servos that could not be driven).",
        discussion: """
            As 'octo-arm reset', but an emergency stop stays. Mend the cause first, or the fault comes back at once. \
            The arm goes on with the policy's next chunk.

            Exit codes: 0 done, 1 the arm did not say so in time, 2 there is no such arm, or several.
            """)

    @OptionGroup var choice: DrivenArmOption

    func run() throws { try OrderedArm.run(choice.folder, doing: "clearing the fault of", clear) }

    private func clear(_ arm: OrderedArm) throws -> String {
        guard let former = try arm.hold(), former.isFault else { return "there is no fault to clear" }
        _ = try arm.give(.clearFault) { $0.holdReason != former }
        return "the fault is cleared (\(former))"
    }
}

/// Lets the policy move the arm again.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Let the policy move the arm again after an emergency stop that was reset.",
        discussion: """
            THE ARM MOVES with the policy's next chunk. Look that nobody is in its way, and that the scene is still \
            the goal's.

            Exit codes: 0 done, 1 it cannot go on yet, or the arm did not say so in time, 2 there is no such arm, or \
            several.
            """)

    @OptionGroup var choice: DrivenArmOption

    func run() throws { try OrderedArm.run(choice.folder, doing: "resuming", resume) }

    private func resume(_ arm: OrderedArm) throws -> String {
        switch try arm.hold() {
        case .awaitingResume?:
            _ = try arm.give(.resume) { $0.holdReason != .awaitingResume }
            return "the policy may move the arm again"
        case let reason? where reason == .emergencyStop || reason.isFault:
            throw ResumeProblem(place: arm.place, hold: reason)
        default: return "nothing keeps the policy from moving the arm"
        }
    }
}

private struct ResumeProblem: Error, CustomStringConvertible {
    let place: String
    let hold: HoldReason

    var description: String {
        "resuming \(place): found it held (\(hold)), expected a stop that was reset. Run "
            + "'\(hold.command ?? "octo-arm reset")' first."
    }
}

/// One arm that a command asks for something, and that has to confirm it.
private struct OrderedArm {
    private let order: ArmOrder
    private let verb: String
    var place: String { order.arm.place }

    /// Says to the one arm that is driven, or to that of `folder`, what `work` does, and prints what has become of it.
    static func run(_ folder: String?, doing verb: String, _ work: (OrderedArm) throws -> String) throws {
        let arms = try ArmSearch.find(folder).arms
        guard arms.count == 1, let arm = arms.first else { throw RunSearchError.severalRunning(arms.map(\.folder)) }
        let order = try ArmOrder(arm)
        defer { order.close() }
        try working { print(try work(OrderedArm(order: order, verb: verb))) }
    }

    /// Why the arm holds now; nil while it moves.
    func hold() throws -> HoldReason? {
        try wait { order.state != nil && order.isHeard }
        return order.state?.holdReason
    }

    /// Gives the command once.
    /// - Returns: the arm's state once it is as `isDone` says.
    func give(_ action: ArmCommand.Action, until isDone: (ArmState) -> Bool) throws -> ArmState? {
        // Said once: a second one would end a second thing.
        order.give(action, repeats: false, at: .now())
        try wait { order.answer.map(isDone) ?? false }
        return order.answer
    }

    private func wait(_ isSo: () -> Bool) throws {
        do {
            while !isSo() { try order.advance(until: .now() + .milliseconds(20)) }
        } catch let silence as NodeSilence {
            throw ResetError(verb: verb, place: place, hold: order.state?.holdReason, silence: silence)
        }
    }
}

/// Says that the arm did not do what it was asked.
private struct ResetError: Error, CustomStringConvertible {
    let verb: String
    let place: String
    let hold: HoldReason?
    let silence: NodeSilence

    var description: String {
        "\(verb) \(place): "
            + (hold.map {
                "it still holds (\($0)) after \(NodeExchange.patience.inSeconds.decimals(0)) s, expected it to be let "
                    + "go. Mend the cause of a fault first."
            } ?? "\(silence)")
    }
}
